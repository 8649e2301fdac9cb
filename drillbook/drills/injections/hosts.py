"""What injections ask of a host, and the places they know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from drillbook.sandboxes.sandbox import Reply, Sandbox

Injection = Callable[..., None]
"""Takes the sandbox and the step's arguments."""

# Paths that are the same on every host of the stack, in both backends.
CONFIG = "/etc/smartbeak/platform.env"
CHECKOUT = "/opt/smartbeak/platform"

PRIMARY, REPLICA, APP, OPERATOR, API = "db-1", "db-2", "app", "ops", "api"
PLATFORM = (API, "web", "worker", "worker-eu")
"""Hosts of the platform's processes."""

REQUEST_S = 30.0
PATIENCE_S = 40.0
WORKER = "smartbeak-report-worker"
"""Name of the forgotten worker: in pg_stat_activity, CLIENT LIST and among its arguments,
where pgrep finds it."""

_POLL_S = 0.05


class InjectionFailed(Exception):
    """A fault that could not be brought about; says why."""


def ask(sandbox: Sandbox, host: str, *argv: str, given: str = "") -> Reply:
    """Runs a program on a host, whatever its status."""
    request = sandbox.host(host).request
    return request(
        "exec", timeout_s=REQUEST_S, argv=list(argv), **({"input": given} if given else {})
    )


def run(sandbox: Sandbox, host: str, *argv: str, given: str = "") -> str:
    """Runs a program on a host and returns what it printed.

    Raises:
        InjectionFailed: Its status is not 0.
    """
    reply = ask(sandbox, host, *argv, given=given)
    if reply["status"] != 0:
        said = (reply["stderr"] or reply["stdout"]).strip()
        raise InjectionFailed(f"`{' '.join(argv)}` on {host} ended with {reply['status']}: {said}")
    return str(reply["stdout"]).strip()


def until(holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Waits for something.

    Raises:
        InjectionFailed: It did not come about in time.
    """
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            raise InjectionFailed(f"waited {patience_s:g} s for {what}")
        time.sleep(_POLL_S)


def spawn(sandbox: Sandbox, name: str, module: str, *arguments: str, what: str) -> str:
    """Starts a client of the drill on app and waits for its first line.

    Args:
        sandbox: Where.
        name: What the agent calls it.
        module: Module of `drillbook.drills`.
        arguments: Its arguments.
        what: What did not happen if the line does not come.

    Returns:
        The line.

    Raises:
        InjectionFailed: It did not come.
    """
    app = sandbox.host(APP)
    argv = ["python3", "-m", f"drillbook.drills.{module}", "--config", CONFIG, *arguments]
    app.request("spawn", timeout_s=REQUEST_S, name=name, argv=argv)
    line = app.request("read", timeout_s=PATIENCE_S, name=name)["line"]
    if line is None:
        end = app.request("finish", timeout_s=REQUEST_S, name=name)
        raise InjectionFailed(f"{what}: {end['stderr'].strip()}")
    return str(line)


def signal(sandbox: Sandbox, host: str, name: str) -> None:
    """Sends a signal to every process of a host's service.

    Raises:
        InjectionFailed: The host has no service that says where its process is.
    """
    service = sandbox.services.get(host)
    if service is None or not service.pidfile:
        raise InjectionFailed(f"{host} has no service to send SIG{name} to")
    request = sandbox.host(host).request
    request("signal", timeout_s=REQUEST_S, pidfile=service.pidfile, signal=name)


def present(sandbox: Sandbox, hosts: Iterable[str]) -> tuple[str, ...]:
    """Those of the hosts that the sandbox has."""
    return tuple(host for host in hosts if host in sandbox.hosts)
