"""ExternalSecrets: a Secret is filled from the store, anew when somebody asks for it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping

from simulators.kubernetes.cluster import Cluster, Object, now, reference

Store = Callable[[], Mapping[str, str]]
"""What the store holds, by the names that the Secret has for it."""

_FORCED = "force-sync"


class Refresher(threading.Thread):
    """Fills Secrets when their ExternalSecret is new, or its `force-sync` annotation changed.

    Args:
        cluster: Whose objects.
        store: Where the values come from.
    """

    def __init__(self, cluster: Cluster, store: Store) -> None:
        super().__init__(name="external-secrets", daemon=True)
        self._cluster = cluster
        self._store = store

    def run(self) -> None:
        """Goes on until the process ends."""
        seen = 0
        while True:
            self.look()
            seen = self._cluster.wait(seen, 5.0)

    def look(self) -> None:
        """Refreshes what has to be."""
        for each in self._cluster.list("externalsecrets"):
            said = each["metadata"].get("annotations") or {}
            if said.get(_FORCED, "") != each.get("status", {}).get("simulatedSync"):
                self._refresh(each, said.get(_FORCED, ""))

    def _refresh(self, external: Object, asked: str) -> None:
        meta = external["metadata"]
        held = {name: base64.b64encode(t.encode()).decode() for name, t in self._store().items()}
        key = ("secrets", meta["namespace"], external["spec"]["target"]["name"])
        before = self._cluster.get(key)
        kept = before["metadata"] if before else {"name": key[2], "namespace": key[1]}
        self._cluster.put(
            "secrets",
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "Opaque",
                "metadata": {**kept, "ownerReferences": [reference(external)]},
                "data": held,
            },
        )

        def say(found: Object) -> None:
            ready = {"type": "Ready", "status": "True", "reason": "SecretSynced"}
            found["status"] = {
                "refreshTime": now(), "conditions": [ready], "simulatedSync": asked,
            }  # fmt: skip

        self._cluster.update(("externalsecrets", key[1], meta["name"]), say)
