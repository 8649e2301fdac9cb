"""What each drill measured, run after run: a file that only ever grows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from drillbook.errors import PageError, Where
from drillbook.model import Report

FILE = "source/about/history.jsonl"
"""A JSON object a line, one for each drill of each run that CI recorded on main."""


@dataclass(frozen=True, slots=True)
class Record:
    """One drill of one run."""

    drill: str
    """The scenario's id."""

    backend: str
    started: str
    """UTC, ISO 8601."""

    commit: str
    status: str
    recovered_s: float | None
    lost: int
    doubled: int


def of_report(report: Report) -> tuple[Record, ...]:
    """The drills of a report that ran."""
    return tuple(
        Record(
            drill=each.id,
            backend=report.backend,
            started=each.started,
            commit=each.commit or report.commit,
            status=each.status,
            recovered_s=each.recovered_s,
            lost=each.lost,
            doubled=each.doubled,
        )
        for each in report.drills
        if each.status in ("passed", "failed")
    )


def read(path: Path) -> tuple[Record, ...]:
    """Every record, oldest first; none where there is no file.

    Raises:
        PageError: `history` with the line that is none.
    """
    if not path.is_file():
        return ()
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(Record(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise PageError(
                "history",
                f"this line is no record of a drill: {error}",
                where=Where(FILE, number),
                hint="lines are only added, by `nox -s history`",
            ) from error
    return tuple(sorted(found, key=lambda record: record.started))


def append(path: Path, records: Iterable[Record]) -> int:
    """Adds the records that are not there yet.

    Returns:
        How many were added.
    """
    known = {(each.drill, each.backend, each.started) for each in read(path)}
    fresh = [each for each in records if (each.drill, each.backend, each.started) not in known]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(asdict(each)) + "\n" for each in fresh))
    return len(fresh)


def recoveries(records: Iterable[Record]) -> dict[str, list[tuple[str, float]]]:
    """Day and seconds of each passed run, by drill."""
    found: dict[str, list[tuple[str, float]]] = {}
    for each in records:
        if each.status == "passed" and each.recovered_s is not None:
            found.setdefault(each.drill, []).append((each.started, each.recovered_s))
    return found


def first_and_last(records: Iterable[Record]) -> tuple[float, float] | None:
    """Median over the drills of their first and of their last recovery, in seconds.

    None where no drill has two runs: there is nothing to compare.
    """
    runs = [times for times in recoveries(records).values() if len(times) > 1]
    if not runs:
        return None
    return median(times[0][1] for times in runs), median(times[-1][1] for times in runs)
