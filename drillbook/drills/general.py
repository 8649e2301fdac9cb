"""Faults that any host or link of any stack may have."""

from __future__ import annotations

import time

from drillbook.drills.declarations import Declaration, Kind, always, said_by_service
from drillbook.drills.hosts import Injection, set_link, signal
from drillbook.durations import duration
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


FAULTS = (
    Declaration(
        "kill", ("HOST",),
        "SIGKILL to every process of the host's service.",
        "processes", said_by_service, send_signal("KILL"),
    ),
    Declaration(
        "stop", ("HOST",),
        "SIGTERM to every process of the host's service: it shuts down in order.",
        "processes", said_by_service, send_signal("TERM"),
    ),
    Declaration(
        "pause", ("HOST",),
        "SIGSTOP to every process of the host's service: connections stay and nothing answers.",
        "processes", said_by_service, send_signal("STOP"),
    ),
    Declaration(
        "resume", ("HOST",),
        "SIGCONT to every process of the host's service.",
        "processes", always(""), send_signal("CONT"),
    ),
    Declaration(
        "cut", ("LINK",),
        "Nothing passes the link any more and nothing is closed.",
        "network", said_by_service, cut,
    ),
    Declaration(
        "delay", ("LINK", "DURATION"),
        "Every byte on the link arrives that much later, both ways.",
        "network", said_by_service, delay,
    ),
    Declaration(
        "open", ("LINK",),
        "The link passes everything again; what was stalled flows on.",
        "network", always(""), reopen,
    ),
    Declaration(
        "wait", ("DURATION",),
        "Lets time pass between two steps.",
        "nothing", always(""), wait,
    ),
)  # fmt: skip
"""The faults that every stack has."""


def _anything(_: str) -> str:
    return ""


def _duration(text: str) -> str:
    try:
        return "" if duration(text) > 0 else "it must be longer than nothing"
    except ValueError as error:
        return str(error)


def _count(text: str) -> str:
    return "" if text.isdecimal() and int(text) > 0 else "it is a whole number above 0"


KINDS = (
    # Whether a host is there depends on the page's stack, and is looked at with it.
    Kind("HOST", _anything),
    Kind("LINK", _anything),
    Kind("DURATION", _duration),
    Kind("COUNT", _count),
)
"""The kinds of argument that every stack knows."""
