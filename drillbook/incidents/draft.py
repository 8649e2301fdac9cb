"""A post-mortem's first draft, from the template page and a timeline or a drill's evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from drillbook import clock, files, plan, report
from drillbook.errors import PageError
from drillbook.incidents import incident, postmortem, timeline
from drillbook.incidents.timeline import Entry, Timeline
from drillbook.model import DrillResult, Plan

TEMPLATE = "source/postmortems/template.txt"
_FIELD = re.compile(r"\{\{ (\w+) \}\}")


def of_incident(root: Path, number: str, today: date) -> Path:
    """Makes the page of an incident from its timeline.

    Returns:
        The page's path.

    Raises:
        PageError: `no-incident`, what reading the timeline raises, or `postmortem-exists`.
    """
    path = incident.folder(root, number) / timeline.FILE
    told = timeline.read(path, f"{incident.FOLDER}/{number}/{timeline.FILE}")
    rows = [(entry, f"timeline, line {entry.line}") for entry in told.entries]
    return _written(root, told, rows, today, exercise=told.exercise)


def of_drill(root: Path, name: str, today: date) -> Path:
    """Makes the page of a drill from what was kept of its last run.

    Args:
        root: The project's folder.
        name: The drill's name, or `docname#name`.
        today: The day in UTC.

    Raises:
        PageError: `no-drill` when no result of such a drill is kept, `postmortem-exists`.
    """
    book = plan.build(root)
    found = _drill(root, book, name)
    if found is None:
        raise PageError(
            "no-drill", f"no result of a drill {name!r} is kept",
            hint=f"run it first: nox -s doctest -- --drill {name}",
        )  # fmt: skip
    backend, drill = found
    begin = timeline.moment(drill.started)
    number = incident.next_id(root, begin)
    title = f"Drill: {drill.fault}"
    rows = [(Entry(begin, "facilitator", f"drill begins; fault: {drill.fault}"), drill.evidence)]
    for result in report.read(report.path_of(root / "build", backend)).results:
        if result.scenario == drill.id and result.started:
            what = f"`{result.id.partition('#')[2]}`: {result.status}"
            entry = Entry(timeline.moment(result.started), "technical-lead", what)
            rows.append((entry, result.evidence))
    rows.sort(key=lambda row: row[0].at)
    # When the fault came is known as a span only, so that no time of day is made up for it.
    rows.append((Entry(rows[-1][0].at, "facilitator", _measured(drill)), drill.evidence))
    told = Timeline(number, "P3", title, begin, tuple(entry for entry, _ in rows))
    seen = [(entry, f"build/evidence/{source}") for entry, source in rows]
    return _written(root, told, seen, today, exercise=True)


def _measured(drill: DrillResult) -> str:
    if drill.recovered_s is None:
        return f"users are not served again: {drill.status}"
    return (
        f"users are served again, {drill.recovered_s:.1f} s after the fault; of"
        f" {drill.acknowledged} confirmed writes {drill.lost} are lost, {drill.doubled} doubled"
    )


def _drill(root: Path, book: Plan, name: str) -> tuple[str, DrillResult] | None:
    for each in report.read_all(root / "build"):
        for drill in each.drills:
            if name in (drill.id, drill.id.partition("#")[2]) and drill.status != "not-run":
                return each.backend, drill
    return None


def _written(
    root: Path,
    told: Timeline,
    rows: Sequence[tuple[Entry, str]],
    today: date,
    *,
    exercise: bool,
) -> Path:
    target = root / postmortem.FOLDER / f"{told.incident}.md"
    if target.exists():
        raise PageError(
            "postmortem-exists", f"{target.relative_to(root)} is there already",
            hint="edit it; nothing is overwritten",
        )  # fmt: skip
    fields = {
        "incident": told.incident,
        "title": told.title,
        "severity": told.severity,
        "today": today.isoformat(),
        "exercise": str(exercise).lower(),
        "opened": clock.text(told.opened),
        "closed": clock.text(rows[-1][0].at) if rows else "not known",
        "lasted": _lasted(told.opened, rows[-1][0].at) if rows else "not known",
        "timeline": "\n".join(
            f"| {clock.text(entry.at)} | {entry.role} | {entry.what} | {source} |"
            for entry, source in rows
        ),
        "due": (today + postmortem.HORIZONS["next"]).isoformat(),
    }
    template = (root / TEMPLATE).read_text(encoding="utf-8")
    text = _FIELD.sub(lambda match: fields[match[1]], template)
    files.replace(target, text)
    return target


def _lasted(begin: datetime, end: datetime) -> str:
    minutes, seconds = divmod(round((end - begin).total_seconds()), 60)
    return f"{minutes} min {seconds} s"
