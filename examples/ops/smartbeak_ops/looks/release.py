"""Looks at what is deployed: the cluster's Deployments, their pods, and what these count."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from smartbeak_ops import settings
from smartbeak_ops.looks import features, migrations, statements
from smartbeak_ops.looks.seen import Look, Seen

NAMESPACE = "smartbeak-production"

ENOUGH = 20
"""Requests that a release must have answered before a share of them says anything."""

LATE_S = 600.0
"""Seconds for which a container counts as started anew."""

_KUBECTL_S = 5
_PROBES = ("/readyz", "/livez", "/metrics", "/health", "/openapi.json")
_REQUESTS = re.compile(
    r'^http_requests_total\{method="[^"]*",route="([^"]*)",status="(\d+)"\} (\S+)', re.MULTILINE
)
_SECONDS = re.compile(
    r'^http_request_duration_seconds_sum\{method="[^"]*",route="([^"]*)"\} (\S+)', re.MULTILINE
)
_REASONS: Mapping[str, str] = {
    "ErrImagePull": "image",
    "ImagePullBackOff": "image",
    "CrashLoopBackOff": "crash",
    "Error": "crash",
    "OOMKilled": "crash",
    "CreateContainerConfigError": "config",
}
"""What keeps a container from running, by what the cluster calls it."""


class CannotAskError(Exception):
    """kubectl got no answer; says what it said."""


class GoneError(CannotAskError):
    """What was asked about is not there, or no more."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the pods of a Deployment have answered since they began.

    Attributes:
        requests: How many, probes left out.
        failed: How many of them with a status from 500.
        seconds: How long all of them took.
        routes: The same by route, for `features`.
    """

    requests: float
    failed: float
    seconds: float
    routes: features.Counts


def looks(known: settings.Settings) -> list[Look]:
    """The cluster, from the operator's machine; without one the API as a host of its own."""
    found = [Look("cluster", _cluster)]
    if reachable():
        return found
    return [*found, migrations.look(known), statements.look(known), features.look()]


def reachable() -> bool:
    """Whether there is a cluster that kubectl is told of."""
    file = Path(os.environ.get("KUBECONFIG", Path.home() / ".kube/config"))
    try:
        clusters = yaml.safe_load(file.read_text(encoding="utf-8"))["clusters"]
        host = urlsplit(str(clusters[0]["cluster"]["server"])).hostname
    except (OSError, yaml.YAMLError, LookupError, TypeError):
        return False
    return bool(host) and settings.known(str(host))


def kubectl(*argv: str) -> str:
    """What kubectl prints about production's namespace.

    Raises:
        GoneError: What was asked about is not there.
        CannotAskError: It ends with another status than 0, or not in time.
    """
    try:
        done = subprocess.run(
            ["kubectl", "--namespace", NAMESPACE, *argv],
            capture_output=True, text=True, check=False, timeout=_KUBECTL_S,
        )  # fmt: skip
    except FileNotFoundError:
        raise CannotAskError("there is no kubectl here") from None
    except subprocess.TimeoutExpired:
        raise CannotAskError(f"no answer within {_KUBECTL_S} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1] if done.stderr else "no answer"
        raise (GoneError if "(NotFound)" in said else CannotAskError)(said)
    return done.stdout


def objects(what: str) -> list[dict[str, Any]]:
    """The objects of these kinds.

    Raises:
        CannotAskError: See `kubectl`.
    """
    found: list[dict[str, Any]] = json.loads(kubectl("get", what, "--output", "json"))["items"]
    return found


def _cluster(seen: Seen) -> None:
    if not reachable():
        seen.know(cluster="absent")
        return
    try:
        found = objects("deployments,pods")
        deployments = [each for each in found if each["kind"] == "Deployment"]
        pods = [each for each in found if each["kind"] == "Pod"]
        seen.know(cluster="ok")
        states = [_deployment(seen, each, _pods_of(each, pods)) for each in deployments]
        for state in ("done", "under way", "stuck", "paused"):
            if state in states:
                seen.know(rollout=state)
        for each in deployments:
            if each["metadata"]["name"] == "prod-api":
                _count(seen, _pods_of(each, pods))
    except CannotAskError as error:
        seen.say(f"cluster: {error}", cluster="no answer")


def _pods_of(deployment: Mapping[str, Any], pods: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    wanted = deployment["spec"]["selector"]["matchLabels"].items()
    return [
        each
        for each in pods
        if wanted <= each["metadata"]["labels"].items()
        and "deletionTimestamp" not in each["metadata"]
    ]


def release_of(found: Mapping[str, Any]) -> str:
    """The tag of the image of a Deployment or a pod."""
    spec = found["spec"]
    spec = spec["template"]["spec"] if "template" in spec else spec
    return str(spec["containers"][0]["image"]).rpartition(":")[2]


def _deployment(seen: Seen, found: Mapping[str, Any], pods: Sequence[dict[str, Any]]) -> str:
    """Says how far a Deployment is, and returns it in a word."""
    name, wanted, status = found["metadata"]["name"], found["spec"]["replicas"], found["status"]
    serving = sum(1 for pod in pods if _is_ready(pod))
    state = _state(found)
    line = f"{name}: release {release_of(found)}, {serving} of {wanted} pods serve"
    if found["spec"].get("paused"):
        line += ", PAUSED"
    elif state != "done":
        line += f", {status.get('updatedReplicas', 0)} of them new: rollout {state}"
    seen.lines.append(line)
    if refused := _refused(found):
        seen.lines.append(f"  no new pod: {refused}")
    reasons = {reason for pod in pods if (reason := _reason(pod))}
    for pod in pods:
        if (reason := _reason(pod)) or (state == "stuck" and not _is_ready(pod)):
            seen.lines.append(
                f"  {pod['metadata']['name']}: {reason or 'not ready'}, "
                f"restarted {_restarts(pod)} times"
            )
    if name == "prod-worker":
        ends = "crash" in {_REASONS.get(each) for each in reasons}
        seen.know(worker__crashing=ends or any(_began_anew(pod) for pod in pods))
    if state in ("stuck", "under way"):
        known = {_REASONS[each] for each in reasons if each in _REASONS}
        reason = sorted(known)[0] if known else "probe"
        seen.know(rollout__reason="quota" if "exceeded quota" in refused else reason)
    return state


def _state(found: Mapping[str, Any]) -> str:
    if found["spec"].get("paused"):
        return "paused"
    status, wanted = found["status"], found["spec"]["replicas"]
    conditions = {each["type"]: each for each in status.get("conditions", ())}
    late = conditions.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded"
    if late or _refused(found):
        return "stuck"
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return "done" if counts == [wanted] * 3 else "under way"


def _refused(deployment: Mapping[str, Any]) -> str:
    """Why the cluster makes no pod of a Deployment; empty where it makes them."""
    for each in deployment["status"].get("conditions", ()):
        if (each["type"], each["status"]) == ("ReplicaFailure", "True"):
            return str(each["message"]).rpartition("is forbidden: ")[2]
    return ""


def trouble(deployment: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a Deployment is not rolled out, or one of its pods does not stay up."""
    return _state(deployment) != "done" or any(_reason(pod) or _restarts(pod) for pod in pods)


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True"


def _reason(pod: Mapping[str, Any]) -> str:
    """What keeps a pod's container from running; empty where it runs."""
    for each in pod["status"].get("containerStatuses", ()):
        for state in ("waiting", "terminated"):
            reason = str(each["state"].get(state, {}).get("reason", ""))
            if reason and reason != "ContainerCreating":
                return reason
    return ""


def _began_anew(pod: Mapping[str, Any]) -> bool:
    """Whether a container was started again of late: one that ends runs in between."""
    for each in pod["status"].get("containerStatuses", ()):
        began = each["state"].get("running", {}).get("startedAt")
        if each["restartCount"] and began:
            return (datetime.now(UTC) - datetime.fromisoformat(began)).total_seconds() < LATE_S
    return False


def _restarts(pod: Mapping[str, Any]) -> int:
    return sum(int(each["restartCount"]) for each in pod["status"].get("containerStatuses", ()))


def counted(pods: Iterable[Mapping[str, Any]]) -> Counted:
    """What these pods have answered since they began.

    Raises:
        CannotAskError: See `kubectl`.
    """
    requests = failed = seconds = 0.0
    routes = features.Counts()
    for pod in pods:
        if not _is_ready(pod):
            continue
        port = pod["spec"]["containers"][0]["ports"][0]["containerPort"]
        place = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}:{port}"
        try:
            said = kubectl("get", "--raw", f"{place}/proxy/metrics")
        except GoneError:
            continue  # it ended since the pods were listed
        for route, status, number in _REQUESTS.findall(said):
            if route not in _PROBES:
                requests += float(number)
                failed += float(number) if status >= "500" else 0.0
        seconds += sum(float(n) for route, n in _SECONDS.findall(said) if route not in _PROBES)
        routes += features.counts(said)
    return Counted(requests, failed, seconds, routes)


def _count(seen: Seen, pods: Sequence[dict[str, Any]]) -> None:
    found = counted(pods)
    releases = sorted({release_of(pod) for pod in pods if _is_ready(pod)})
    if found.requests < ENOUGH:
        seen.lines.append(f"release {', '.join(releases)}: {found.requests:.0f} requests so far")
        return
    # A pod counts since it was started, with its release: nothing of before is among it.
    one = features.broken(found.routes)
    seen.know(api__feature="fails" if one else "works")
    if one:
        seen.lines.append(features.said(one))
    share = 100 * found.failed / found.requests
    took = 1000 * found.seconds / found.requests
    seen.say(
        f"release {', '.join(releases)}: {share:.1f} % of {found.requests:.0f} requests failed, "
        f"{took:.0f} ms each",
        release__errors=share,
        release__ms=took,
    )
