"""Digests: what decides a result, so that a change of it makes the result stale."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drillbook.model import Drill, Options

_SIZE = 16
SHOWING = (
    # What shows, looks after or helps to write pages.
    *("decisions/", "gameday/", "incidents/", "site/", "upkeep/"),
    *("findings.py", "prose.py", "shellcheck.py", "sphinx_ext.py"),
    # What starts a run and tells of it.
    *("__main__.py", "cli.py", "pytest_plugin.py", "runs/annotation.py", "runs/junit.py"),
    *("runs/live.py", "runs/mutants.py", "runs/schedule.py"),
)
"""The engine's folders and modules on which no result depends."""

PACKAGE = Path(__file__).parent

BESIDE_THE_STACK = ("requirements.lock",)
"""Files outside the stack's folder that say what runs in it."""


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
    """Every file below a folder, in no order; `__pycache__` and `.git` left out.

    Args:
        folder: Where to begin. Links to folders are followed, as Sphinx follows them.
        above: Folders that are being read, so that a link back to one ends there.
    """
    real = os.path.realpath(folder)
    if real in above or not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in ("__pycache__", ".git"):
                continue
            if entry.is_dir():
                yield from files_under(Path(entry.path), above=above | {real})
            elif entry.is_file():
                yield Path(entry.path)


def stack_files(root: Path) -> dict[str, str]:
    """Digest of each file, folder and link of the stack by its path in the project.

    A page sees names, contents, modes and where links lead, of hidden files too, so
    all of these count. Only what programs keep for themselves does not: `__pycache__`,
    which Python makes from sources that count, and folders with a `CACHEDIR.TAG`
    (https://bford.info/cachedir/).
    """
    found = dict(_entries(root / "examples", "examples", frozenset()))
    for name in BESIDE_THE_STACK:
        if (root / name).exists():
            found[name] = of_file(root / name)
    return found


def _entries(folder: Path, name: str, above: frozenset[str]) -> Iterator[tuple[str, str]]:
    real = os.path.realpath(folder)
    if real in above or not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            path, here = Path(entry.path), f"{name}/{entry.name}"
            if entry.name == "__pycache__" or (path / "CACHEDIR.TAG").is_file():
                continue
            yield here, _of_entry(entry)
            if entry.is_dir():
                yield from _entries(path, here, above | {real})


def _of_entry(entry: os.DirEntry[str]) -> str:
    link = os.readlink(entry.path) if entry.is_symlink() else ""
    try:
        # Who else may write is a matter of the checkout's umask, and nobody may inside.
        mode = entry.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    except OSError:
        return of_bytes(f"dead link\0{link}".encode())
    content = of_file(entry.path) if entry.is_file() else ""
    return of_bytes(f"{mode:o}\0{link}\0{content}".encode())


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


def world_of(inputs: Mapping[str, str]) -> str:
    """The same, out of everything that a plan is made from (`drillbook.plan.inputs`)."""
    stack, engine = {}, {}
    for path, digest in inputs.items():
        if path.startswith("examples/") or path in BESIDE_THE_STACK:
            stack[path] = digest
        elif path.startswith("drillbook/"):
            engine[path] = digest
    return world(stack, engine)


def chain(
    services: Iterable[str],
    drill: Drill | None,
    snippets: Iterable[tuple[str, str, Options]],
) -> list[str]:
    """Digest of each snippet of a scenario over itself and all before it.

    Args:
        services: What the scenario needs.
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
