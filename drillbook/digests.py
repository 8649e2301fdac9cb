"""Digests: what decides a result, so that a change of it makes the result stale."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drillbook.model import Drill, Options

_SIZE = 16
SHOWING = (
    # What shows, looks after or helps to write pages.
    *("incidents/", "site/", "upkeep/", "shellcheck.py", "sphinx_ext.py"),
    # What starts a run and tells of it.
    *("__main__.py", "cli.py", "pytest_plugin.py", "runs/annotation.py", "runs/junit.py"),
    *("runs/live.py", "runs/schedule.py"),
)
"""The engine's folders and modules on which no result depends."""

PACKAGE = Path(__file__).parent


def of_bytes(data: bytes) -> str:
    """Hex digest of some bytes."""
    return hashlib.blake2b(data, digest_size=_SIZE).hexdigest()


def of_file(path: Path | str) -> str:
    """Hex digest of a file's content; empty if it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return of_bytes(file.read())
    except OSError:
        return ""


def of_files(files: Mapping[str, str]) -> str:
    """Hex digest of several files, given each one's digest by its path."""
    return of_bytes(json.dumps(sorted(files.items())).encode())


def files_under(folder: Path, *, above: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Every file below a folder, in no order; caches and hidden files left out.

    Args:
        folder: Where to begin. Links to folders are followed, as Sphinx follows them.
        above: Folders that are being read, so that a link back to one ends there.
    """
    real = os.path.realpath(folder)
    if real in above or not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            if entry.is_dir():
                yield from files_under(Path(entry.path), above=above | {real})
            elif entry.is_file() and not entry.name.endswith(".pyc"):
                yield Path(entry.path)


def stack_files(root: Path) -> dict[str, str]:
    """Digest of each file of the stack by its path in the project."""
    found = files_under(root / "examples")
    return {path.relative_to(root).as_posix(): of_file(path) for path in found}


def engine_files() -> dict[str, str]:
    """Digest of each file of the engine by its path as a project would have it."""
    found = files_under(PACKAGE)
    return {
        f"drillbook/{path.relative_to(PACKAGE).as_posix()}": of_file(path)
        for path in found
        if path.suffix == ".py"
    }


def world(stack: Mapping[str, str], engine: Mapping[str, str]) -> str:
    """Digest of what every snippet shares: the stack's and the engine's files.

    What of the engine only shows results is left out.
    """
    core = {
        path: digest
        for path, digest in engine.items()
        if not path.removeprefix("drillbook/").startswith(SHOWING)
    }
    return of_bytes(f"{of_files(stack)}\n{of_files(core)}".encode())


def chain(
    services: Iterable[str],
    drill: Drill | None,
    snippets: Iterable[tuple[str, str, Options]],
) -> list[str]:
    """Digest of each snippet of a scenario over itself and all before it.

    Args:
        services: The page's stack.
        drill: The scenario's drill, if it is one.
        snippets: Language, text and options of each, in order.
    """
    objectives = asdict(drill) if drill else {}
    # Where the directive stands decides nothing.
    objectives.pop("line", None)
    last = _of_json([sorted(services), objectives])
    found: list[str] = []
    for language, text, options in snippets:
        last = _of_json([last, language, text, asdict(options)])
        found.append(last)
    return found


def in_world(digest: str, world_digest: str) -> str:
    """A snippet's digest together with what every snippet shares."""
    return of_bytes(f"{digest}{world_digest}".encode())


def _of_json(data: Any) -> str:
    return of_bytes(json.dumps(data, sort_keys=True).encode())
