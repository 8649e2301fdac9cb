"""The command line: what listens where, as which process."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from simulators.messages import Target
from simulators.service import Folders, Service
from simulators.store import Store
from simulators.targets.linkedin import LinkedIn
from simulators.targets.wordpress import WordPress

VERSION = "target 1.0"


def main(argv: Sequence[str] | None = None) -> None:
    """Listens until it is told to end."""
    said = _arguments(argv)
    root: Path = said.root
    folders = Folders(root / "var/lib/target", root / "var/log/target/target.log")
    with contextlib.suppress(OSError):
        folders.log.parent.mkdir(parents=True, exist_ok=True)
    name = said.host or socket.gethostname()
    context = None
    if not said.insecure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(root / f"run/tls/{name}.crt", root / f"run/tls/{name}.key")
    target = _target(said.target, root, folders)
    # A group of its own, so that connections and their plugins can be ended with it.
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    with Service((name, said.port), target, folders, context) as service:
        pidfile = root / "run/target.pid"
        _end_at_once(pidfile)
        service.log(f"{said.target} listens on {name}:{service.server_address[1]}")
        pidfile.write_text(f"{os.getpid()}\n")
        service.serve_forever()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="target", description="A simulated publish target.")
    parser.add_argument("target", choices=("wordpress", "linkedin"))
    parser.add_argument("--port", type=int, default=443, help="0: one that is free")
    parser.add_argument("--host", help="name to listen on and of its certificate; this host's")
    parser.add_argument("--insecure", action="store_true", help="plain HTTP, for tests")
    parser.add_argument(
        "--root", type=Path, default=Path("/"), help="for tests: where /var, /run are"
    )
    parser.add_argument("--version", action="version", version=VERSION)
    return parser.parse_args(argv)


def _target(name: str, root: Path, folders: Folders) -> Target:
    store, secret = Store(folders.accepted), root / "run/secrets" / name
    if name == "wordpress":
        return WordPress(store, secret)
    return LinkedIn(store, secret, folders.state / "rate")


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
