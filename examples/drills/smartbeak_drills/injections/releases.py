"""Faults of a release: one is rolled out, or half of one."""

from __future__ import annotations

import json

from drillbook.drills.hosts import ask, run, until
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.places import OPERATOR

_NAMESPACE = "--namespace=smartbeak-production"
_REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com/smartbeak"


def roll_out(sandbox: Sandbox, role: str, tag: str) -> None:
    """Rolls a release out as the release job does, and waits until it serves or is stuck."""
    _set(sandbox, role, tag)
    # A release that never serves ends this with another status: that is the fault.
    ask(
        sandbox, OPERATOR, "kubectl", _NAMESPACE, "rollout", "status", f"deployment/prod-{role}",
        "--timeout=120s",
    )  # fmt: skip


def pause(sandbox: Sandbox, role: str, tag: str) -> None:
    """Somebody pauses a Deployment in the middle of the way to a release, and forgets it."""
    _set(sandbox, role, tag)
    run(sandbox, OPERATOR, "kubectl", _NAMESPACE, "rollout", "pause", f"deployment/prod-{role}")


def exceed_quota(sandbox: Sandbox, role: str, tag: str) -> None:
    """Rolls a release out in a namespace that may have no more pods than run already."""
    pods = run(sandbox, OPERATOR, "kubectl", _NAMESPACE, "get", "pods", "--output=name").split()
    quota = {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tidy-up"},
        "spec": {"hard": {"pods": str(len(pods))}},
    }  # fmt: skip
    argv = ["kubectl", _NAMESPACE, "apply", "--filename=-"]
    run(sandbox, OPERATOR, *argv, given=json.dumps(quota))
    _set(sandbox, role, tag)
    argv = ["kubectl", _NAMESPACE, "get", f"deployment/prod-{role}", "--output=jsonpath={.status}"]
    until(lambda: "exceeded quota" in run(sandbox, OPERATOR, *argv), "a pod that is refused")


def _set(sandbox: Sandbox, role: str, tag: str) -> None:
    name = f"deployment/prod-{role}"
    run(
        sandbox, OPERATOR, "kubectl", _NAMESPACE, "set", "image", name,
        f"{role}={_REGISTRY}/{role}:{tag}",
    )  # fmt: skip
    run(
        sandbox, OPERATOR, "kubectl", _NAMESPACE, "annotate", name, "--overwrite",
        f"kubernetes.io/change-cause=release {tag}",
    )  # fmt: skip
