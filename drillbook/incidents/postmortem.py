"""A post-mortem: a page with fixed sections, a timeline and actions, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from drillbook import clock
from drillbook.errors import PageError, Where
from drillbook.incidents import contacts, incident, markdown, people, severity, timeline

FOLDER = "source/postmortems"

SECTIONS = (
    "Summary",
    "Impact",
    "Timeline",
    "Detection and response",
    "Contributing factors",
    "What limited the damage",
    "What went well",
    "What went wrong",
    "Lessons",
    "Actions",
    "Communication",
    "Evidence",
    "Sign-off",
)
"""In this order."""

HORIZONS = {
    "stop": timedelta(days=1),
    "next": timedelta(weeks=1),
    "soon": timedelta(days=30),
    "later": timedelta(days=91),
}
"""The words of actions, which severities do not have: how long each may take."""

STATUSES = ("open", "done")
_ACTION = ("Id", "Action", "Horizon", "Owner", "Due", "Status", "Closed when")
_EVENT = ("UTC", "Role", "What", "Seen in")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to be done."""

    incident: str
    id: str
    text: str
    horizon: str
    """`stop`, `next`, `soon` or `later`."""

    owner: str
    """A role."""

    due: date
    done: bool
    closed_when: str
    """What must be true before it is done."""

    line: int


@dataclass(frozen=True, slots=True)
class Postmortem:
    """One page that was read, as far as it could be."""

    incident: str
    title: str
    severity: str
    docname: str
    exercise: bool
    """Whether it was a drill or a game day."""

    final: bool
    actions: tuple[Action, ...]
    errors: tuple[PageError, ...]


def read_all(root: Path) -> tuple[Postmortem, ...]:
    """Every post-mortem of the book, newest first."""
    pages = sorted((root / FOLDER).glob("INC-*.md"), reverse=True)
    return tuple(read(root, page) for page in pages)


def read(root: Path, path: Path) -> Postmortem:
    """Reads one post-mortem; what is wrong with it stands in its errors."""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(root).as_posix()
    head = _head(text)
    sections = markdown.sections(text)
    roles = contacts.read(root)
    errors = [*_head_errors(root, path, head, name), *_section_errors(sections, name)]
    actions: list[Action] = []
    for row in sections["Actions"].rows if "Actions" in sections else ():
        try:
            actions.append(_action(row, path.stem, Where(name, row.line), roles))
        except PageError as error:
            errors.append(error)
    if "Timeline" in sections:
        errors += _time_errors(sections["Timeline"], name, roles)
    for number, line in enumerate(text.split("\n"), 1):
        errors += [
            PageError(
                "postmortem-person", f"{person!r} reads as a person", where=Where(name, number),
                hint="name the role: technical-lead, on-call-engineer",
            )
            for person in people.named(line)
        ]  # fmt: skip
    return Postmortem(
        incident=path.stem,
        title=_title(text),
        severity=str(head.get("severity", "")),
        docname=path.relative_to(root / "source").with_suffix("").as_posix(),
        exercise=bool(head.get("exercise", False)),
        final=head.get("status") == "final",
        actions=tuple(actions),
        errors=tuple(sorted(errors, key=lambda error: error.where.line if error.where else 0)),
    )


def _head(text: str) -> dict[str, Any]:
    if not text.startswith("---\n"):
        return {}
    head = yaml.safe_load(text[4:].partition("\n---")[0])
    return head if isinstance(head, dict) else {}


def _title(text: str) -> str:
    return next((line[2:].strip() for line in text.split("\n") if line.startswith("# ")), "")


def _head_errors(root: Path, path: Path, head: dict[str, Any], name: str) -> Iterator[PageError]:
    where = Where(name, 1)
    if not incident.is_id(path.stem):
        yield PageError(
            "postmortem-name", f"{path.stem!r} is no incident's number", where=where,
            hint="INC-YYYY-MM-DD-NNN.md",
        )  # fmt: skip
    if head.get("severity") not in severity.scale(root):
        yield PageError(
            "postmortem-head", f"`severity` is {head.get('severity')!r}", where=where,
            hint=f"one of {', '.join(severity.LEVELS)}",
        )  # fmt: skip
    if head.get("status") not in ("draft", "final"):
        yield PageError(
            "postmortem-head", f"`status` is {head.get('status')!r}", where=where,
            hint="draft, or final once it is signed off",
        )  # fmt: skip


def _section_errors(sections: dict[str, markdown.Section], name: str) -> Iterator[PageError]:
    missing = [title for title in SECTIONS if title not in sections]
    if missing:
        yield PageError(
            "postmortem-section", f"there is no section {', '.join(missing)}",
            where=Where(name, 1), hint="source/postmortems/template.md has them all",
        )  # fmt: skip
    order = [title for title in sections if title in SECTIONS]
    if order != sorted(order, key=SECTIONS.index):
        yield PageError(
            "postmortem-section", "the sections stand in another order than the template's",
            where=Where(name, 1), hint=f"order: {', '.join(SECTIONS)}",
        )  # fmt: skip
    for title in order:
        section = sections[title]
        if not section.text.strip() and not section.rows:
            yield PageError(
                "postmortem-section", f"`{title}` is empty", where=Where(name, section.line),
                hint="write what is known, or that nothing is known",
            )  # fmt: skip


def _time_errors(
    section: markdown.Section, name: str, roles: dict[str, contacts.Contact]
) -> Iterator[PageError]:
    before: datetime | None = None
    if not section.rows:
        yield PageError(
            "postmortem-timeline", "the timeline has no rows", where=Where(name, section.line),
            hint=f"columns: {', '.join(_EVENT)}",
        )  # fmt: skip
    for row in section.rows:
        where = Where(name, row.line)
        try:
            at = timeline.moment(row.cells.get("UTC", ""))
        except ValueError as error:
            yield PageError("postmortem-time", str(error), where=where)
            continue
        if before and at < before:
            yield PageError(
                "postmortem-order", f"{row.cells['UTC']} stands after {clock.text(before)}",
                where=where, hint="put the rows in the order of time",
            )  # fmt: skip
        before = at
        if row.cells.get("Role", "") not in roles:
            yield PageError(
                "postmortem-role", f"{row.cells.get('Role', '')!r} is no role", where=where,
                hint=f"roles: {', '.join(roles)}",
            )  # fmt: skip
        if not row.cells.get("Seen in", "").strip():
            yield PageError(
                "postmortem-source", "the row does not say where this was seen", where=where,
                hint="name the log, the query or the page",
            )  # fmt: skip


def _action(
    row: markdown.Row, number: str, where: Where, roles: dict[str, contacts.Contact]
) -> Action:
    cells = row.cells
    empty = [heading for heading in _ACTION if not cells.get(heading, "").strip()]
    if empty:
        raise PageError(
            "action-incomplete", f"the action has no {', '.join(empty)}", where=where,
            hint=f"columns: {', '.join(_ACTION)}",
        )  # fmt: skip
    if cells["Owner"] not in roles:
        raise PageError(
            "action-owner", f"{cells['Owner']!r} is no role", where=where,
            hint=f"roles: {', '.join(roles)}",
        )  # fmt: skip
    if cells["Horizon"] not in HORIZONS:
        raise PageError(
            "action-horizon", f"{cells['Horizon']!r} is no horizon", where=where,
            hint=f"horizons: {', '.join(HORIZONS)}",
        )  # fmt: skip
    if cells["Status"] not in STATUSES:
        raise PageError(
            "action-status", f"{cells['Status']!r} is no status", where=where,
            hint=f"statuses: {', '.join(STATUSES)}",
        )  # fmt: skip
    try:
        due = date.fromisoformat(cells["Due"])
    except ValueError as error:
        raise PageError(
            "action-due", f"{cells['Due']!r} is no date", where=where, hint="YYYY-MM-DD"
        ) from error
    return Action(
        incident=number,
        id=cells["Id"],
        text=cells["Action"],
        horizon=cells["Horizon"],
        owner=cells["Owner"],
        due=due,
        done=cells["Status"] == "done",
        closed_when=cells["Closed when"],
        line=row.line,
    )
