"""The command line: what listens where, as which process."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from simulators.folders import Folders
from simulators.known import KNOWN
from simulators.service import Service, end_with_parent

VERSION = "simulator 1.0"


def main(argv: Sequence[str] | None = None) -> None:
    """Listens until it is told to end."""
    said = _arguments(argv)
    known = KNOWN[said.name]
    folders = Folders(said.root, known.kind)
    with contextlib.suppress(OSError):
        folders.log.parent.mkdir(parents=True, exist_ok=True)
    host = said.host or socket.gethostname()
    context = None
    if not said.insecure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*folders.certificate(host))
    # A group of its own, so that connections and their plugins can be ended with it.
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    with Service((host, said.port), known.make(folders), folders, context) as service:
        _end_at_once(folders.pidfile)
        if known.work:
            _beside(known.work, folders)
        service.log(f"{said.name} listens on {host}:{service.server_address[1]}")
        folders.pidfile.write_text(f"{os.getpid()}\n")
        service.serve_forever()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulator", description="A simulated service.")
    parser.add_argument("name", choices=sorted(KNOWN))
    parser.add_argument("--port", type=int, default=443, help="0: one that is free")
    parser.add_argument("--host", help="name to listen on and of its certificate; this host's")
    parser.add_argument("--insecure", action="store_true", help="plain HTTP, for tests")
    parser.add_argument(
        "--root", type=Path, default=Path("/"), help="for tests: where /var, /run are"
    )
    parser.add_argument("--version", action="version", version=VERSION)
    return parser.parse_args(argv)


def _beside(work: Callable[[Folders], None], folders: Folders) -> None:
    """Does it in a process of its own, which ends with this one."""
    if os.fork():
        return
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()
    work(folders)
    os._exit(1)


def _end_at_once(pidfile: Path) -> None:
    """Lets SIGTERM end this process and all that it started, without a wait."""
    me = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        if os.getpid() == me:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            pidfile.unlink(missing_ok=True)
            os.killpg(me, signal.SIGTERM)
        sys.stderr.flush()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
