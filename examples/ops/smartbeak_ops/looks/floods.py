"""Looks for a flood of requests without a good token, by the log of the API's process."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from smartbeak_ops.looks import strangers
from smartbeak_ops.looks.seen import Seen

WINDOW_S = 10
MANY = 100
"""So many refused requests within the window are no users whose token has ended."""


def see(seen: Seen) -> None:
    """Says so when many requests of the last seconds had no good token; else nothing."""
    if not strangers.LOG.exists():
        return
    since = datetime.now(UTC) - timedelta(seconds=WINDOW_S)
    count = refused(strangers.tail(), since.isoformat(timespec="milliseconds"))
    if count >= MANY:
        seen.lines.append(f"refused: {count} requests of the last {WINDOW_S} s had no good token")
    seen.know(refused__requests=count)


def refused(lines: Iterable[str], since: str) -> int:
    """Requests that were answered 401, since a moment as `2026-11-27T05:00:00.000+00:00`."""
    count = 0
    for line in lines:
        if '"status": 401' not in line:
            continue
        try:
            said = json.loads(line)
        except ValueError:
            continue
        count += said.get("status") == 401 and str(said.get("time", "")) >= since[:23]
    return count
