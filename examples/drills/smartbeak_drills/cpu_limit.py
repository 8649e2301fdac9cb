"""A limit of the CPU that somebody left on a host: its service is stopped again and again.

    python3 cpu_limit.py --pidfile FILE --stop SECONDS --name NAME

The client behind the fault `throttle`. It works as cpulimit(1) does, by SIGSTOP and SIGCONT to
every process of the service, and as a CPU limit of a container does that is far too low. It
prints `limited` after the first stop. SIGTERM ends it; it lets the service run on then.

Standard library only: it runs on every host, by its path.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

RUN_S = 0.06
"""Seconds for which the service runs between two stops: enough for one request on a slow host.

On a quick one it is enough for several. So what users meet follows from the length of a stop
alone: they ask again 0.1 to 0.4 s after an answer, which is too late for this run, and then wait
for the rest of a stop. One that is longer than that and their patience together (1.4 s) lets
nobody be served in time, however quick the host is."""


def main(argv: Sequence[str] | None = None) -> int:
    """Limits until it is ended; returns the exit status."""
    parser = argparse.ArgumentParser(prog="cpu_limit", description=__doc__.partition("\n")[0])
    parser.add_argument("--pidfile", required=True, type=Path, help="of the service")
    parser.add_argument("--stop", required=True, type=float, help="seconds of each stop")
    parser.add_argument("--name", required=True, help="shows what it is in a list of processes")
    options = parser.parse_args(argv)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    said = False
    while not ended.is_set() and (found := members(options.pidfile)):
        _send(found, signal.SIGSTOP)
        if not said:
            print("limited", flush=True)
            said = True
        ended.wait(options.stop)
        _send(found, signal.SIGCONT)
        ended.wait(RUN_S)
    return 0


def members(pidfile: Path) -> list[int]:
    """The service's first process and its descendants; none where it does not run."""
    try:
        root = int(pidfile.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return []
    parents = dict(_parents())
    if root not in parents:
        return []
    found = [root]
    # It grows while it is read: the children of children come too.
    for each in found:
        found += [pid for pid, parent in parents.items() if parent == each]
    return found


def _parents() -> Iterable[tuple[int, int]]:
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            stat = Path("/proc", entry, "stat").read_bytes()
            # The command stands in brackets and can hold anything, brackets too.
            state, parent = stat.rpartition(b")")[2].split()[:2]
            if state not in (b"Z", b"X"):
                yield int(entry), int(parent)


def _send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main())
