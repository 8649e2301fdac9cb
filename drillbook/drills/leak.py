"""A forgotten worker: takes connection after connection and never gives one back.

    python3 -m drillbook.drills.leak --config FILE --host HOST

The client behind the fault `exhaust`. It opens idle sessions as the platform's
role until the server refuses, prints `full`, and from then on takes every slot
that gets free, as a leak does. Once one of its sessions is ended by the server it
opens no more: ending the sessions is the cure, and it must be possible to tell.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from drillbook.drills.prober import read_address
from drillbook.drills.session import Session, SessionError, conninfo

APPLICATION = "smartbeak-report-worker"
"""Name under which the sessions show in pg_stat_activity."""

_AGAIN_S = 0.1
_MOST = 500


def leak(address: str, stop: threading.Event) -> None:
    """Holds sessions until `stop` is set.

    Args:
        address: Connection string.
        stop: Ends it all.

    Raises:
        SessionError: Not even one session came about.
    """
    held: list[Session] = []
    full = cured = False
    while not stop.is_set():
        cured = cured or any(session.ended() for session in held)
        if cured or len(held) >= _MOST:
            stop.wait()
            break
        try:
            held.append(Session(address, timeout_s=5.0))
        except SessionError as error:
            if not held:
                raise
            if not full:
                print(f"full after {len(held)}: {error.text}", flush=True)
            full = True
            stop.wait(_AGAIN_S)
    for session in held:
        session.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Leaks connections until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="drillbook.drills.leak", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--config", required=True, type=Path, help="the platform's configuration")
    parser.add_argument("--host", required=True, help="database host")
    options = parser.parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        address = read_address(options.config)
        leak(conninfo(address, host=options.host, application_name=APPLICATION), stop)
    except SessionError as error:
        print(f"leak: {error.text}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
