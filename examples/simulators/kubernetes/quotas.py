"""ResourceQuotas: how many pods a namespace may have, the only thing that is counted here.

https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from typing import Any

from simulators.kubernetes.cluster import Cluster, Object, record

COUNTED = "pods"
FAILED = "ReplicaFailure"
"""Type of the condition of a ReplicaSet, and of its Deployment, that gets no pods."""


def count(cluster: Cluster, quota: Object) -> None:
    """Says what a quota's namespace uses of it."""
    meta, hard = quota["metadata"], quota["spec"]["hard"]
    used = {COUNTED: str(len(cluster.list("pods", meta["namespace"])))}

    def say(found: Object) -> None:
        found["status"] = {"hard": hard, "used": used}

    cluster.update(("resourcequotas", meta["namespace"], meta["name"]), say)


def exceeded(cluster: Cluster, namespace: str) -> str:
    """Why no pod more may be made; empty where one may."""
    used = len(cluster.list("pods", namespace))
    for each in cluster.list("resourcequotas", namespace):
        most = int(each["spec"]["hard"][COUNTED])
        if used >= most:
            name = each["metadata"]["name"]
            asked = f"requested: pods=1, used: pods={used}, limited: pods={most}"
            return f"exceeded quota: {name}, {asked}"
    return ""


def condition(cluster: Cluster, replicas: Object, failure: str) -> dict[str, Any]:
    """What the status of a ReplicaSet says of a pod that was refused, with an event once.

    Args:
        cluster: Where it is.
        replicas: The ReplicaSet.
        failure: Why; empty where none was refused.
    """
    if not failure:
        return {}
    # A real pod's name has five letters of its own each time it is tried.
    message = f'pods "{replicas["metadata"]["name"]}-" is forbidden: {failure}'
    said = {"type": FAILED, "status": "True", "reason": "FailedCreate", "message": message}
    if said not in replicas["status"].get("conditions", ()):
        record(cluster, replicas, "FailedCreate", f"Error creating: {message}", "Warning")
    return {"conditions": [said]}
