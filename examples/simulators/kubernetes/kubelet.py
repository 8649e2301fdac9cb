"""What runs pods: a thread for each, which starts its process, probes it and restarts it."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.kubernetes.cluster import Cluster, Object, now, record
from simulators.kubernetes.processes import Process, answers

_TICK_S = 0.1
_BACKOFFS_S = (1.0, 2.0, 4.0, 8.0)
"""Before each restart; a real kubelet waits 10 s, 20 s, ... up to 5 min."""

_UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


@dataclass(frozen=True)
class Node:
    """Where pods run."""

    host: str
    """Name and address of all of them; a port tells them apart."""

    logs: Path
    """A file for each pod."""

    environment: Mapping[str, str]
    """What every process has of the host's environment."""

    runs: Callable[[str, str], Sequence[str] | None]
    """The program of an image and a container; None where there is no such image."""

    free_port: Callable[[], int]
    """A port that nobody listens on."""


class Kubelet(threading.Thread):
    """Sees that each pod has somebody who runs it.

    Args:
        cluster: Whose pods.
        node: Where.
    """

    def __init__(self, cluster: Cluster, node: Node) -> None:
        super().__init__(name="kubelet", daemon=True)
        self._cluster = cluster
        self._node = node

    def run(self) -> None:
        """Goes on until the process ends."""
        running: set[str] = set()
        seen = 0
        while True:
            for pod in self._cluster.list("pods"):
                uid = pod["metadata"]["uid"]
                if uid not in running:
                    running.add(uid)
                    Pod(self._cluster, self._node, pod).start()
            seen = self._cluster.wait(seen, 1.0)


@dataclass
class _Probe:
    """One probe and what it came to."""

    spec: Mapping[str, Any]
    due: float = 0.0
    failed: int = 0
    passed: int = 0
    said: str = ""

    def __post_init__(self) -> None:
        self.due = time.monotonic() + self.spec.get("initialDelaySeconds", 0)

    def try_it(self, host: str, port: int) -> bool:
        """Probes, if it is time."""
        if time.monotonic() < self.due:
            return False
        self.due = time.monotonic() + self.spec.get("periodSeconds", 10)
        path = self.spec["httpGet"]["path"]
        self.said = answers(host, port, path, self.spec.get("timeoutSeconds", 1))
        self.failed = self.failed + 1 if self.said else 0
        self.passed = 0 if self.said else self.passed + 1
        return True

    @property
    def gave_up(self) -> bool:
        """Whether it failed too often."""
        return self.failed >= int(self.spec.get("failureThreshold", 3))


@dataclass
class _State:
    """What the API shows of the pod's container."""

    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Object = field(default_factory=dict)
    restarts: int = 0
    ready: bool = False
    started: bool = False


class Pod(threading.Thread):
    """Runs one pod until it is deleted.

    Args:
        cluster: Where its object is.
        node: Where it runs.
        pod: The object.
    """

    def __init__(self, cluster: Cluster, node: Node, pod: Object) -> None:
        super().__init__(name=pod["metadata"]["name"], daemon=True)
        self._cluster = cluster
        self._node = node
        self._pod = pod
        self._key = ("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
        self._container = pod["spec"]["containers"][0]
        self._shown = _State()
        self._port = 0
        self._pid = 0

    def run(self) -> None:
        """From the image to the end."""
        self._say()
        while not self._ending():
            argv, environment = self._prepared()
            if argv is None:
                continue
            self._port = self._node.free_port()
            port = {"PORT": str(self._port)}
            # This thread lives as long as the pod: the process dies with it.
            process = Process(argv, {**environment, **port}, self.log)
            self._pid = process.pid
            self._event("Started", f"Started container {self._container['name']}")
            self._watch(process)
            if not self._ending():
                self._back_off()
        self._cluster.remove(self._key)

    @property
    def log(self) -> Path:
        """Its output."""
        return self._node.logs / f"{self._key[2]}.{self._shown.restarts}.log"

    def _ending(self) -> bool:
        found = self._cluster.get(self._key)
        return found is None or "deletionTimestamp" in found["metadata"]

    def _prepared(self) -> tuple[Sequence[str] | None, dict[str, str]]:
        """The program and its environment; waits a little where one of them is not there."""
        image = self._container["image"]
        argv = self._node.runs(image, self._container["name"])
        if argv is None:
            self._event(
                "Failed", f'Failed to pull image "{image}": manifest unknown: not found', "Warning"
            )
            reason = "ErrImagePull"
            if "waiting" in self._shown.state and "Image" in self._shown.state["waiting"]["reason"]:
                reason = "ImagePullBackOff"
            self._wait(reason, f'Back-off pulling image "{image}"')
            return None, {}
        try:
            environment = self._environment()
        except LookupError as error:
            self._event("Failed", f"Error: {error.args[0]}", "Warning")
            self._wait("CreateContainerConfigError", error.args[0])
            return None, {}
        return argv, environment

    def _environment(self) -> dict[str, str]:
        found = dict(self._node.environment)
        namespace = self._key[1]
        for each in self._container.get("envFrom", ()):
            (kind, body) = next(iter(each.items()))
            plural = {"configMapRef": "configmaps", "secretRef": "secrets"}[kind]
            held = self._cluster.get((plural, namespace, body["name"]))
            if held is None:
                raise LookupError(f'{plural[:-1]} "{body["name"]}" not found')
            for name, text in (held.get("data") or {}).items():
                found[name] = base64.b64decode(text).decode() if plural == "secrets" else text
        for each in self._container.get("env", ()):
            if "value" in each:
                found[each["name"]] = each["value"]
        found["HOSTNAME"] = self._key[2]
        found["HOST"] = self._node.host
        found["SMARTBEAK_RELEASE"] = self._container["image"].rpartition(":")[2]
        return found

    def _watch(self, process: Process) -> None:
        probes = {
            name: _Probe(self._container[name])
            for name in ("startupProbe", "readinessProbe", "livenessProbe")
            if name in self._container
        }
        self._shown.state = {"running": {"startedAt": now()}}
        self._shown.started = "startupProbe" not in probes
        self._shown.ready = self._shown.started and "readinessProbe" not in probes
        self._say()
        most = _bytes(self._container.get("resources", {}).get("limits", {}).get("memory", ""))
        began = now()
        while process.status() is None:
            if self._ending():
                self._shown.ready = False
                self._say()
                grace = self._pod["spec"].get("terminationGracePeriodSeconds", 30)
                process.end(grace)
                return
            reason = ""
            if most and process.memory() > most:
                reason = "OOMKilled"
            elif not self._probe(probes):
                reason = "Error"
            if reason:
                process.kill()
                break
            time.sleep(_TICK_S)
        else:
            reason = "Error" if process.status() else "Completed"
        self._shown.ready = False
        self._shown.last = {
            "terminated": {
                "exitCode": process.status(), "reason": reason, "startedAt": began,
                "finishedAt": now(),
            }
        }  # fmt: skip
        self._shown.state = self._shown.last
        self._say()

    def _probe(self, probes: Mapping[str, _Probe]) -> bool:
        """Probes what is due; false where the container is to be killed."""
        for name, probe in probes.items():
            if (name == "startupProbe") == self._shown.started:
                continue
            if not probe.try_it(self._node.host, self._port):
                continue
            what = name.removesuffix("Probe").capitalize()
            if probe.said:
                self._event("Unhealthy", f"{what} probe failed: {probe.said}", "Warning")
            if name == "startupProbe" and not probe.said:
                self._shown.started = True
            if name == "readinessProbe":
                self._shown.ready = not probe.gave_up and (self._shown.ready or not probe.said)
            elif probe.gave_up:
                self._event("Killing", f"Container failed {what.lower()} probe, will be restarted")
                return False
        if self._shown.started and "readinessProbe" not in probes:
            self._shown.ready = True
        self._say()
        return True

    def _back_off(self) -> None:
        name = self._container["name"]
        self._event("BackOff", f"Back-off restarting failed container {name}", "Warning")
        pause = _BACKOFFS_S[min(self._shown.restarts, len(_BACKOFFS_S) - 1)]
        self._wait("CrashLoopBackOff", f"back-off restarting failed container {name}", pause)
        self._shown.restarts += 1

    def _wait(self, reason: str, message: str, pause_s: float = 1.0) -> None:
        self._shown.state = {"waiting": {"reason": reason, "message": message}}
        self._say()
        deadline = time.monotonic() + pause_s
        while time.monotonic() < deadline and not self._ending():
            time.sleep(_TICK_S)

    def _event(self, reason: str, message: str, kind: str = "Normal") -> None:
        record(self._cluster, self._pod, reason, message, kind)

    def _say(self) -> None:
        shown = self._shown
        running = "running" in shown.state
        turned = now()

        def say(pod: Object) -> None:
            was = {each["type"]: each for each in pod["status"].get("conditions", ())}

            def condition(kind: str, holds: bool) -> Object:
                status = "True" if holds else "False"
                before = was.get(kind)
                same = before is not None and before["status"] == status
                at = before["lastTransitionTime"] if before and same else turned
                return {"type": kind, "status": status, "lastTransitionTime": at}

            # A container that is restarted leaves its pod running.
            begun = running or shown.restarts > 0 or pod["status"]["phase"] == "Running"
            pod["status"] = {
                "phase": "Running" if begun else "Pending",
                "hostIP": "127.0.0.1",
                "podIP": "127.0.0.1",
                "startTime": pod["status"].get("startTime", turned),
                "conditions": [
                    condition("PodScheduled", True),
                    condition("Initialized", True),
                    condition("ContainersReady", shown.ready),
                    condition("Ready", shown.ready),
                ],
                "containerStatuses": [
                    {
                        "name": self._container["name"],
                        "image": self._container["image"],
                        "imageID": self._container["image"],
                        "ready": shown.ready,
                        "started": shown.started and running,
                        "restartCount": shown.restarts,
                        "state": shown.state,
                        "lastState": shown.last if shown.state != shown.last else {},
                    }
                ],
            }
            # Not of the API: where the balancer finds the process, and a command its environment.
            pod["status"] |= {"simulatedPort": self._port, "simulatedPid": self._pid}

        self._cluster.update(self._key, say)


def _bytes(text: str) -> int:
    """A quantity of memory in bytes; 0 for none."""
    for unit, size in _UNITS.items():
        if text.endswith(unit):
            return int(text[: -len(unit)]) * size
    return int(text) if text.isdecimal() else 0
