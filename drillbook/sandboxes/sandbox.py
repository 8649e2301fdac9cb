"""What a backend offers a run: hosts that answer, and an end to all of it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from drillbook.sandboxes.service import Service

Reply = dict[str, Any]
"""An agent's answer, as JSON. Shapes: see `drillbook.inside.agent`."""


class Host(Protocol):
    """One host of a sandbox; its agent answers one request at a time."""

    @property
    def name(self) -> str:
        """The host's name."""
        ...

    def request(self, op: str, *, timeout_s: float, **fields: Any) -> Reply:
        """Sends a request and returns the answer.

        Args:
            op: The operation; see `drillbook.inside.agent`.
            timeout_s: Seconds the operation may take. The operations exec, shell,
                python, read and finish get it as their limit and say when it ran out.
            fields: What the operation needs.

        Raises:
            HarnessError: `host-gone` when the agent is no longer there,
                `host-silent` when it has not answered in `timeout_s` seconds.
        """
        ...


class Sandbox(Protocol):
    """Where one scenario runs: a network with nothing but its stack."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Server versions as the servers report them, e.g. `{"postgresql": "15.18"}`."""
        ...

    @property
    def secrets(self) -> Sequence[str]:
        """Values that must not show in evidence."""
        ...

    @property
    def user(self) -> str:
        """The service user, as whom everything runs."""
        ...

    @property
    def services(self) -> Mapping[str, Service]:
        """What the stack says of each host that is there, by its name."""
        ...

    @property
    def hosts(self) -> Sequence[str]:
        """Names of the hosts that are there."""
        ...

    def host(self, name: str) -> Host:
        """The host of that name (`unknown-host` otherwise)."""
        ...

    def hosts_contacted(self) -> tuple[str, ...] | None:
        """Names that were looked up so far, sorted; None if the backend cannot tell."""
        ...

    def way_in(self, host: str) -> str:
        """The command that leads a person into a host while the sandbox is open."""
        ...

    def close(self) -> None:
        """Ends every process and removes every trace. Safe to call twice."""
        ...


class Backend(Protocol):
    """How sandboxes are made."""

    @property
    def name(self) -> str:
        """`local` or `compose`."""
        ...

    def open(self, services: Sequence[str], *, label: str) -> Sandbox:
        """Makes a sandbox with these services (and what they need) up and healthy.

        Args:
            services: Service names of the stack definition.
            label: The scenario's id, for names, logs and messages.

        Raises:
            HarnessError: `missing-server`, `namespaces-refused`, `no-engine`,
                `service-exited` or `never-healthy`, with the log's last lines.
        """
        ...

    def versions(self, services: Sequence[str]) -> Mapping[str, str]:
        """Versions of the servers that a sandbox with these services would have.

        No sandbox is opened for that.

        Raises:
            HarnessError: As for `open`.
        """
        ...

    def close(self) -> None:
        """Releases what outlives a sandbox (images stay, containers do not)."""
        ...


def hold(sandbox: Sandbox, host: str) -> None:
    """Says how to enter a host of the sandbox and waits until Ctrl-C (`--keep`)."""
    print(
        f"\nkept: enter {host} with\n    {sandbox.way_in(host)}\nCtrl-C ends it.",
        file=sys.__stderr__,
        flush=True,
    )
    signal.pause()
