"""What is there at the start: the production overlay, as kustomize makes it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

from simulators.kubernetes.cluster import Cluster, Object
from simulators.kubernetes.deployments import LAST_APPLIED
from simulators.kubernetes.kinds import KINDS

_PLURALS = {each.name: each.plural for each in KINDS.values()}


def rendered(overlay: Path) -> list[Object]:
    """The objects of an overlay.

    Args:
        overlay: The folder with its kustomization.yaml.

    Raises:
        subprocess.CalledProcessError: kubectl does not take it.
    """
    said = subprocess.run(
        ["kubectl", "kustomize", str(overlay)], capture_output=True, text=True, check=True
    ).stdout
    return [each for each in yaml.safe_load_all(said) if each]


def load(cluster: Cluster, objects: list[Object], settings: Mapping[str, str]) -> None:
    """Puts the objects into the cluster.

    Args:
        cluster: Where to.
        objects: What an overlay holds.
        settings: The platform's settings, which its ConfigMap has beside its own.
    """
    for each in objects:
        if each["kind"] not in _PLURALS:
            continue  # accounts and budgets: nothing here asks for them
        # As the release job left it, which applied the overlay.
        applied = json.dumps(each, separators=(",", ":")) + "\n"
        each["metadata"].setdefault("annotations", {})[LAST_APPLIED] = applied
        if each["kind"] == "ConfigMap":
            each["data"] = {**settings, **each["data"]}
        cluster.put(_PLURALS[each["kind"]], each)


def settings(file: Path) -> dict[str, str]:
    """The lines of platform.env."""
    pairs = [line.partition("=") for line in file.read_text(encoding="utf-8").splitlines()]
    return {name: text for name, equals, text in pairs if equals and not name.startswith("#")}
