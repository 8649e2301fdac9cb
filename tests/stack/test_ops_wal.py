"""What the files of a log show: what a replica lacks of it, and how much of the disk it takes."""

from __future__ import annotations

import os
import shutil
import types
from pathlib import Path

import pytest

from smartbeak_ops.looks.wal import lacking, share

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


def test_the_share_of_the_disk_that_is_wal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "pg_wal"
    (log / "archive_status").mkdir(parents=True)
    for number in range(3):
        (log / f"{number:024X}").write_bytes(b"x" * LENGTH)
    total = types.SimpleNamespace(total=4 * LENGTH)
    monkeypatch.setattr(shutil, "disk_usage", {tmp_path: total}.__getitem__)
    assert share(tmp_path) == 75


def test_wal_on_another_disk_has_no_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pg_wal").mkdir()
    devices = {tmp_path / "pg_wal": 2, tmp_path: 1}
    monkeypatch.setattr(
        Path, "stat", lambda self: types.SimpleNamespace(st_dev=devices[self]), raising=True
    )
    assert share(tmp_path) == 0
