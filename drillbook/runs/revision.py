"""What `--update` leaves of a run: a step passes only once its change is in the file.

What ran was the page's former text. A pass of it under that text's digest would be
found again by whoever puts the text back, so it is recorded without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Note = dict[str, Any]


def settle(notes: Iterable[Note], refused: str) -> None:
    """Makes the notes of a run say what came of its changes.

    Args:
        notes: As `StepItem.note` has them, in order; changed in place. Those with
            `updated` printed something that was to be written into the page.
        refused: Why nothing was written; empty when everything was.
    """
    changed: dict[str, str] = {}
    for note in notes:
        scenario = note["scenario"]
        if note.get("updated") and scenario not in changed:
            changed[scenario] = note["name"]
            if refused:
                reason = f"it printed something else, and the page was not changed: {refused}"
                _restate(note, "failed", reason)
                continue
        if scenario in changed and refused and note["status"] in ("passed", "failed"):
            _restate(note, "not-run", f"an earlier block, `{changed[scenario]}`, failed")
        elif scenario in changed and note["record"]:
            note["record"] = {**note["record"], "digest": ""}


def _restate(note: Note, status: str, reason: str) -> None:
    note.update(status=status, reason=reason)
    if note["record"]:
        note["record"] = {**note["record"], "status": status, "reason": reason}
