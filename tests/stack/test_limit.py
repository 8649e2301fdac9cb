"""The limiter: it finds a process by its title, and leaves none stopped."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from smartbeak_drills import limit


def test_a_process_is_found_by_how_its_title_begins(tmp_path: Path) -> None:
    for pid, title in ((7, "postgres: db-1: checkpointer"), (8, "postgres: db-1: startup x")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_text(title)
    (tmp_path / "9").mkdir()  # ended meanwhile
    assert limit.process("postgres: db-1: startup", tmp_path) == 8
    assert limit.process("startup", tmp_path) is None


def test_who_is_limited_goes_on_when_the_limiter_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "60"]) as limited:
        stop = threading.Event()
        monkeypatch.setattr(limit, "process", lambda _title: limited.pid)
        worker = threading.Thread(target=limit.limit, args=("sleep", 50.0, stop))
        worker.start()
        threading.Event().wait(0.02)
        stop.set()
        worker.join()
        state = Path(f"/proc/{limited.pid}/stat").read_text().rpartition(")")[2].split()[0]
        limited.kill()
    assert state != "T"
