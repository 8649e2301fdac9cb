"""Processes that a test asks after: which there are, and whether they are gone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path


def runs(pid: int | str) -> bool:
    """Whether that process is there and more than a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def processes_of(pid: int) -> list[int]:
    """The process and everything below it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            found += map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    return found


_PATIENCE_S = 120.0
"""Less than what runs in the tests would take to end by itself, and enough on a slow machine."""


def gone(pids: Iterable[int]) -> bool:
    """Whether all of them end, or have ended."""
    deadline = time.monotonic() + _PATIENCE_S
    left = [pid for pid in pids if runs(pid)]
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = [pid for pid in left if runs(pid)]
    return not left
