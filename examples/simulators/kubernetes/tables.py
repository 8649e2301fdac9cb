"""The columns that `kubectl get` shows: the server says them, as the real one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from simulators.kubernetes.cluster import Object

Cells = Callable[[Object], Sequence[Any]]


def age(stamp: str) -> str:
    """How long ago, as `kubectl` says it."""
    seconds = max(int((datetime.now(UTC) - datetime.fromisoformat(stamp)).total_seconds()), 0)
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 600:
        return f"{seconds // 60}m{seconds % 60}s"
    return f"{seconds // 60}m" if seconds < 7200 else f"{seconds // 3600}h"


def _since(found: Object) -> str:
    return age(found["metadata"]["creationTimestamp"])


def _name(found: Object) -> str:
    return str(found["metadata"]["name"])


def _deployment(found: Object) -> Sequence[Any]:
    status, spec = found.get("status", {}), found["spec"]
    containers = spec["template"]["spec"]["containers"]
    return (
        _name(found), f"{status.get('readyReplicas', 0)}/{spec['replicas']}",
        status.get("updatedReplicas", 0), status.get("availableReplicas", 0), _since(found),
        ",".join(each["name"] for each in containers),
        ",".join(each["image"] for each in containers), _labels(spec["selector"]["matchLabels"]),
    )  # fmt: skip


def _replica_set(found: Object) -> Sequence[Any]:
    status, containers = found["status"], found["spec"]["template"]["spec"]["containers"]
    return (
        _name(found), found["spec"]["replicas"], status.get("replicas", 0),
        status.get("readyReplicas", 0), _since(found),
        ",".join(each["name"] for each in containers),
        ",".join(each["image"] for each in containers),
        _labels(found["spec"]["selector"]["matchLabels"]),
    )  # fmt: skip


def _pod(found: Object) -> Sequence[Any]:
    containers = found["status"].get("containerStatuses", ())
    ready = sum(1 for each in containers if each["ready"])
    restarts = sum(each["restartCount"] for each in containers)
    return (
        _name(found), f"{ready}/{len(found['spec']['containers'])}", phase(found), restarts,
        _since(found), found["status"].get("podIP", "<none>"), found["spec"]["nodeName"],
        "<none>", "<none>",
    )  # fmt: skip


def phase(pod: Object) -> str:
    """A pod's status in one word: the trouble of its container, or its phase."""
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    for each in pod["status"].get("containerStatuses", ()):
        for name in ("waiting", "terminated"):
            if reason := each["state"].get(name, {}).get("reason"):
                return str(reason)
    return str(pod["status"]["phase"])


def _event(found: Object) -> Sequence[Any]:
    about = found["involvedObject"]
    return (
        age(found["lastTimestamp"]), found["type"], found["reason"],
        f"{about['kind'].lower()}/{about['name']}", found["message"],
    )  # fmt: skip


def _autoscaler(found: Object) -> Sequence[Any]:
    spec, target = found["spec"], found["spec"]["scaleTargetRef"]
    metrics = spec.get("metrics", ())
    targets = ", ".join(
        f"{each['resource']['name']}: <unknown>/{each['resource']['target']['averageUtilization']}%"
        for each in metrics
    )
    return (
        _name(found), f"{target['kind']}/{target['name']}", targets, str(spec["minReplicas"]),
        str(spec["maxReplicas"]), found.get("status", {}).get("currentReplicas", 0), _since(found),
    )  # fmt: skip


def _service(found: Object) -> Sequence[Any]:
    spec = found["spec"]
    ports = ",".join(f"{each['port']}/TCP" for each in spec["ports"])
    kind = spec.get("type", "ClusterIP")
    return (_name(found), kind, "127.0.0.1", "<none>", ports, _since(found))


def _external(found: Object) -> Sequence[Any]:
    spec, (condition,) = found["spec"], found["status"]["conditions"]
    return (
        _name(found), spec["secretStoreRef"]["kind"], spec["secretStoreRef"]["name"],
        spec["refreshInterval"], condition["reason"], condition["status"],
    )  # fmt: skip


def _quota(found: Object) -> Sequence[Any]:
    status = found.get("status", {})
    used, hard = status.get("used", {}), found["spec"]["hard"]
    request = ", ".join(f"{name}: {used.get(name, 0)}/{most}" for name, most in hard.items())
    return (_name(found), _since(found), request, "")


def _data(found: Object) -> Sequence[Any]:
    kind = (found.get("type", "Opaque"),) if found["kind"] == "Secret" else ()
    return (_name(found), *kind, len(found.get("data") or {}), _since(found))


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in labels.items())


# The columns after `|` are shown with --output wide.
_TABLES: Mapping[str, tuple[str, Cells]] = {
    "deployments": (
        "Name Ready Up-to-date Available Age | Containers Images Selector", _deployment
    ),
    "replicasets": ("Name Desired Current Ready Age | Containers Images Selector", _replica_set),
    "pods": (
        "Name Ready Status Restarts Age | IP Node Nominated-Node Readiness-Gates", _pod
    ),
    "events": ("Last-Seen Type Reason Object Message", _event),
    "horizontalpodautoscalers": (
        "Name Reference Targets MinPods MaxPods Replicas Age", _autoscaler
    ),
    "services": ("Name Type Cluster-IP External-IP Port(s) Age", _service),
    "externalsecrets": ("Name StoreType Store Refresh-Interval Status Ready", _external),
    "resourcequotas": ("Name Age Request Limit", _quota),
    "secrets": ("Name Type Data Age", _data),
    "configmaps": ("Name Data Age", _data),
    "namespaces": ("Name Status Age", lambda found: (_name(found), "Active", _since(found))),
}  # fmt: skip


def table(plural: str, found: Sequence[Object], version: int) -> Object:
    """The objects as the rows of a table."""
    names, cells = _TABLES[plural]
    shown, _, wide = names.partition("|")
    columns = [
        {"name": name.replace("-", " ") if name == "Last-Seen" else name, "type": "string",
         "format": "name" if name == "Name" else "", "description": "", "priority": priority}
        for priority, part in enumerate((shown, wide))
        for name in part.split()
    ]  # fmt: skip
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": str(version)},
        "columnDefinitions": columns,
        "rows": [
            {
                "cells": list(cells(each)),
                "object": {
                    "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                    "metadata": each["metadata"],
                },
            }
            for each in found
        ],
    }  # fmt: skip
