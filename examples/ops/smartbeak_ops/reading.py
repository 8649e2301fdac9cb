"""What guards ask: small questions, each with a plain answer."""

from __future__ import annotations

from pathlib import Path

from smartbeak_ops import postgres, redisdb, settings
from smartbeak_ops.failures import ServiceError

ALIVE = (
    *("starting", "stopping", "fenced", "no free connection", "login refused"),
    *("wrong password", "no password"),
)
"""Failures of a server that runs: something answered."""

SILENT = ("no answer", "closed", "unknown host")
"""Failures that do not tell whether it runs."""


def role_of(host: str) -> str:
    """`primary`, `replica`, or the state of the failure, as a superuser sees it."""
    try:
        with postgres.superuser(host) as server:
            return "replica" if server.value("SELECT pg_is_in_recovery()") else "primary"
    except ServiceError as error:
        return error.state


def role_seen_by_peer(host: str) -> str:
    """The same, as the other database host sees it."""
    try:
        with postgres.replicator(host) as server:
            return "replica" if server.value("SELECT pg_is_in_recovery()") else "primary"
    except ServiceError as error:
        return error.state


def link_state(host: str) -> str:
    """`open`, or why replication's way to a host is none, as the other host sees it."""
    try:
        with postgres.replicator(f"{host}.repl"):
            return "open"
    except ServiceError as error:
        return error.state


def platform_state(known: settings.Settings) -> str:
    """`open`, or why the platform does not get into its database."""
    try:
        with postgres.Server(known.database):
            return "open"
    except ServiceError as error:
        return error.state


def redis_role(host: str) -> str:
    """`master`, `replica`, or the state of the failure."""
    try:
        found = redisdb.Store(host).ask("ROLE")
    except ServiceError as error:
        return error.state
    return "master" if found[0] == "master" else "replica"


def command_line(pid: int) -> list[str] | None:
    """Words of a process' command line; None if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return None
    return [word for word in text.split("\0") if word]
