"""A limiter, as for backups that must not take a whole machine: it stops a process now and then.

    python3 -m smartbeak_drills.limit --name NAME --title TITLE --percent P

The client behind the fault `recover-slowly`. It waits for a process whose title begins with
TITLE, and lets it work for P percent of the time until it gets SIGTERM. It prints `ready`
when it begins to wait.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from smartbeak_drills.clients import ended_by_signal

_WORK_S = 0.0004
"""How long the process works in each turn, if the machine lets the limiter wake in time."""

_LONGEST_S = 4.0
"""A process that is stopped for longer looks as if it did not move."""

_LOOK_S = 0.002
"""A server's startup process must not get far before it is found."""


def process(title: str, proc: Path = Path("/proc")) -> int | None:
    """A process whose title begins so; None if there is none."""
    for folder in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            if _is_called(folder, title):
                return int(folder.name)
    return None


def _is_called(folder: Path, title: str) -> bool:
    return (folder / "cmdline").read_bytes().startswith(title.encode())


def limit(title: str, percent: float, stop: threading.Event) -> None:
    """Limits whatever process has the title, until `stop` is set; leaves none stopped."""
    while not stop.is_set():
        pid = process(title)
        if pid is None:
            stop.wait(_LOOK_S)
            continue
        with contextlib.suppress(OSError):  # it has ended
            _limit(pid, title, 100 / percent - 1, stop)


def _limit(pid: int, title: str, times: float, stop: threading.Event) -> None:
    """Stops the process so many times as long as it works, as long as it has the title.

    Raises:
        OSError: It has ended.
    """
    stopped_s = _WORK_S * times
    while not stop.is_set():
        os.kill(pid, signal.SIGSTOP)
        try:
            # While it is stopped: on a quick machine looking takes longer than it may work.
            if not _is_called(Path(f"/proc/{pid}"), title):
                break
            stop.wait(stopped_s)
        finally:
            os.kill(pid, signal.SIGCONT)
        begin = time.monotonic()
        stop.wait(_WORK_S)
        # On a machine that is busy the moment may have been a long one.
        stopped_s = min((time.monotonic() - begin) * times, _LONGEST_S)


def main(argv: Sequence[str] | None = None) -> int:
    """Limits until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(prog="smartbeak_drills.limit")
    parser.add_argument("--name", required=True, help="what ps shows it as")
    parser.add_argument("--title", required=True, help="how the process' title begins")
    parser.add_argument("--percent", required=True, type=float, help="of the time it works")
    options = parser.parse_args(argv)
    stop = ended_by_signal()
    print("ready", flush=True)
    limit(options.title, options.percent, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
