"""A watchdog of Redis, as a probe of liveness that is set too short: it ends whoever loads.

    python3 -m smartbeak_drills.watchdog --name NAME --host HOST --folder DATA --patience SECONDS

The client behind the fault `restart-while-loading`. It starts Redis where none listens, and asks
it `PING`. Once it was started, or has answered, but for SECONDS not with `PONG`, it gets SIGKILL
and is started anew: it begins to load from the start. Prints `killed` when that was done once.
SIGTERM ends it; Redis goes on then.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from smartbeak_drills.clients import ended_by_signal

_LOOK_S = 0.1


class Watchdog:
    """Looks after one Redis.

    Args:
        ask: What Redis answers to `PING`; empty if nothing listens.
        start: Starts it.
        kill: Kills it.
        patience_s: Seconds for which it may answer something else.
    """

    def __init__(
        self,
        ask: Callable[[], str],
        start: Callable[[], None],
        kill: Callable[[], None],
        patience_s: float,
    ) -> None:
        self._ask = ask
        self._start = start
        self._kill = kill
        self._patience_s = patience_s
        self._since: float | None = None
        """When it was started, or first answered something else than it should."""

    def look(self, now: float) -> bool:
        """Looks once; returns whether it killed Redis. It never leaves it dead."""
        said = self._ask()
        if not said:
            self._start()
            self._since = now
        elif said == "PONG":
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since > self._patience_s:
            self._kill()
            self._start()
            self._since = now
            return True
        return False


def main(argv: Sequence[str] | None = None) -> int:
    """Watches until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(prog="smartbeak_drills.watchdog")
    parser.add_argument("--name", required=True, help="what ps shows it as")
    parser.add_argument("--host", required=True, help="where Redis listens")
    parser.add_argument("--folder", required=True, type=Path, help="its data and configuration")
    parser.add_argument("--patience", required=True, type=float, help="seconds")
    options = parser.parse_args(argv)
    stop = ended_by_signal()
    conf, pidfile = options.folder / "redis.conf", options.folder / "redis.pid"

    def ask() -> str:
        words = ["redis-cli", "-h", options.host, "PING"]
        said = subprocess.run(words, capture_output=True, text=True, check=False)
        return said.stdout.strip()

    def start() -> None:
        subprocess.run(["redis-server", conf, "--daemonize", "yes"], check=True)

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError, OSError, ValueError):
            os.kill(int(pidfile.read_text()), signal.SIGKILL)
        while ask():  # its port is free only when it has ended
            time.sleep(_LOOK_S)

    watch(Watchdog(ask, start, kill, options.patience), stop)
    return 0


def watch(watchdog: Watchdog, stop: threading.Event) -> None:
    """Has it look again and again until `stop` is set."""
    said = False
    while not stop.is_set():
        if watchdog.look(time.monotonic()) and not said:
            print("killed", flush=True)
            said = True
        stop.wait(_LOOK_S)


if __name__ == "__main__":
    sys.exit(main())
