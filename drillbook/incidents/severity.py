"""The one severity scale, read from the page that defines it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from drillbook.errors import PageError, Where
from drillbook.incidents import markdown

PAGE = "source/reference/severity.md"
LEVELS = ("P0", "P1", "P2", "P3")

_EVERY = re.compile(r"every (\d+) (min|h)")


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the scale."""

    name: str
    meaning: str
    answer: str
    """How soon someone answers, in words."""

    update: str
    """How often the incident is updated, in words."""

    every: timedelta
    """The same as a time."""


def scale(root: Path) -> dict[str, Level]:
    """The levels by name.

    Raises:
        PageError: `severity-page` when the page does not hold the four levels.
    """
    text = (root / PAGE).read_text(encoding="utf-8")
    # The table stands above the first section.
    rows = markdown.sections("## Levels\n\n" + text.partition("\n# ")[2])["Levels"].rows
    found = {}
    for row in rows:
        name = row.cells.get("Level", "").strip("*")
        if name in LEVELS:
            found[name] = Level(
                name, row.cells["It means"], row.cells["Answer"], row.cells["Update"],
                _every(row.cells["Update"]),
            )  # fmt: skip
    if tuple(found) != LEVELS:
        raise PageError(
            "severity-page",
            f"the table of levels holds {', '.join(found) or 'none'}, not {', '.join(LEVELS)}",
            where=Where(PAGE),
            hint="keep the columns Level, It means, Answer, Update",
        )
    return found


def _every(words: str) -> timedelta:
    if match := _EVERY.fullmatch(words):
        number = int(match[1])
        return timedelta(minutes=number) if match[2] == "min" else timedelta(hours=number)
    return timedelta(days=1)
