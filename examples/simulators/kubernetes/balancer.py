"""Services: whoever connects is connected with a ready pod, each in turn."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import threading
from collections.abc import Iterator

from simulators.kubernetes.cluster import Cluster, Object
from simulators.kubernetes.deployments import is_ready

_CHUNK = 1 << 16
_CONNECT_S = 2.0


class Balancer(threading.Thread):
    """Listens for one Service.

    Args:
        cluster: Where the pods are.
        service: Its object.
        name: Host name to listen on.
        host: Where the pods' processes listen.
    """

    def __init__(self, cluster: Cluster, service: Object, name: str, host: str) -> None:
        super().__init__(name=f"service-{service['metadata']['name']}", daemon=True)
        self._cluster = cluster
        self._namespace = service["metadata"]["namespace"]
        self._selector = service["spec"]["selector"]
        self._turn = itertools.count()
        self._host = host
        port = service["spec"]["ports"][0]["port"]
        self._listener = socket.create_server((name, port), backlog=128)

    def run(self) -> None:
        """Goes on until the process ends."""
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client:
            for port in self._ports():
                try:
                    pod = socket.create_connection((self._host, port), _CONNECT_S)
                except OSError:
                    continue
                with pod, contextlib.suppress(OSError):
                    _join(client, pod)
                return

    def _ports(self) -> Iterator[int]:
        pods = [
            each
            for each in self._cluster.list("pods", self._namespace)
            if self._selector.items() <= each["metadata"].get("labels", {}).items()
            and is_ready(each)
        ]
        first = next(self._turn)
        for number in range(len(pods)):
            yield pods[(first + number) % len(pods)]["status"]["simulatedPort"]


def _join(client: socket.socket, pod: socket.socket) -> None:
    """Carries bytes both ways until one side has ended."""
    for each in (client, pod):
        each.settimeout(None)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    other = {client: pod, pod: client}
    while True:
        ready, _, _ = select.select([client, pod], [], [])
        for each in ready:
            data = each.recv(_CHUNK)
            if not data:
                return
            other[each].sendall(data)
