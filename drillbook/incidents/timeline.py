"""The timeline of an incident: a text file that people read and programs append to.

After a heading and the facts of the incident, each entry is a line:
`- 2026-11-26T03:12:05Z technical-lead: db-2 promoted`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drillbook import clock
from drillbook.errors import PageError, Where

FILE = "timeline.md"
FACTS = ("incident", "severity", "title", "opened")
"""What stands above the entries, a line each: `incident: INC-2026-11-26-001`."""

_ENTRY = re.compile(r"- (?P<at>\S+) (?P<role>[a-z][a-z0-9-]*): (?P<what>.*\S)\s*")
_FACT = re.compile(r"(?P<key>[a-z]+): (?P<value>.*\S)\s*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    at: datetime
    """UTC, whole seconds."""

    role: str
    """Who did or saw it: a role in kebab case, never a person's name."""

    what: str
    line: int = 0
    """1-based line in the file."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A timeline that was read whole."""

    incident: str
    """For example `INC-2026-11-26-001`."""

    severity: str
    """P0 to P3."""

    title: str
    opened: datetime
    entries: tuple[Entry, ...]
    """In the order of the file, which is the order of time."""

    exercise: bool = False
    """Whether it was a drill or a game day: `exercise: yes`."""


def moment(text: str) -> datetime:
    """A time as it stands in a timeline.

    Args:
        text: For example `2026-11-26T03:12:05Z`.

    Raises:
        ValueError: It is no time in UTC.
    """
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text):
        raise ValueError(f"{text!r} is no time in UTC such as 2026-11-26T03:12:05Z")
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def line_of(entry: Entry) -> str:
    """An entry as its line, with the newline."""
    return f"- {clock.text(entry.at)} {entry.role}: {' '.join(entry.what.split())}\n"


def opened(
    incident: str, severity: str, title: str, at: datetime, *, exercise: bool = False
) -> str:
    """The text of a timeline that has no entries yet."""
    facts = {"incident": incident, "severity": severity, "title": title, "opened": clock.text(at)}
    if exercise:
        facts["exercise"] = "yes"
    return "".join(f"{key}: {value}\n" for key, value in facts.items()) + "\n"


def append(path: Path, entries: Iterable[Entry]) -> None:
    """Adds entries to the end of a timeline.

    One write in append mode, so two people who note something at the same time do not
    overwrite each other.

    Raises:
        PageError: `timeline-missing` when there is no such file.
    """
    if not path.is_file():
        raise PageError(
            "timeline-missing",
            f"there is no timeline {path}",
            hint="open the incident first: nox -s incident -- new --severity P1 --title '...'",
        )
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(line_of(entry) for entry in entries))


def read(path: Path, name: str = "") -> Timeline:
    """Reads a timeline and checks it.

    Args:
        path: The file.
        name: What messages call it; its path unless given.

    Raises:
        PageError: `timeline-missing`, `timeline-cut-off`, `timeline-fact`,
            `timeline-entry` or `timeline-order`, with the line.
    """
    name = name or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PageError("timeline-missing", f"{name} cannot be read: {error.strerror}") from error
    lines = text.split("\n")
    if lines[-1]:
        raise PageError(
            "timeline-cut-off",
            f"the last line is not finished: {lines[-1]!r}",
            where=Where(name, len(lines)),
            hint="complete the line and end it with a newline",
        )
    facts: dict[str, str] = {}
    entries: list[Entry] = []
    for number, line in enumerate(lines[:-1], 1):
        if not line.strip():
            continue
        if match := _FACT.fullmatch(line):
            facts[match["key"]] = match["value"]
        else:
            entries.append(_entry(line, Where(name, number), entries))
    missing = [key for key in FACTS if key not in facts]
    if missing:
        raise PageError(
            "timeline-fact",
            f"the timeline does not say its {', '.join(missing)}",
            where=Where(name, 1),
            hint=f"write a line such as `{missing[0]}: ...` at the top",
        )
    try:
        begin = moment(facts["opened"])
    except ValueError as error:
        raise PageError("timeline-fact", str(error), where=Where(name, 1)) from error
    return Timeline(
        facts["incident"],
        facts["severity"],
        facts["title"],
        begin,
        tuple(entries),
        exercise=facts.get("exercise") == "yes",
    )


def _entry(line: str, where: Where, before: list[Entry]) -> Entry:
    match = _ENTRY.fullmatch(line)
    if not match:
        raise PageError(
            "timeline-entry",
            f"this is no entry: {line!r}",
            where=where,
            hint="write `- 2026-11-26T03:12:05Z technical-lead: what happened`",
        )
    try:
        at = moment(match["at"])
    except ValueError as error:
        raise PageError("timeline-entry", str(error), where=where) from error
    if before and at < before[-1].at:
        raise PageError(
            "timeline-order",
            f"{match['at']} comes after {clock.text(before[-1].at)} of line {before[-1].line}",
            where=where,
            hint="put the entries in the order of time",
        )
    return Entry(at, match["role"], match["what"], where.line)
