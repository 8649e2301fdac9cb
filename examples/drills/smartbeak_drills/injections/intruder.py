"""Faults of security: somebody is inside who should not be."""

from __future__ import annotations

from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.injections import client


def intrude(sandbox: Sandbox, loot: str) -> None:
    """Has an intruder use a stolen secret, from where users are."""
    client.start(sandbox, f"intruder-{loot}", "intruder", loot, what="the intruder did not get in")
