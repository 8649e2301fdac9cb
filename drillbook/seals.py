"""Whether a report and its evidence still say what the run wrote.

Whoever edits a report by hand, or loses an evidence file, has a record that rests on
nothing. A seal is no signature: it keeps mistakes out, not forgers.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from drillbook import digests, records
from drillbook.model import DrillResult, Report, Result

_Record = TypeVar("_Record", Result, DrillResult)
_LATER = frozenset({"seal", "commit"})
"""Fields that are given, or stamped when reports are joined, after the seal."""


def sealed(record: _Record, folder: Path) -> _Record:
    """The record with its seal.

    Args:
        record: As the run made it.
        folder: The evidence folder, `build/evidence`.
    """
    return replace(record, seal=_seal(record, folder))


def checked(report: Report, folder: Path) -> Report:
    """The report with each pass that its evidence does not bear out turned into an error."""
    return replace(
        report,
        results=tuple(_checked(result, folder) for result in report.results),
        drills=tuple(_checked(drill, folder) for drill in report.drills),
    )


def _checked(record: _Record, folder: Path) -> _Record:
    if record.status != "passed":
        return record
    if not record.evidence or not (folder / record.evidence).is_file():
        reason = "missing-evidence: the report says that it passed, and nothing shows it"
    elif record.seal != _seal(record, folder):
        reason = "altered-report: report and evidence are not what the run wrote"
    else:
        return record
    return replace(record, status="error", reason=reason)


def _seal(record: Result | DrillResult, folder: Path) -> str:
    said = {name: value for name, value in records.plain(record).items() if name not in _LATER}
    seen = digests.of_file(folder / record.evidence) if record.evidence else ""
    return digests.of_bytes(json.dumps([said, seen], sort_keys=True).encode())
