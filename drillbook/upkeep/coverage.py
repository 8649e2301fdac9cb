"""Which names of the platform the pages speak of, and which they forget."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from drillbook.errors import PageError, Where

FILE = "examples/coverage.yaml"
"""A list of what is to be covered: `name`, `file`, `at` (a key of that file; `a.b` is key `b` of
`a`, or of each entry of a list `a`) and, optional, `by` (the key of an entry that holds its
name, `name` without it) and `unless` (an entry with this key is left out)."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One kind of name."""

    kind: str
    names: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def share(self) -> float:
        """From 0 to 1; 1 where there is nothing to cover."""
        return 1 - len(self.missing) / len(self.names) if self.names else 1.0


def measure(root: Path, *, without: Iterable[str] = ("reference/",)) -> tuple[Covered, ...]:
    """How much of each kind of name stands on a page that somebody wrote.

    Args:
        root: The project's folder.
        without: Folders of pages that list names because they are made from the same files.

    Raises:
        PageError: `coverage` when the list is wrong, or its file has no such key.
    """
    path = root / FILE
    if not path.is_file():
        return ()
    text = _text(root / "source", tuple(without))
    found = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        names = _names(root, entry)
        missing = tuple(name for name in names if not _spoken_of(name, text))
        found.append(Covered(str(entry["name"]), names, missing))
    return tuple(found)


def _names(root: Path, entry: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        source = root / str(entry["file"])
        data = yaml.safe_load(source.read_text(encoding="utf-8"))
        for key in str(entry["at"]).split("."):
            if isinstance(data, list):
                data = [each for part in data for each in part[key]]
            else:
                data = data[key]
        if not isinstance(data, Mapping):
            by = str(entry.get("by", "name"))
            return tuple(str(each[by] if isinstance(each, Mapping) else each) for each in data)
    except (OSError, KeyError, TypeError) as error:
        raise PageError(
            "coverage", f"{entry.get('name')}: {error}", where=Where(FILE),
            hint="each entry names a file and a key of it",
        ) from error  # fmt: skip
    unless = entry.get("unless", "")
    return tuple(
        str(name)
        for name, body in data.items()
        if not (isinstance(body, Mapping) and unless in body)
    )


def _text(source: Path, without: tuple[str, ...]) -> str:
    pages = (path for path in sorted(source.rglob("*.md")))
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in pages
        if not path.relative_to(source).as_posix().startswith(without)
    )


def _spoken_of(name: str, text: str) -> bool:
    # A route's variable parts stand under other names on a page.
    parts = [re.escape(part) for part in re.split(r"\{[^}]*\}", name)]
    pattern = r"[^\s`'\"]+".join(parts)
    return re.search(rf"(?<![\w-]){pattern}(?![\w-])", text) is not None
