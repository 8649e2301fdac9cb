"""Faults of what others host for the platform."""

from __future__ import annotations

from drillbook.drills.hosts import run
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.places import VERCEL

_DEPLOY = """
import pathlib, sys
sys.path.insert(0, "/opt/smartbeak")
from simulators.hosting import vercel
vercel.deploy(pathlib.Path("/var/lib/target/vercel.json"))
"""


def deploy_site(sandbox: Sandbox) -> None:
    """Has a release come to production at Vercel whose page fails."""
    run(sandbox, VERCEL, "python3", "-c", _DEPLOY)
