"""Which versions of its servers a sandbox runs, as the servers themselves say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from drillbook.sandboxes.sandbox import Host
from drillbook.sandboxes.servers import SYSTEM_PATH
from drillbook.sandboxes.service import Service

_NUMBER = re.compile(r"\d+(\.\d+)+")
_TIMEOUT_S = 60.0

Ask = Callable[[Service, Sequence[str]], str]
"""Runs a command as on a service's host and returns what it printed."""


def read(services: Iterable[Service], host: Callable[[str], Host]) -> dict[str, str]:
    """Server versions, e.g. `{"postgresql": "15.18"}`; one host is asked for each.

    Args:
        services: Services of the sandbox; they name the commands.
        host: The host of a name.
    """

    def ask(service: Service, argv: Sequence[str]) -> str:
        reply = host(service.name).request("exec", timeout_s=_TIMEOUT_S, argv=list(argv))
        return str(reply["stdout"])

    return told(services, ask)


def told(services: Iterable[Service], ask: Ask) -> dict[str, str]:
    """Server versions of these services, each asked for once.

    Args:
        services: They name the commands.
        ask: Runs one.
    """
    found: dict[str, str] = {}
    for service in services:
        for name, argv in service.versions.items():
            if name not in found and (number := _NUMBER.search(ask(service, argv))):
                found[name] = number.group()
    return found


def of_programs(services: Iterable[Service], folders: Sequence[Path]) -> dict[str, str]:
    """The same of programs on this machine, without a sandbox.

    Args:
        services: They name the commands.
        folders: Where the programs are, in the order of the hosts' PATH.
    """
    path = os.pathsep.join([*map(str, folders), *SYSTEM_PATH])

    def ask(_service: Service, argv: Sequence[str]) -> str:
        program = shutil.which(argv[0], path=path)
        return _said((program, *argv[1:]), path) if program else ""

    return told(services, ask)


def of_program(program: Path) -> str:
    """The version that a program of this machine says it has; "?" if it says none."""
    number = _NUMBER.search(_said((str(program), "--version"), os.pathsep.join(SYSTEM_PATH)))
    return number.group() if number else "?"


@lru_cache(maxsize=64)
def _said(argv: tuple[str, ...], path: str) -> str:
    """What a program of this machine says; asked once in a run."""
    done = subprocess.run(
        argv, env={"PATH": path, "LC_ALL": "C.UTF-8"}, cwd="/", stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=_TIMEOUT_S,
    )  # fmt: skip
    return done.stdout
