"""What the clients behind faults have in common."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from smartbeak_drills import settings


def arguments(module: str, about: str, host: str) -> argparse.ArgumentParser:
    """The command line that they share.

    Args:
        module: Name of the module.
        about: Its docstring; the first line is shown.
        host: What `--host` names.
    """
    parser = argparse.ArgumentParser(
        prog=f"drillbook.drills.{module}", description=about.partition("\n")[0]
    )
    parser.add_argument("--config", required=True, type=Path, help="the platform's configuration")
    parser.add_argument("--host", required=True, help=host)
    parser.add_argument("--name", required=True, help="name of the client and its connections")
    return parser


def ended_by_signal() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def redis_at(config: Path, host: str) -> str:
    """The address of Redis in the platform's configuration, but on this host.

    Raises:
        SessionError: There is none.
    """
    place = urlsplit(settings.read(config, settings.REDIS))
    before, at, there = place.netloc.rpartition("@")
    port = there.partition(":")[2] or "6379"
    return urlunsplit(place._replace(netloc=f"{before}{at}{host}:{port}"))
