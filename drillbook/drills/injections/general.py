"""Faults that any host or link may have."""

from __future__ import annotations

import time

from drillbook.drills.injections.hosts import REQUEST_S, Injection, signal
from drillbook.pages.options import duration
from drillbook.sandboxes.sandbox import Sandbox


def send_signal(name: str) -> Injection:
    """The injection that sends a signal to every process of a host's service."""
    return lambda sandbox, host: signal(sandbox, host, name)


def cut(sandbox: Sandbox, link: str) -> None:
    """Lets nothing pass the link."""
    set_link(sandbox, link, "cut")


def delay(sandbox: Sandbox, link: str, time_added: str) -> None:
    """Makes every byte on the link arrive later."""
    set_link(sandbox, link, "delay", duration(time_added))


def reopen(sandbox: Sandbox, link: str) -> None:
    """Lets everything pass the link."""
    set_link(sandbox, link, "open")


def wait(_: Sandbox, time_passed: str) -> None:
    """Lets time pass."""
    time.sleep(duration(time_passed))


def set_link(sandbox: Sandbox, link: str, mode: str, delay_s: float = 0.0) -> None:
    """Sets the mode of a link (see `drillbook.sandboxes.links`)."""
    sandbox.host(link).request("link", timeout_s=REQUEST_S, mode=mode, delay_s=delay_s)
