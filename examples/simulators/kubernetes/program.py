"""The command line: the API, the controllers, the pods and the Services, in one process."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from simulators.folders import Folders
from simulators.kubernetes import manifests
from simulators.kubernetes.api import Api
from simulators.kubernetes.balancer import Balancer
from simulators.kubernetes.cluster import Cluster
from simulators.kubernetes.deployments import Controllers
from simulators.kubernetes.kubelet import Kubelet, Node
from simulators.kubernetes.processes import asked
from simulators.kubernetes.secrets import Refresher
from simulators.kubernetes.server import Server
from smartbeak.process.releases import RELEASES

_EXAMPLES = Path(__file__).resolve().parents[2]
OVERLAY = _EXAMPLES / "kubernetes/overlays/production"
REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com/smartbeak/"
"""Where the images are; the account is invented."""

_SETTINGS = Path("/etc/smartbeak/platform.env")
_ROTATED = Path("/etc/smartbeak/secrets")
_SECRETS: Mapping[str, str] = {
    "JWT_KEY_1": "jwt-key-1",
    "JWT_KEY_2": "jwt-key-2",
    "STRIPE_WEBHOOK_SECRET": "stripe-webhook",
    "PADDLE_WEBHOOK_SECRET": "paddle-webhook",
    "CLERK_WEBHOOK_SECRET": "clerk-webhook",
    "WORDPRESS_APP_PASSWORD": "wordpress",
    "LINKEDIN_TOKEN": "linkedin",
    "STORAGE_SECRET_ACCESS_KEY": "storage",
}
"""Files of the store by the names that the Secret has for them."""


def main(argv: Sequence[str] | None = None) -> None:
    """Serves until it is told to end."""
    parser = argparse.ArgumentParser(prog="kubernetes", description="A simulated Kubernetes.")
    parser.add_argument("--port", type=int, default=443)
    said = parser.parse_args(argv)
    folders, host = Folders(Path("/"), "kubernetes"), socket.gethostname()
    logs = folders.log.parent / "pods"
    logs.mkdir(parents=True, exist_ok=True)
    folders.state.mkdir(parents=True, exist_ok=True)
    cluster = Cluster()
    manifests.load(cluster, manifests.rendered(OVERLAY), manifests.settings(_SETTINGS))
    Refresher(cluster, lambda: stored(folders)).look()
    node = Node(host, logs, os.environ, runs, lambda: _free_port(host))
    threads = [Refresher(cluster, lambda: stored(folders)), Controllers(cluster)]
    threads += [Kubelet(cluster, node)]
    # The workers have no Service in production; here their metrics are looked at by name.
    services = [*cluster.list("services"), _workers()]
    threads += [Balancer(cluster, each, _name(each), host) for each in services]
    for thread in threads:
        thread.start()
    api = Api(
        cluster,
        lambda pod, number: logs / f"{pod}.{number}.log",
        lambda port, path: asked(host, port, path),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*folders.certificate(host))
    server = Server((host, said.port), api, folders, folders.secret("kubernetes"), context)
    folders.pidfile.write_text(f"{os.getpid()}\n")
    _end_with(folders.pidfile)
    server.serve_forever()


def runs(image: str, container: str) -> Sequence[str] | None:
    """The program of an image; None where the registry does not have it."""
    name, _, tag = image.rpartition(":")
    if name != REGISTRY + container or tag not in RELEASES:
        return None
    return [sys.executable, "-m", f"smartbeak.{container}"]


def stored(folders: Folders) -> dict[str, str]:
    """What the store holds: a secret that was rotated goes before the one of the start."""
    found = {}
    for name, file in _SECRETS.items():
        newer = _ROTATED / file
        found[name] = (newer if newer.exists() else folders.secret(file)).read_text().strip()
    return found


def _name(service: dict[str, object]) -> str:
    meta = service["metadata"]
    assert isinstance(meta, dict)
    return str(meta["labels"]["app.kubernetes.io/name"])


def _workers() -> dict[str, object]:
    labels = {"app.kubernetes.io/name": "worker"}
    meta = {"name": "worker", "namespace": "smartbeak-production", "labels": labels}
    return {"metadata": meta, "spec": {"selector": labels, "ports": [{"port": 9464}]}}


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _end_with(pidfile: Path) -> None:
    """Lets SIGTERM end this process, and so its pods."""

    def end(number: int, frame: FrameType | None) -> None:
        pidfile.unlink(missing_ok=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
