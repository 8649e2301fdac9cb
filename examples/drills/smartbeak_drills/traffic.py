"""Ordinary traffic, many requests at once: a pool of connections grows to its limit.

    python3 -m smartbeak_drills.traffic --config FILE --at-once N

Asks the API how it is, which needs two sessions of the database at once and no token,
N times at once and again and again. Prints `full` once PostgreSQL refuses a new session.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from smartbeak_drills.clients import ended_by_signal
from smartbeak_drills.places import API_URL
from smartbeak_drills.session import Session, SessionError
from smartbeak_drills.settings import read_address

_PAUSE_S = 0.3
_TIMEOUT_S = 30.0


class Traffic:
    """Requests over connections that are kept.

    Args:
        url: Of the API.
        at_once: How many requests are under way together.
    """

    def __init__(self, url: str, at_once: int) -> None:
        place = urlsplit(url)
        self._lines = [
            http.client.HTTPConnection(place.hostname or "", place.port, timeout=_TIMEOUT_S)
            for _ in range(at_once)
        ]

    def burst(self) -> None:
        """Asks everything before it reads the first answer. Whatever fails is asked anew
        over a new connection the next time.
        """
        for line in self._lines:
            with _broken_closed(line):
                line.request("GET", "/health")
        for line in self._lines:
            if line.sock is not None:
                with _broken_closed(line):
                    line.getresponse().read()

    def close(self) -> None:
        """Closes all connections."""
        for line in self._lines:
            line.close()


@contextlib.contextmanager
def _broken_closed(line: http.client.HTTPConnection) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException):
        line.close()


def work(config: Path, traffic: Traffic, stop: threading.Event) -> None:
    """Makes traffic until `stop` is set, and says once when a new session is refused."""
    full = False
    while not stop.wait(_PAUSE_S):
        traffic.burst()
        if full:
            continue
        try:
            Session(read_address(config), timeout_s=_TIMEOUT_S).close()
        except SessionError as error:
            full = True
            print(f"full: {error.text}", flush=True)
    traffic.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Makes traffic until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="smartbeak_drills.traffic", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--config", required=True, type=Path, help="the platform's configuration")
    parser.add_argument("--at-once", required=True, type=int, help="requests at once")
    options = parser.parse_args(argv)
    work(options.config, Traffic(API_URL, options.at_once), ended_by_signal())
    return 0


if __name__ == "__main__":
    sys.exit(main())
