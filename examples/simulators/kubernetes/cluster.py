"""The objects of the cluster, and who waits for their changes.

An object is never changed in place: who changes one puts a new one in its place, so
that what was read once may be kept.
"""

from __future__ import annotations

import copy
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]
"""An object as the API shows it."""

Key = tuple[str, str, str]
"""Plural name of its kind, namespace (empty for none), name."""

_KEPT = 5000


@dataclass(frozen=True, slots=True)
class Change:
    """Something that became of an object."""

    version: int
    """The cluster's version after it."""

    type: str
    """`ADDED`, `MODIFIED` or `DELETED`."""

    key: Key
    object: Object


class Cluster:
    """All objects; several threads may use it."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._objects: dict[Key, Object] = {}
        self._changes: deque[Change] = deque(maxlen=_KEPT)
        self._version = 1000

    @property
    def version(self) -> int:
        """Grows with each change."""
        with self._changed:
            return self._version

    def get(self, key: Key) -> Object | None:
        """The object, if there is one."""
        with self._changed:
            return self._objects.get(key)

    def list(self, plural: str, namespace: str = "") -> list[Object]:
        """The objects of a kind, by name; of all namespaces without one."""
        with self._changed:
            found = [
                (key, each)
                for key, each in self._objects.items()
                if key[0] == plural and namespace in ("", key[1])
            ]
        return [each for _, each in sorted(found, key=lambda pair: pair[0])]

    def put(self, plural: str, made: Object) -> Object:
        """Puts an object, new or changed; gives it what every object has."""
        meta = {**made["metadata"]}
        key = (plural, meta.get("namespace", ""), meta["name"])
        with self._changed:
            before = self._objects.get(key)
            self._version += 1
            meta.setdefault("uid", str(uuid.uuid4()))
            meta.setdefault("creationTimestamp", now())
            meta["resourceVersion"] = str(self._version)
            if "spec" in made:
                same = before is not None and before.get("spec") == made["spec"]
                was = before["metadata"].get("generation", 1) if before else 0
                meta["generation"] = was if same else was + 1
            put = {**made, "metadata": meta}
            self._objects[key] = put
            self._note("MODIFIED" if before else "ADDED", key, put)
            return put

    def update(self, key: Key, change: Callable[[Object], None]) -> Object | None:
        """Changes an object, if it is there and the change makes it another.

        Args:
            key: Which.
            change: Gets a copy that it may change.
        """
        with self._changed:
            before = self._objects.get(key)
            if before is None:
                return None
            copied = copy.deepcopy(before)
            change(copied)
            return before if copied == before else self.put(key[0], copied)

    def remove(self, key: Key) -> Object | None:
        """Takes an object away."""
        with self._changed:
            gone = self._objects.pop(key, None)
            if gone is not None:
                self._version += 1
                version = {"resourceVersion": str(self._version)}
                gone = {**gone, "metadata": {**gone["metadata"], **version}}
                self._note("DELETED", key, gone)
            return gone

    def wait(self, version: int, timeout_s: float) -> int:
        """Waits until there is something newer than `version`; returns the newest version."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version, timeout_s)
            return self._version

    def since(self, version: int) -> Iterable[Change]:
        """The changes after a version, the oldest first."""
        with self._changed:
            return [each for each in self._changes if each.version > version]

    def _note(self, kind: str, key: Key, changed: Object) -> None:
        self._changes.append(Change(self._version, kind, key, changed))
        self._changed.notify_all()


def now() -> str:
    """This moment, as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def owned(objects: Iterable[Object], owner: Object) -> Iterator[Object]:
    """Those of the objects that belong to another."""
    uid = owner["metadata"]["uid"]
    for each in objects:
        owners = each["metadata"].get("ownerReferences", ())
        if any(one["uid"] == uid for one in owners):
            yield each


def reference(owner: Object) -> dict[str, Any]:
    """What an object says of whom it belongs to."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def record(
    cluster: Cluster, about: Object, reason: str, message: str, kind: str = "Normal"
) -> None:
    """Notes an event of an object; one that is there already is only counted."""
    meta = about["metadata"]
    for each in cluster.list("events", meta.get("namespace", "")):
        same = each["involvedObject"]["uid"] == meta["uid"]
        if same and (each["reason"], each["message"]) == (reason, message):

            def again(event: Object) -> None:
                event["count"] += 1
                event["lastTimestamp"] = now()

            cluster.update(("events", meta.get("namespace", ""), each["metadata"]["name"]), again)
            return
    cluster.put(
        "events",
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta['name']}.{uuid.uuid4().hex[:16]}",
                "namespace": meta.get("namespace", ""),
            },
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": meta["name"],
                "namespace": meta.get("namespace", ""),
                "uid": meta["uid"],
            },
            "reason": reason,
            "message": message,
            "type": kind,
            "count": 1,
            "firstTimestamp": now(),
            "lastTimestamp": now(),
            "source": {"component": "simulator"},
        },
    )
