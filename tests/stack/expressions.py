"""Faults of the stack's kit, from an expression to a sandbox that takes them down."""

from __future__ import annotations

from drillbook.drills import faults
from drillbook.drills.faults import Fault
from drillbook.errors import Where
from drillbook.sandboxes import stack
from drillbook.sandboxes.sandbox import Sandbox
from drillbook.sandboxes.service import Service
from smartbeak_drills.kit import KIT
from tests.conftest import ROOT
from tests.fake_sandbox import FakeSandbox

KNOWN = "faults: " + ", ".join(
    " ".join((each.name, *each.arguments)) for each in KIT.faults.values()
)
SERVICES = stack.load(ROOT).services
HOSTS = ("ops", "app", "db-1", "db-2", "redis-1", "redis-2", "api", "worker", "wordpress")
PIDFILES = {"db": "/data/postmaster.pid", "redis": "/data/redis.pid", "worker": "/run/p.pid"}


def _service(host: str) -> Service:
    kind = host.partition("-")[0]
    versions = {"redis": ("redis-server", "--version")} if kind == "redis" else {}
    noticed_by = SERVICES[host].noticed_by
    pidfile = PIDFILES.get(kind, "")
    return Service(host, (host,), pidfile=pidfile, versions=versions, noticed_by=noticed_by)


def fake_sandbox() -> FakeSandbox:
    return FakeSandbox({host: _service(host) for host in SERVICES}, HOSTS)


def parse(expression: str, where: Where | None = None) -> Fault:
    return faults.parse(expression, KIT, where)


def oracle(expression: str, where: Where | None = None) -> str:
    return faults.oracle(parse(expression, where), KIT, SERVICES, where)


def inject(fault: Fault, sandbox: Sandbox) -> float:
    return faults.inject(fault, KIT, sandbox)
