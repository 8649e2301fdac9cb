"""When a period that is paid for ends."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

_DAY_S = 24 * 3600


def later(begins: int, every: int, interval: str) -> int:
    """The same day and time so many intervals later, or the last day of a shorter month.

    Args:
        begins: Seconds since 1970.
        every: How many intervals.
        interval: `day`, `week`, `month` or `year`.
    """
    if interval in ("day", "week"):
        return begins + every * (_DAY_S if interval == "day" else 7 * _DAY_S)
    at = datetime.fromtimestamp(begins, UTC)
    months = at.month - 1 + every * (12 if interval == "year" else 1)
    year, month = at.year + months // 12, months % 12 + 1
    day = min(at.day, calendar.monthrange(year, month)[1])
    return int(at.replace(year=year, month=month, day=day).timestamp())
