"""What injections ask of a host.

Only operations of the agent are used, so a fault is the same in every backend.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from drillbook.sandboxes.sandbox import Reply, Sandbox

Injection = Callable[..., None]
"""Takes the sandbox and the step's arguments."""

REQUEST_S = 120.0
PATIENCE_S = 120.0
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


def spawn(sandbox: Sandbox, host: str, name: str, argv: Sequence[str], *, what: str) -> str:
    """Starts a client of the drill on a host and waits for its first line.

    Args:
        sandbox: Where.
        host: The host.
        name: What the agent calls it.
        argv: The client and its arguments.
        what: What did not happen if the line does not come.

    Returns:
        The line.

    Raises:
        InjectionFailed: It did not come.
    """
    request = sandbox.host(host).request
    request("spawn", timeout_s=REQUEST_S, name=name, argv=list(argv))
    line = request("read", timeout_s=PATIENCE_S, name=name)["line"]
    if line is None:
        end = request("finish", timeout_s=REQUEST_S, name=name)
        raise InjectionFailed(f"{what}: {end['stderr'].strip()}")
    return str(line)


def set_link(sandbox: Sandbox, link: str, mode: str, delay_s: float = 0.0) -> None:
    """Sets the mode of a link (see `drillbook.inside.links`)."""
    sandbox.host(link).request("link", timeout_s=REQUEST_S, mode=mode, delay_s=delay_s)


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
