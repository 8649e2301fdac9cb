"""Spans of time as pages write them."""

from __future__ import annotations

import re

_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|h)")


def duration(text: str) -> float:
    """Seconds that `30s`, `2min`, `1h` or `250ms` stand for.

    Raises:
        ValueError: The text is no number with one of these units.
    """
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError("write a number and a unit: 250ms, 30s, 15min, 1h")
    return round(float(match[1]) * _UNITS[match[2]], 6)
