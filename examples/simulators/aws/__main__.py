"""`python3 -m simulators.aws`: serves the stack's AWS account until it is told to end."""

from __future__ import annotations

import os
import signal
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

# moto looks at nothing of the caller's account, and asks nobody else.
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server
from werkzeug.test import Client

from simulators.aws import cache, instance, seed, trail
from simulators.aws.balancer import Balancer
from simulators.aws.front import Front
from simulators.aws.names import PUBLIC, REGION

STATE = Path("/var/lib/aws")
LOG = Path("/var/log/aws/aws.log")
PIDFILE = Path("/run/aws.pid")
SECRETS = Path("/run/secrets")
CERTIFICATE, KEY = "/run/tls/aws.crt", "/run/tls/aws.key"


class _Quiet(MotoRequestHandler):  # type: ignore[misc]
    """The front writes the line for a request; the server's own would be a second one."""

    def log(self, type: str, message: str, *args: Any) -> None:
        if type == "error":
            _log(message % args if args else message)


def main() -> None:
    """Listens on this host's name, port 443."""
    STATE.mkdir(parents=True, exist_ok=True)
    moto = DomainDispatcherApplication(create_backend_app)
    client = Client(moto)

    def call(
        service: str, method: str, path: str, headers: Any, body: str | bytes
    ) -> tuple[int, str]:
        scope = f"Credential=AKIASEED/20260101/{REGION}/{service}/aws4_request"
        signed = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
        answer = client.open(
            path,
            method=method,
            headers={**signed, **headers},
            data=body,
            base_url=f"https://{service}.{REGION}.amazonaws.com",
        )
        return answer.status_code, answer.get_data(as_text=True)

    seed.fill(call, SECRETS)
    kept = trail.Trail()
    managed = instance.Managed(_log)
    answers = {**managed.answers, **cache.Cache(_log).answers, **kept.answers}
    front = Front(moto, STATE / "unknown.jsonl", _log, answers, kept)
    balancer = Balancer(lambda path, data: _must_take(call("s3", "PUT", path, {}, data)))
    threading.Thread(target=balancer.deliver, daemon=True).start()

    def application(environ: dict[str, Any], start: Any) -> Any:
        public = environ.get("HTTP_HOST", "").partition(":")[0] == PUBLIC
        return (balancer if public else front)(environ, start)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    server = make_server(
        "aws", 443, application, threaded=True, request_handler=_Quiet, ssl_context=context
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    PIDFILE.write_text(f"{os.getpid()}\n")
    _log("aws listens on aws:443")
    server.serve_forever()


def _must_take(answer: tuple[int, str]) -> None:
    if answer[0] >= 300:
        _log(f"access log: {answer}")


def _log(text: str) -> None:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
    with LOG.open("a", encoding="utf-8") as file:
        file.write(f"{stamp} {text}\n")


if __name__ == "__main__":
    main()
