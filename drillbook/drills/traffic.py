"""Ordinary traffic, many requests at once: a pool of connections grows to its limit.

    python3 -m drillbook.drills.traffic --config FILE --at-once N

Asks the API how it is, which needs two sessions of the database at once and no token,
N times at once and again and again. Prints `full` once PostgreSQL refuses a new session.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from drillbook.drills.clients import ended_by_signal
from drillbook.drills.prober import API
from drillbook.drills.session import Session, SessionError
from drillbook.drills.settings import read_address
from drillbook.drills.users.calls import CallError, Line

_PAUSE_S = 0.3
_TIMEOUT_S = 5.0


def ask(barrier: threading.Barrier, stop: threading.Event) -> None:
    """Asks together with the others until `stop` is set."""
    line = Line(API, timeout_s=_TIMEOUT_S)
    while not stop.is_set():
        try:
            barrier.wait(_TIMEOUT_S)
            line.call("GET", "/health")
        except (CallError, threading.BrokenBarrierError):
            barrier.reset()
        stop.wait(_PAUSE_S)


def wait_until_full(config: Path, stop: threading.Event) -> None:
    """Waits until a new session is refused, and says so."""
    while not stop.wait(_PAUSE_S):
        try:
            Session(read_address(config), timeout_s=_TIMEOUT_S).close()
        except SessionError as error:
            print(f"full: {error.text}", flush=True)
            return


def main(argv: Sequence[str] | None = None) -> int:
    """Makes traffic until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="drillbook.drills.traffic", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--config", required=True, type=Path, help="the platform's configuration")
    parser.add_argument("--at-once", required=True, type=int, help="requests at once")
    options = parser.parse_args(argv)
    stop = ended_by_signal()
    barrier = threading.Barrier(options.at_once)
    for _ in range(options.at_once):
        threading.Thread(target=ask, args=(barrier, stop), daemon=True).start()
    wait_until_full(options.config, stop)
    stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
