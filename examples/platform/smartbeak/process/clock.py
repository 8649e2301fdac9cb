"""Moments as the platform writes them, and whether the process keeps up with them."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

MOST_LAG_S = 5.0
"""Longest that the event loop may be busy before the process counts as stuck."""


def instant(moment: datetime) -> str:
    """A moment as JavaScript writes it; one without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def lag() -> float:
    """Seconds that the event loop takes to come round."""
    began = time.perf_counter()
    await asyncio.sleep(0)
    return time.perf_counter() - began
