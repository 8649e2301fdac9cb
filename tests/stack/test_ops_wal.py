"""What a replica lacks of a dead server's log, as the files of the log show it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from smartbeak_ops.looks.wal import lacking

LENGTH = 1024
"""Of the files here."""


@pytest.mark.parametrize(
    ("got", "lacks"),
    [
        ((1 << 32) + 5 * LENGTH, 0),
        ((1 << 32) + 5 * LENGTH + 7, 0),
        ((1 << 32) + 3 * LENGTH + 24, 2 * LENGTH - 24),
        (0, (1 << 32) + 5 * LENGTH),
    ],
)
def test_whole_files_after_the_position_are_lacking(got: int, lacks: int, tmp_path: Path) -> None:
    # 6 is kept for later: it was changed before 5.
    for name, changed in (("4", 10), ("5", 20), ("6", 5)):
        file = tmp_path / f"00000002{1:08X}0000000{name}"
        file.write_bytes(b"x" * LENGTH)
        os.utime(file, (changed, changed))
    (tmp_path / "00000002.history").write_text("1\t0/5000148\tno recovery target specified\n")
    assert lacking(tmp_path, got) == lacks


def test_a_log_without_files_lacks_nothing(tmp_path: Path) -> None:
    assert lacking(tmp_path, 0) == 0
