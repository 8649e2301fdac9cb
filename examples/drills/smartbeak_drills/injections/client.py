"""Starts the clients that are behind some faults."""

from __future__ import annotations

from drillbook.drills.hosts import spawn
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.places import APP, CONFIG


def start(sandbox: Sandbox, name: str, module: str, *arguments: str, what: str) -> str:
    """Starts a client on app and waits for its first line, which it returns.

    Args:
        sandbox: Where.
        name: What the agent calls it.
        module: Module of `smartbeak_drills`.
        arguments: Its arguments, beside the platform's configuration.
        what: What did not happen if the line does not come.

    Raises:
        InjectionFailed: It did not come.
    """
    argv = ["python3", "-m", f"smartbeak_drills.{module}", "--config", CONFIG, *arguments]
    return spawn(sandbox, APP, name, argv, what=what)
