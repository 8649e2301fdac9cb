"""Results <-> report files, and how the run of a part joins what was known before.

What a report means for a reader is said by `drillbook.verification`, whose
names stand here too: `from drillbook.report import verify`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from drillbook import files, records, seals
from drillbook.errors import HarnessError, Where
from drillbook.model import DrillResult, Plan, Report, Result
from drillbook.verification import (
    DrillVerification,
    State,
    Verification,
    verify,
    verify_drills,
)

__all__ = [
    "VERSION",
    "DrillVerification",
    "State",
    "Verification",
    "merge",
    "path_of",
    "read",
    "read_all",
    "stamped",
    "update",
    "verify",
    "verify_drills",
    "write",
]

VERSION = 1
"""Shape of the report files that this module reads and writes."""

_Record = TypeVar("_Record", Result, DrillResult)


def path_of(build: Path, backend: str) -> Path:
    """The report file of a backend under the build folder."""
    return build / f"report-{backend}.json"


def read(path: Path) -> Report:
    """Reads one report file.

    Raises:
        HarnessError: `unreadable-report` when it is missing, cut short, not
            JSON, of another version, or not of the shape of `model.Report`.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, f"it cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"it is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        fault = f"it is not JSON or cut short: {error.msg}"
        raise _unreadable(path, fault, error.lineno) from error
    try:
        return _report(data)
    except records.ShapeError as error:
        raise _unreadable(path, str(error)) from error


def read_all(build: Path) -> tuple[Report, ...]:
    """Reads the report of every backend that has one, checked; local comes first.

    A pass that its evidence does not bear out is an error, see `drillbook.seals`.

    Raises:
        HarnessError: `unreadable-report`, see `read`.
    """
    paths = sorted(build.glob("report-*.json"), key=lambda p: (p.name != "report-local.json", p))
    return tuple(seals.checked(read(path), build / "evidence") for path in paths)


def write(report: Report, path: Path) -> None:
    """Writes one report file whole: a reader sees the old or the new, never a part."""
    text = json.dumps(records.plain(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    files.replace(path, text)


def update(path: Path, run: Report, *, plan: Plan | None = None) -> Report:
    """Joins a run into the report file and writes it, alone among concurrent runs.

    A damaged file is set aside as `<name>.damaged`: what was just run is worth more
    than what can no longer be read, and without a result nothing is verified.

    Args:
        path: The backend's report file; it need not exist yet.
        run: What was run just now: the whole book or a part.
        plan: Where given, results of snippets that it no longer has are let go.

    Returns:
        The report as written.
    """
    with files.locked(path.with_name(f".{path.name}.lock")):
        try:
            previous = read(path) if path.exists() else None
        except HarnessError:
            path.replace(path.with_name(f"{path.name}.damaged"))
            previous = None
        merged = merge(previous, run, plan=plan)
        write(merged, path)
    return merged


def merge(previous: Report | None, run: Report, *, plan: Plan | None = None) -> Report:
    """The report after a run of the whole book or of a part.

    What ran replaces what was known of it. Scenarios that did not run keep their
    results; so do the later snippets of a scenario that ran only up to a selected
    snippet, unless something in it failed just now. What is kept carries the
    commit of the run it came from.
    """
    if previous is None:
        return _without_gone(run, plan)
    ran = {(result.scenario, result.id) for result in run.results}
    drilled = {drill.id for drill in run.drills}
    broken = {r.scenario for r in run.results if r.status not in ("passed", "skipped")}
    broken |= {d.id for d in run.drills if d.status not in ("passed", "skipped")}
    kept = tuple(
        _stamped(result, previous, run)
        for result in previous.results
        if (result.scenario, result.id) not in ran and result.scenario not in broken
    )
    kept_drills = tuple(
        _stamped(drill, previous, run)
        for drill in previous.drills
        if drill.id not in drilled and drill.id not in broken
    )
    # A kept pass may rest on a simulator that the new run did not need.
    simulated = set(run.simulated)
    if kept or kept_drills:
        simulated |= set(previous.simulated)
    merged = replace(
        run,
        versions={**previous.versions, **run.versions},
        simulated=tuple(sorted(simulated)),
        results=(*run.results, *kept),
        drills=(*run.drills, *kept_drills),
    )
    return _without_gone(merged, plan)


def stamped(record: _Record, report: Report) -> _Record:
    """The record with the commit and the versions of the report that it stands in."""
    versions = dict(report.versions) if record.versions is None else record.versions
    return replace(record, commit=record.commit or report.commit, versions=versions)


def _stamped(record: _Record, previous: Report, run: Report) -> _Record:
    """The record with its own run's commit, where it differs from now's."""
    if not record.commit and previous.commit != run.commit:
        record = replace(record, commit=previous.commit)
    return record


def _without_gone(report: Report, plan: Plan | None) -> Report:
    if plan is None:
        return report
    scenarios = [scenario for page in plan.pages for scenario in page.scenarios]
    planned = {(scenario.id, snippet.id) for scenario in scenarios for snippet in scenario.snippets}
    drills = {scenario.id for scenario in scenarios if scenario.drill}
    return replace(
        report,
        results=tuple(r for r in report.results if (r.scenario, r.id) in planned),
        drills=tuple(d for d in report.drills if d.id in drills),
    )


def _unreadable(path: Path, fault: str, line: int = 0) -> HarnessError:
    return HarnessError(
        "unreadable-report",
        f"this is not a whole report: {fault}.",
        where=Where(path.as_posix(), line),
        hint="Delete the file and run `nox -s doctest` again; results are made anew.",
    )


def _report(data: Any) -> Report:
    if isinstance(data, dict) and data.get("version") != VERSION:
        raise records.ShapeError(
            f"its version is {data.get('version')!r}, and this drillbook reads {VERSION}"
        )
    return records.record(Report, data, "the report")
