"""Looks at the files of a write-ahead log."""

from __future__ import annotations

import re
import shutil
from pathlib import Path


def lacking(log: Path, got: int) -> int:
    """Bytes of a log that somebody lacks at least, who got it up to a position.

    Whole files only: how far the newest one is filled shows in no name. Files that are kept
    for later have higher names, and were changed before it.

    Args:
        log: The folder `pg_wal`.
        got: Position, in bytes from the beginning of the log.
    """
    files = [each for each in log.iterdir() if re.fullmatch(r"[0-9A-F]{24}", each.name)]
    if not files:
        return 0
    newest = max(files, key=lambda each: each.stat().st_mtime_ns)
    length = newest.stat().st_size
    begins = (int(newest.name[8:16], 16) << 32) + int(newest.name[16:], 16) * length
    return max(0, begins - got)


def share(data: Path) -> int:
    """Percent of a data folder's disk that its log takes, rounded down; 0 if it is on another.

    Args:
        data: The data folder.
    """
    log = data / "pg_wal"
    if log.stat().st_dev != data.stat().st_dev:
        return 0
    files = sum(each.stat().st_size for each in log.iterdir() if each.is_file())
    return int(100 * files / shutil.disk_usage(data).total)
