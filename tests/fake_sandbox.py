"""A sandbox of hosts that take down what they are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drillbook.sandboxes.service import Service


class FakeHost:
    """A host that takes down requests and answers what it was told to."""

    def __init__(self, name: str, log: list[tuple[str, str, Mapping[str, Any]]]) -> None:
        self.name = name
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self._log = log

    def request(self, op: str, *, timeout_s: float, **fields: Any) -> dict[str, Any]:
        self._log.append((self.name, op, fields))
        return self.answers[op].pop(0) if self.answers.get(op) else {}


class FakeSandbox:
    """Hosts of any name, and all that was asked of them."""

    versions: Mapping[str, str] = {}
    secrets: tuple[str, ...] = ()
    user = "service"

    def __init__(
        self, services: Mapping[str, Service] | None = None, hosts: Sequence[str] = ("app", "db-1")
    ) -> None:
        self.services = services or {}
        self.hosts = tuple(hosts)
        self.log: list[tuple[str, str, Mapping[str, Any]]] = []
        self._hosts: dict[str, FakeHost] = {}

    def host(self, name: str) -> FakeHost:
        return self._hosts.setdefault(name, FakeHost(name, self.log))

    def hosts_contacted(self) -> None:
        return None

    def way_in(self, host: str) -> str:
        return f"enter {host}"

    def close(self) -> None:
        pass
