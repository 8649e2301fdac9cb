"""What keeps Deployments, ReplicaSets and autoscalers as they were asked to be.

The order of a rolling update follows
https://kubernetes.io/docs/concepts/workloads/controllers/deployment/.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

from simulators.kubernetes import quotas
from simulators.kubernetes.cluster import Cluster, Object, now, owned, record, reference

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_TICK_S = 0.2


class Controllers(threading.Thread):
    """Looks at every change, and at the clock.

    Args:
        cluster: Whose objects.
    """

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(name="controllers", daemon=True)
        self._cluster = cluster

    def run(self) -> None:
        """Goes on until the process ends."""
        seen = 0
        while True:
            seen = self._cluster.wait(seen, _TICK_S)
            self.look()

    def look(self) -> None:
        """Goes through everything once."""
        for each in self._cluster.list("resourcequotas"):
            quotas.count(self._cluster, each)
        for each in self._cluster.list("horizontalpodautoscalers"):
            _autoscale(self._cluster, each)
        for each in self._cluster.list("deployments"):
            _deploy(self._cluster, each)
        for each in self._cluster.list("replicasets"):
            if _orphaned(self._cluster, each):
                self._cluster.remove(_key("replicasets", each))
            else:
                _replicate(self._cluster, each)
        for each in self._cluster.list("pods"):
            if _orphaned(self._cluster, each):
                delete_pod(self._cluster, each)


def _key(plural: str, found: Object) -> tuple[str, str, str]:
    return plural, found["metadata"]["namespace"], found["metadata"]["name"]


def _orphaned(cluster: Cluster, found: Object) -> bool:
    """Whether the object that it belonged to is gone."""
    (owner,) = found["metadata"]["ownerReferences"]
    plural = {"Deployment": "deployments", "ReplicaSet": "replicasets"}[owner["kind"]]
    held = cluster.get((plural, found["metadata"]["namespace"], owner["name"]))
    return held is None or held["metadata"]["uid"] != owner["uid"]


def _autoscale(cluster: Cluster, scaler: Object) -> None:
    """Keeps the number of pods within its limits; a Deployment of none is left alone."""
    spec, meta = scaler["spec"], scaler["metadata"]
    key = ("deployments", meta["namespace"], spec["scaleTargetRef"]["name"])
    target = cluster.get(key)
    if target is None:
        return
    wanted = target["spec"]["replicas"]
    least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
    if wanted and not least <= wanted <= most:
        wanted = min(max(wanted, least), most)

        def scale(deployment: Object) -> None:
            deployment["spec"]["replicas"] = wanted

        cluster.update(key, scale)
        record(
            cluster, scaler, "SuccessfulRescale",
            f"New size: {wanted}; reason: Current number of replicas outside of its limits",
        )  # fmt: skip

    def say(found: Object) -> None:
        current = target.get("status", {}).get("replicas", 0)
        found["status"] = {"currentReplicas": current, "desiredReplicas": wanted}

    cluster.update(_key("horizontalpodautoscalers", scaler), say)


def _deploy(cluster: Cluster, deployment: Object) -> None:
    sets = list(owned(cluster.list("replicasets", deployment["metadata"]["namespace"]), deployment))
    newest = next((each for each in sets if _fits(each, deployment)), None)
    if deployment["spec"].get("paused"):
        _scale_paused(cluster, deployment, sets)
    else:
        if newest is None:
            newest = _new_set(cluster, deployment, sets)
            sets.append(newest)
        newest = _renumber(cluster, deployment, newest, sets) or newest
        old = [each for each in sets if each["metadata"]["uid"] != newest["metadata"]["uid"]]
        if deployment["spec"].get("strategy", {}).get("type") == "Recreate":
            _recreate(cluster, deployment, newest, old)
        else:
            _roll(cluster, deployment, newest, old)
        _forget(cluster, deployment, old)
    _say(cluster, deployment)


def _fits(replicas: Object, deployment: Object) -> bool:
    return _bare(replicas["spec"]["template"]) == _bare(deployment["spec"]["template"])


def _bare(template: Object) -> str:
    labels = {k: v for k, v in template["metadata"].get("labels", {}).items() if k != HASH}
    meta = {"labels": labels, "annotations": template["metadata"].get("annotations") or {}}
    return json.dumps([meta, template["spec"]], sort_keys=True)


def template_hash(template: Object) -> str:
    """The ending of a ReplicaSet's name."""
    digest = hashlib.sha256(_bare(template).encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:10])


def _revision(found: Object) -> int:
    return int(found["metadata"].get("annotations", {}).get(REVISION, 0))


def _passed_on(deployment: Object) -> dict[str, str]:
    """Annotations that a ReplicaSet has from its Deployment."""
    said: dict[str, str] = deployment["metadata"].get("annotations") or {}
    return {name: text for name, text in said.items() if name not in (REVISION, LAST_APPLIED)}


def _new_set(cluster: Cluster, deployment: Object, sets: list[Object]) -> Object:
    spec, meta = deployment["spec"], deployment["metadata"]
    ending = template_hash(spec["template"])
    template_meta = spec["template"]["metadata"]
    labels = {**template_meta.get("labels", {}), HASH: ending}
    revision = max((_revision(each) for each in sets), default=0) + 1
    return cluster.put(
        "replicasets",
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{meta['name']}-{ending}",
                "namespace": meta["namespace"],
                "labels": labels,
                "annotations": {**_passed_on(deployment), REVISION: str(revision)},
                "ownerReferences": [reference(deployment)],
            },
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {**spec["selector"]["matchLabels"], HASH: ending}},
                "template": {
                    "metadata": {**template_meta, "labels": labels},
                    "spec": spec["template"]["spec"],
                },
            },
            "status": {"replicas": 0, "readyReplicas": 0, "availableReplicas": 0},
        },
    )


def _renumber(
    cluster: Cluster, deployment: Object, newest: Object, sets: list[Object]
) -> Object | None:
    """A ReplicaSet that serves again gets a new number; both have the newest annotations."""
    others = [each for each in sets if each["metadata"]["uid"] != newest["metadata"]["uid"]]
    highest = max((_revision(each) for each in others), default=0)
    number = str(max(_revision(newest), highest + 1))

    def renumber(found: Object) -> None:
        said = {**found["metadata"].get("annotations", {}), **_passed_on(deployment)}
        found["metadata"]["annotations"] = {**said, REVISION: number}

    def note(found: Object) -> None:
        found["metadata"]["annotations"] = {
            **(found["metadata"].get("annotations") or {}), REVISION: number,
        }  # fmt: skip

    cluster.update(_key("deployments", deployment), note)
    return cluster.update(_key("replicasets", newest), renumber)


def _share(text: Any, of: int, rounding: Any) -> int:
    if isinstance(text, str) and text.endswith("%"):
        return int(rounding(int(text[:-1]) * of / 100))
    return int(text)


def _roll(cluster: Cluster, deployment: Object, newest: Object, old: list[Object]) -> None:
    spec = deployment["spec"]
    wanted = spec["replicas"]
    rolling = spec.get("strategy", {}).get("rollingUpdate") or {}
    surge = _share(rolling.get("maxSurge", "25%"), wanted, math.ceil)
    missing = _share(rolling.get("maxUnavailable", "25%"), wanted, math.floor)
    if not surge and not missing:
        missing = 1
    size = newest["spec"]["replicas"]
    total = size + sum(each["spec"]["replicas"] for each in old)
    if size > wanted:
        _scale(cluster, deployment, newest, wanted)
    elif size < wanted and total < wanted + surge:
        _scale(cluster, deployment, newest, min(wanted, size + wanted + surge - total))
        return
    least = wanted - missing
    available = newest["status"].get("availableReplicas", 0)
    spare = total - least - max(newest["spec"]["replicas"] - available, 0)
    if not any(each["spec"]["replicas"] for each in old) or spare <= 0:
        return
    old = sorted(old, key=_revision)
    for each in old:  # those that do not serve first
        idle = each["spec"]["replicas"] - each["status"].get("availableReplicas", 0)
        if idle > 0 and spare > 0:
            cut = min(idle, spare)
            spare -= cut
            _scale(cluster, deployment, each, each["spec"]["replicas"] - cut)
            return
    served = available + sum(each["status"].get("availableReplicas", 0) for each in old)
    spare = served - least
    for each in old:
        cut = min(each["spec"]["replicas"], spare)
        if cut > 0:
            spare -= cut
            _scale(cluster, deployment, each, each["spec"]["replicas"] - cut)


def _recreate(cluster: Cluster, deployment: Object, newest: Object, old: list[Object]) -> None:
    for each in old:
        _scale(cluster, deployment, each, 0)
    pods = cluster.list("pods", deployment["metadata"]["namespace"])
    if not any(True for each in old for _ in owned(pods, each)):
        _scale(cluster, deployment, newest, deployment["spec"]["replicas"])


def _scale_paused(cluster: Cluster, deployment: Object, sets: list[Object]) -> None:
    """A paused Deployment takes no new template, and is still scaled."""
    serving = [each for each in sets if each["spec"]["replicas"]] or sets[-1:]
    if len(serving) == 1:
        _scale(cluster, deployment, serving[0], deployment["spec"]["replicas"])


def _scale(cluster: Cluster, deployment: Object, replicas: Object, size: int) -> None:
    before = replicas["spec"]["replicas"]
    if before == size:
        return

    def scale(found: Object) -> None:
        found["spec"]["replicas"] = size

    cluster.update(_key("replicasets", replicas), scale)
    way = "up" if size > before else "down"
    name = replicas["metadata"]["name"]
    record(
        cluster, deployment, "ScalingReplicaSet",
        f"Scaled {way} replica set {name} to {size} from {before}",
    )  # fmt: skip


def _forget(cluster: Cluster, deployment: Object, old: list[Object]) -> None:
    idle = sorted((e for e in old if not e["status"].get("replicas")), key=_revision)
    idle = [each for each in idle if not each["spec"]["replicas"]]
    for each in idle[: max(len(idle) - deployment["spec"].get("revisionHistoryLimit", 10), 0)]:
        cluster.remove(_key("replicasets", each))


def _say(cluster: Cluster, deployment: Object) -> None:
    """Says how far the Deployment is."""
    key = _key("deployments", deployment)
    found = cluster.get(key)
    if found is None:
        return
    sets = list(owned(cluster.list("replicasets", key[1]), found))
    newest = next((each for each in sets if _fits(each, found)), None)
    spec = found["spec"]
    wanted = spec["replicas"]
    total = sum(each["status"].get("replicas", 0) for each in sets)
    ready = sum(each["status"].get("readyReplicas", 0) for each in sets)
    updated = newest["status"].get("replicas", 0) if newest else 0
    fresh = newest["status"].get("availableReplicas", 0) if newest else 0
    before = found.get("status", {})
    status: Object = {
        "observedGeneration": found["metadata"]["generation"],
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
    }
    if wanted > ready:
        status["unavailableReplicas"] = wanted - ready
    rolling = spec.get("strategy", {}).get("rollingUpdate") or {}
    least = wanted - _share(rolling.get("maxUnavailable", "25%"), wanted, math.floor)
    done = updated == wanted and fresh == wanted and total == wanted
    moved = (updated, fresh, total) != tuple(
        before.get(name) for name in ("updatedReplicas", "freshReplicas", "replicas")
    )
    # Not of the API: how many of the newest serve, to see whether anything moves.
    status["freshReplicas"] = fresh
    progress = _progress(found, newest, done=done, moved=moved)
    enough = ready >= least
    available = {
        "type": "Available",
        "status": "True" if enough else "False",
        "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        "message": f"Deployment {'has' if enough else 'does not have'} minimum availability.",
    }
    failure = _condition(newest["status"], quotas.FAILED) if newest else None
    found_now = (available, progress, *([failure] if failure else ()))
    status["conditions"] = [_since(before, each) for each in found_now]

    def say(changed: Object) -> None:
        changed["status"] = status

    cluster.update(key, say)


def _progress(found: Object, newest: Object | None, *, done: bool, moved: bool) -> Object:
    was = _condition(found.get("status", {}), "Progressing") or {}
    name = newest["metadata"]["name"] if newest else ""
    progress = {
        "type": "Progressing",
        "status": "True",
        "lastUpdateTime": was.get("lastUpdateTime"),
    }
    if found["spec"].get("paused"):
        return {
            **progress, "status": "Unknown", "reason": "DeploymentPaused",
            "message": "Deployment is paused",
        }  # fmt: skip
    if done:
        return {
            **progress, "reason": "NewReplicaSetAvailable",
            "message": f'ReplicaSet "{name}" has successfully progressed.',
            "lastUpdateTime": now() if moved else progress["lastUpdateTime"] or now(),
        }  # fmt: skip
    began_anew = was.get("reason") in (None, "NewReplicaSetAvailable", "DeploymentPaused")
    if moved or began_anew or name not in was.get("message", ""):
        return {
            **progress, "reason": "ReplicaSetUpdated",
            "message": f'ReplicaSet "{name}" is progressing.', "lastUpdateTime": now(),
        }  # fmt: skip
    if was.get("reason") == "ReplicaSetUpdated":
        since = datetime.fromisoformat(was["lastUpdateTime"])
        late = (datetime.now(UTC) - since).total_seconds()
        if late > found["spec"].get("progressDeadlineSeconds", 600):
            return {
                **progress, "status": "False", "reason": "ProgressDeadlineExceeded",
                "message": f'ReplicaSet "{name}" has timed out progressing.',
            }  # fmt: skip
    return dict(was)


def _condition(status: Object, kind: str) -> Object | None:
    found: list[Object] = status.get("conditions", [])
    return next((each for each in found if each["type"] == kind), None)


def _since(before: Object, condition: Object) -> Object:
    """The condition with the time at which it turned so."""
    was = _condition(before, condition["type"])
    same = was is not None and was["status"] == condition["status"]
    turned = was["lastTransitionTime"] if was and same else now()
    updated = condition.get("lastUpdateTime") or (was or {}).get("lastUpdateTime") or turned
    return {**condition, "lastTransitionTime": turned, "lastUpdateTime": updated}


def _replicate(cluster: Cluster, replicas: Object) -> None:
    namespace = replicas["metadata"]["namespace"]
    mine = list(owned(cluster.list("pods", namespace), replicas))
    alive = [each for each in mine if "deletionTimestamp" not in each["metadata"]]
    wanted = replicas["spec"]["replicas"]
    failure = ""
    for _ in range(wanted - len(alive)):
        if failure := quotas.exceeded(cluster, namespace):
            break
        pod = _new_pod(cluster, replicas)
        alive.append(pod)
        record(cluster, replicas, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
    spare = len(alive) - wanted
    # The newest that do not serve go first.
    alive.sort(key=lambda pod: (is_ready(pod), -int(pod["metadata"]["resourceVersion"])))
    for pod in alive[: max(spare, 0)]:
        delete_pod(cluster, pod)
        record(cluster, replicas, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
    alive = alive[max(spare, 0) :]

    conditions = quotas.condition(cluster, replicas, failure)

    def say(found: Object) -> None:
        ready = sum(1 for pod in alive if is_ready(pod))
        found["status"] = {
            "replicas": len(alive), "fullyLabeledReplicas": len(alive), "readyReplicas": ready,
            "availableReplicas": ready, "observedGeneration": found["metadata"]["generation"],
            **conditions,
        }  # fmt: skip

    cluster.update(_key("replicasets", replicas), say)


def _new_pod(cluster: Cluster, replicas: Object) -> Object:
    template, meta = replicas["spec"]["template"], replicas["metadata"]
    ending = "".join(_LETTERS[byte % len(_LETTERS)] for byte in uuid.uuid4().bytes[:5])
    return cluster.put(
        "pods",
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{meta['name']}-{ending}",
                "namespace": meta["namespace"],
                "labels": dict(template["metadata"].get("labels", {})),
                "annotations": dict(template["metadata"].get("annotations") or {}),
                "ownerReferences": [reference(replicas)],
            },
            "spec": {**template["spec"], "nodeName": "node-1"},
            "status": {"phase": "Pending", "conditions": [], "containerStatuses": []},
        },
    )


def is_ready(pod: Object) -> bool:
    """Whether a pod gets connections."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    ready = _condition(pod["status"], "Ready")
    return ready is not None and ready["status"] == "True"


def delete_pod(cluster: Cluster, pod: Object) -> None:
    """Marks a pod for deletion; whoever runs it removes it when its process has ended."""

    def mark(found: Object) -> None:
        grace = found["spec"].get("terminationGracePeriodSeconds", 30)
        found["metadata"].setdefault("deletionTimestamp", now())
        found["metadata"].setdefault("deletionGracePeriodSeconds", grace)

    cluster.update(_key("pods", pod), mark)
