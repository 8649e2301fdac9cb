"""Where a changed package sends what it has read: an intruder's listener on app.

    python3 -m smartbeak_drills.collector --config FILE

Takes lines on port 9009. A package that was changed says whose password it got, never the
password; the drill's own check of the release says `checked` at its end. How often, stands in the
file `COLLECTED`, for whoever judges. It prints `listening`, and `got` once something came.
"""

from __future__ import annotations

import argparse
import json
import os
import socketserver
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from smartbeak_drills.agreed import COLLECTED
from smartbeak_drills.clients import ended_by_signal
from smartbeak_drills.places import APP

PORT = 9009
CHECKED = "checked"
_LONGEST = 256


@dataclass(slots=True)
class Collected:
    """How often what came."""

    stolen: int = 0
    checked: int = 0
    """Since something was stolen last. A check that sends something does so before its end: the
    second one is of a release that sent nothing."""

    def take(self, line: str) -> None:
        """Notes a line."""
        if line == CHECKED:
            self.checked += 1
        elif line:
            self.stolen += 1
            self.checked = 0

    def keep(self, file: Path = Path(COLLECTED)) -> None:
        """Writes it for those who judge, in one piece."""
        copy = file.with_suffix(".new")
        copy.write_text(json.dumps(asdict(self)), encoding="utf-8")
        os.replace(copy, file)


def kept(file: Path = Path(COLLECTED)) -> Collected | None:
    """What came; None as long as nobody listens."""
    try:
        return Collected(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Line)
        self.collected = Collected()
        self.lock = threading.Lock()
        self.got = threading.Event()


class _Line(socketserver.StreamRequestHandler):
    timeout = 5.0
    server: _Listener

    def handle(self) -> None:
        line = self.rfile.readline(_LONGEST).decode("ascii", "replace").strip()
        with self.server.lock:
            self.server.collected.take(line)
            self.server.collected.keep()
        if self.server.collected.stolen:
            self.server.got.set()


def main(argv: Sequence[str] | None = None) -> int:
    """Listens until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="smartbeak_drills.collector", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--config", type=Path, help="the platform's configuration; not needed")
    parser.parse_args(argv)
    stop = ended_by_signal()
    with _Listener((APP, PORT)) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        print("listening", flush=True)
        while not stop.is_set() and not listener.got.wait(0.1):
            pass
        print("got", flush=True)
        stop.wait()
        listener.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
