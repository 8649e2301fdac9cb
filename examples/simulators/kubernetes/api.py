"""The API: what kubectl asks for, and what it is answered."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from simulators.kubernetes import fields, patches, tables
from simulators.kubernetes.cluster import Cluster, Key, Object
from simulators.kubernetes.deployments import delete_pod
from simulators.kubernetes.kinds import KINDS, Kind, group_list, resource_list
from simulators.kubernetes.openapi import document, index
from simulators.kubernetes.quotas import COUNTED
from simulators.kubernetes.selectors import Test, selector

_PATH = re.compile(
    r"^/(?:api/(?P<core>v1)|apis/(?P<group>[a-z0-9.-]+)/(?P<version>[a-z0-9]+))"
    r"(?:/namespaces/(?P<namespace>[a-z0-9-]+))?/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[a-zA-Z0-9.:-]+)(?:/(?P<sub>[a-z]+)(?P<rest>/.*)?)?)?$"
)
_WATCH_S = 300.0
_FOLLOW_S = 0.1
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True)
class Call:
    """One request, read whole."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    accept: str = ""
    kind: str = ""
    """Content type of the body."""

    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """One answer: an object, a text, or lines that come as they come."""

    status: int
    content: Any = None
    text: str | None = None
    lines: Iterator[str] | None = None
    warnings: tuple[str, ...] = ()
    """What the client shows beside the answer."""


class NotSimulated(Exception):
    """Nothing here knows what was asked for."""


class _Refused(Exception):
    """The API refuses; carries its answer."""

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.reply = Reply(
            code,
            {
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": message, "reason": reason, "code": code, "details": details or {},
            },
        )  # fmt: skip


class Api:
    """Answers requests.

    Args:
        cluster: What it is about.
        log_of: File with the output of a pod's process, by the number of its restarts.
        ask: Status and text of what the process at a port answers at a path.
    """

    def __init__(
        self,
        cluster: Cluster,
        log_of: Callable[[str, int], Path],
        ask: Callable[[int, str], tuple[int, None, str]],
    ) -> None:
        self._cluster = cluster
        self._ask = ask
        self._log_of = log_of

    def late(self) -> str:
        """Name of a Deployment that does not serve whole; empty where there is none."""
        for each in self._cluster.list("deployments"):
            if each.get("status", {}).get("availableReplicas", 0) < each["spec"]["replicas"]:
                return str(each["metadata"]["name"])
        return ""

    def rollouts(self) -> Object:
        """How far each Deployment is; for the drill, and no part of Kubernetes."""
        found = {}
        for each in self._cluster.list("deployments"):
            status, wanted = each.get("status", {}), each["spec"]["replicas"]
            (container,) = each["spec"]["template"]["spec"]["containers"]
            names = ("updatedReplicas", "availableReplicas", "replicas")
            found[each["metadata"]["name"]] = {
                "image": container["image"],
                "done": all(status.get(name, 0) == wanted for name in names),
                "paused": bool(each["spec"].get("paused")),
            }
        return found

    def answer(self, call: Call) -> Reply:
        """The answer to a request.

        Raises:
            NotSimulated: There is none.
        """
        try:
            return self._about_itself(call) or self._about_objects(call)
        except _Refused as refused:
            return refused.reply

    def _about_itself(self, call: Call) -> Reply | None:
        if call.method != "GET":
            return None
        said: Any = None
        if call.path == "/version":
            said = {
                "major": "1", "minor": "29", "gitVersion": "v1.29.0+simulated",
                "gitCommit": "simulated", "gitTreeState": "clean", "buildDate": "", "goVersion": "",
                "compiler": "", "platform": "linux/amd64",
            }  # fmt: skip
        elif call.path == "/api":
            said = {"kind": "APIVersions", "apiVersion": "v1", "versions": ["v1"]}
        elif call.path == "/apis":
            said = group_list()
        elif call.path == "/openapi/v2":
            raise _Refused(404, "NotFound", "the older document is not simulated")
        elif call.path == "/openapi/v3":
            said = index()
        elif found := re.match(r"^/openapi/v3/(?:api/|apis/)(.+)$", call.path):
            said = document(found[1])
        elif found := re.match(r"^/(?:api/|apis/)([a-z0-9.-]+(?:/[a-z0-9]+)?)$", call.path):
            said = resource_list(found[1])
        return None if said is None else Reply(200, said)

    def _about_objects(self, call: Call) -> Reply:
        found = _PATH.match(call.path)
        if found is None:
            raise NotSimulated
        kind, namespace, name = _kind(found), found["namespace"] or "", found["name"]
        if kind.plural == "namespaces":
            namespace = ""
        sub = found["sub"]
        if name is None:
            if call.method == "GET" and call.query.get("watch") in ("true", "1"):
                return Reply(200, lines=self._watched(kind, namespace, call))
            if call.method == "GET":
                return self._listed(kind, namespace, call)
            if call.method == "POST" and "create" in kind.verbs:
                return self._created(kind, namespace, call)
            raise NotSimulated
        key = (kind.plural, namespace, name)
        if sub is not None:
            if sub not in kind.subresources:
                raise NotSimulated
            if sub == "exec":
                return Reply(101, self._held(kind, key))
            if sub == "proxy":
                return self._proxied(key, found["rest"] or "/", call)
            return self._log(key, call) if sub == "log" else self._scale(kind, key, call)
        if call.method == "GET":
            return self._shown(kind, self._held(kind, key), call)
        if call.method == "PATCH" and "patch" in kind.verbs:
            return self._patched(kind, key, call)
        if call.method == "PUT" and "update" in kind.verbs:
            return self._replaced(kind, key, call)
        if call.method == "DELETE" and "delete" in kind.verbs:
            return self._deleted(kind, key)
        raise NotSimulated

    def _held(self, kind: Kind, key: Key) -> Object:
        held = self._cluster.get(key)
        if held is None:
            raise _not_found(kind, key[2])
        return held

    def _shown(self, kind: Kind, found: Object, call: Call, status: int = 200) -> Reply:
        if "as=Table" in call.accept:
            version = self._cluster.version
            return Reply(status, tables.table(kind.plural, [_public(found)], version))
        return Reply(status, _public(found))

    def _listed(self, kind: Kind, namespace: str, call: Call) -> Reply:
        version = self._cluster.version
        test = _test(call)
        found = [_public(e) for e in self._cluster.list(kind.plural, namespace) if test(e)]
        if "as=Table" in call.accept:
            return Reply(200, tables.table(kind.plural, found, version))
        return Reply(
            200,
            {
                "kind": f"{kind.name}List", "apiVersion": kind.api_version,
                "metadata": {"resourceVersion": str(version)}, "items": found,
            },
        )  # fmt: skip

    def _watched(self, kind: Kind, namespace: str, call: Call) -> Iterator[str]:
        """Lines with what becomes of the objects; an empty one while nothing does."""
        test, query = _test(call), call.query
        begin = query.get("resourceVersion", "")
        seen = int(begin) if begin.isdecimal() and begin != "0" else -1
        if seen < 0 or query.get("sendInitialEvents") == "true":
            seen = self._cluster.version
            for each in self._cluster.list(kind.plural, namespace):
                if test(each):
                    yield _line("ADDED", _public(each))
            if query.get("sendInitialEvents") == "true":
                meta = {"resourceVersion": str(seen), "annotations": _INITIAL_END}
                mark = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": meta}
                yield _line("BOOKMARK", mark)
        deadline = time.monotonic() + min(int(query.get("timeoutSeconds", "300")), _WATCH_S)
        while time.monotonic() < deadline:
            newest = self._cluster.wait(seen, 1.0)
            for change in self._cluster.since(seen):
                plural, where, _ = change.key
                if plural == kind.plural and namespace in ("", where) and test(change.object):
                    yield _line(change.type, _public(change.object))
            seen = newest
            yield ""

    def _created(self, kind: Kind, namespace: str, call: Call) -> Reply:
        made, warnings = _checked(kind, _parsed(call.body), call)
        name = made.get("metadata", {}).get("name", "")
        if self._cluster.get((kind.plural, namespace, name)):
            raise _Refused(
                409, "AlreadyExists", f'{_full(kind)} "{name}" already exists', {"name": name}
            )
        made["metadata"]["namespace"] = namespace
        if kind.name == "Deployment":
            _check_deployment(made, None)
            made["spec"] = {**_DEFAULTS, **made["spec"]}
        if kind.name == "ResourceQuota":
            _check_quota(made)
        made |= {"kind": kind.name, "apiVersion": kind.api_version}
        if _dry(call):
            return self._shown(kind, made, call, 201)
        reply = self._shown(kind, self._cluster.put(kind.plural, made), call, 201)
        return replace(reply, warnings=warnings)

    def _patched(self, kind: Kind, key: Key, call: Call) -> Reply:
        patch, warnings = _checked(kind, _parsed(call.body), call)
        before = self._held(kind, key)
        try:
            changed = patches.apply(call.kind.partition(";")[0], before, patch)
        except patches.PatchError as error:
            raise _Refused(422, "Invalid", f"the patch does not fit: {error}") from error
        return replace(self._changed(kind, before, changed, call), warnings=warnings)

    def _replaced(self, kind: Kind, key: Key, call: Call) -> Reply:
        made, warnings = _checked(kind, _parsed(call.body), call)
        reply = self._changed(kind, self._held(kind, key), made, call)
        return replace(reply, warnings=warnings)

    def _changed(self, kind: Kind, before: Object, changed: Object, call: Call) -> Reply:
        wanted = changed["metadata"].get("resourceVersion", before["metadata"]["resourceVersion"])
        name = before["metadata"]["name"]
        if wanted != before["metadata"]["resourceVersion"]:
            raise _Refused(
                409, "Conflict",
                f'Operation cannot be fulfilled on {_full(kind)} "{name}": the object has been '
                "modified; please apply your changes to the latest version and try again",
            )  # fmt: skip
        if kind.name == "Deployment":
            _check_deployment(changed, before)
        if kind.name == "ResourceQuota":
            _check_quota(changed)
        if _dry(call):
            return self._shown(kind, changed, call)
        kept = {n: before["metadata"][n] for n in ("name", "uid", "creationTimestamp")}

        def change(found: Object) -> None:
            status = found.get("status")
            found.clear()
            found.update(changed)
            found["metadata"] = {**changed["metadata"], **kept}
            if status is not None:
                found["status"] = status

        key = (kind.plural, before["metadata"].get("namespace", ""), name)
        return self._shown(kind, self._cluster.update(key, change) or changed, call)

    def _deleted(self, kind: Kind, key: Key) -> Reply:
        held = self._held(kind, key)
        if kind.plural == "pods":
            delete_pod(self._cluster, held)
        else:
            self._cluster.remove(key)
        details = {"name": key[2], "kind": kind.plural, "uid": held["metadata"]["uid"]}
        said = {"kind": "Status", "apiVersion": "v1", "status": "Success", "details": details}
        return Reply(200, said)

    def _scale(self, kind: Kind, key: Key, call: Call) -> Reply:
        held = self._held(kind, key)
        if call.method in ("PATCH", "PUT"):
            size = _parsed(call.body).get("spec", {}).get("replicas")
            if not isinstance(size, int) or size < 0:
                raise _Refused(
                    422, "Invalid", f"spec.replicas: Invalid value: {size}: must be at least 0"
                )

            def scale(found: Object) -> None:
                found["spec"]["replicas"] = size

            held = self._cluster.update(key, scale) or held
        elif call.method != "GET":
            raise NotSimulated
        labels = held["spec"]["selector"]["matchLabels"]
        meta = held["metadata"]
        return Reply(
            200,
            {
                "kind": "Scale", "apiVersion": "autoscaling/v1",
                "metadata": {
                    name: meta[name]
                    for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
                },
                "spec": {"replicas": held["spec"]["replicas"]},
                "status": {
                    "replicas": held.get("status", {}).get("replicas", 0),
                    "selector": ",".join(f"{name}={value}" for name, value in labels.items()),
                },
            },
        )  # fmt: skip

    def _proxied(self, key: Key, path: str, call: Call) -> Reply:
        """What a pod itself answers; the port is that of its container, as it is written."""
        name, _, _ = key[2].partition(":")
        pod = self._held(KINDS["pods"], (key[0], key[1], name))
        if call.method != "GET":
            raise NotSimulated
        try:
            return Reply(*self._ask(pod["status"]["simulatedPort"], path))
        except OSError as error:
            raise _Refused(503, "ServiceUnavailable", f"pod {name}: {error}") from error

    def _log(self, key: Key, call: Call) -> Reply:
        pod = self._held(KINDS["pods"], key)
        known = {"container", "tailLines", "previous", "follow", "timestamps", "limitBytes"}
        if call.method != "GET" or set(call.query) - known:
            raise NotSimulated
        status: Object = {"restartCount": 0, "name": ""}
        for each in pod["status"]["containerStatuses"]:
            status = each
        number = int(status["restartCount"])
        # While it waits to be started again, the last one that ended is meant.
        if call.query.get("previous") == "true" and "running" in status.get("state", {}):
            number -= 1
        file = self._log_of(key[2], number)
        if number < 0 or not file.exists():
            raise _Refused(
                400, "BadRequest",
                f'previous terminated container "{status["name"]}" in pod "{key[2]}" not found'
                if number < 0
                else f'container "{status["name"]}" in pod "{key[2]}" is waiting to start',
            )  # fmt: skip
        kept = file.read_bytes()
        lines = kept.decode(errors="replace").splitlines(keepends=True)
        tail = call.query.get("tailLines", "")
        said = "".join(lines[-int(tail) :] if tail else lines)
        if call.query.get("follow") == "true":
            return Reply(200, lines=self._followed(key, number, file, said, len(kept)))
        return Reply(200, text=said)

    def _followed(self, key: Key, number: int, file: Path, said: str, begin: int) -> Iterator[str]:
        """What there is of a log, and then what comes, until its container ends."""
        yield said
        deadline = time.monotonic() + _WATCH_S
        with file.open("rb") as reading:
            reading.seek(begin)
            while time.monotonic() < deadline:
                lives = self._runs(key, number)  # looked at before the last lines are read
                yield reading.read().decode(errors="replace")
                if not lives:
                    return
                time.sleep(_FOLLOW_S)

    def _runs(self, key: Key, number: int) -> bool:
        pod = self._cluster.get(key)
        statuses = pod["status"]["containerStatuses"] if pod else ()
        return any(
            each["restartCount"] == number and "running" in each["state"] for each in statuses
        )


_DEFAULTS: Object = {
    "replicas": 1,
    "revisionHistoryLimit": 10,
    "progressDeadlineSeconds": 600,
    "strategy": {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    },
}


def _kind(found: re.Match[str]) -> Kind:
    version = found["core"] or f"{found['group']}/{found['version']}"
    kind = KINDS.get(found["plural"])
    if kind is None or kind.api_version != version:
        raise NotSimulated
    return kind


def _full(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def _not_found(kind: Kind, name: str) -> _Refused:
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    return _Refused(404, "NotFound", f'{_full(kind)} "{name}" not found', details)


def _public(found: Object) -> Object:
    """An object without what only the simulator knows of it."""
    status = found.get("status")
    if not isinstance(status, dict):
        return found
    hidden = ("freshReplicas", "simulatedPid", "simulatedPort", "simulatedSync")
    return {**found, "status": {n: v for n, v in status.items() if n not in hidden}}


def _line(kind: str, found: Object) -> str:
    return json.dumps({"type": kind, "object": found}) + "\n"


def _test(call: Call) -> Test:
    return selector(call.query.get("labelSelector", ""), call.query.get("fieldSelector", ""))


def _dry(call: Call) -> bool:
    return call.query.get("dryRun") == "All"


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise NotSimulated from error  # YAML or protobuf: kubectl sends neither here


def _checked(kind: Kind, found: Any, call: Call) -> tuple[Any, tuple[str, ...]]:
    """What a client sent, without fields that there are not, and warnings of these.

    Raises:
        _Refused: There are some, and the client wants to be refused then.
    """
    if kind.name != "Deployment" or not isinstance(found, dict):
        return found, ()
    wrong = tuple(f'unknown field "{path}"' for path in fields.unknown(found, fields.DEPLOYMENT))
    if wrong and call.query.get("fieldValidation") == "Strict":
        raise _Refused(
            400, "BadRequest",
            f'Deployment in version "v1" cannot be handled as a Deployment: strict decoding '
            f"error: {', '.join(wrong)}",
        )  # fmt: skip
    return fields.without(found, fields.DEPLOYMENT), wrong


def _check_quota(found: Object) -> None:
    """Only pods are counted here."""
    hard = found["spec"].get("hard", {})
    if set(hard) != {COUNTED} or not str(hard[COUNTED]).isdecimal():
        raise NotSimulated


def _check_deployment(found: Object, before: Object | None) -> None:
    name, spec = found["metadata"]["name"], found.get("spec", {})
    wrong = ""
    labels = spec.get("template", {}).get("metadata", {}).get("labels") or {}
    wanted = spec.get("selector", {}).get("matchLabels") or {}
    containers = spec.get("template", {}).get("spec", {}).get("containers") or []
    if before is not None and spec.get("selector") != before["spec"]["selector"]:
        wrong = "spec.selector: Invalid value: field is immutable"
    elif not wanted or not wanted.items() <= labels.items():
        wrong = "spec.template.metadata.labels: Invalid value: `selector` does not match"
    elif not containers:
        wrong = "spec.template.spec.containers: Required value"
    else:
        for number, each in enumerate(containers):
            if not each.get("image"):
                wrong = f"spec.template.spec.containers[{number}].image: Required value"
    if wrong:
        raise _Refused(
            422, "Invalid", f'Deployment.apps "{name}" is invalid: {wrong}', {"name": name}
        )
