"""Files replaced whole and locks held alone."""

from __future__ import annotations

import os
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from drillbook import clock, files


def test_a_file_is_replaced_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.json"
    files.replace(path, "größer\n")
    files.replace(str(path), b"\xff")
    assert path.read_bytes() == b"\xff"
    assert os.listdir(path.parent) == ["x.json"]


def test_a_reader_keeps_the_whole_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    files.replace(path, "old")
    with path.open() as reader:
        files.replace(path, "new, and longer")
        assert reader.read() == "old"
    assert path.read_text() == "new, and longer"


@pytest.mark.parametrize("durable", [False, True])
def test_what_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    path = tmp_path / "x"
    files.replace(path, "old")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync" if durable else "write", full)
    with pytest.raises(OSError, match="No space left"):
        files.replace(path, "new", durable=durable)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]


def test_permissions_are_the_callers_or_the_usual(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        files.replace(tmp_path / "usual", "")
        files.replace(tmp_path / "given", "", mode=0o755)
    finally:
        os.umask(mask)
    assert (tmp_path / "usual").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "given").stat().st_mode & 0o777 == 0o755


def test_one_at_a_time_holds_a_lock(tmp_path: Path) -> None:
    lock, inside, most = tmp_path / "a" / "lock", [0], [0]

    def work() -> None:
        for _ in range(20):
            with files.locked(lock):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                os.sched_yield()
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_a_moment_is_utc_to_the_second() -> None:
    here = timezone(timedelta(hours=2))
    assert clock.text(datetime(2026, 3, 1, 1, 30, 0, 900, here)) == "2026-02-28T23:30:00Z"
    assert datetime.fromisoformat(clock.stamp()) <= clock.now()
    assert clock.now().utcoffset() == timedelta(0)
