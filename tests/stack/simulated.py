"""A running simulator, and how tests speak to it: over a socket, as its clients do."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from simulators.known import KNOWN
from tests.conftest import ROOT

PROGRAM = ROOT / "examples/simulators/bin/simulator"
PASSWORD, TOKEN = "abcd efgh ijkl mnop", "a-token"
API_KEY, SIGNING_SECRET = "a-key-of-one-test", "a-secret-of-one-test"
POSTS = "/wp-json/wp/v2/posts"
PATIENCE_S = 120.0


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Running:
    """A target process, its files below a folder of their own."""

    def __init__(self, root: Path, process: subprocess.Popen[bytes], name: str, port: int) -> None:
        self.root, self.process, self.name, self.port = root, process, name, port
        kind = KNOWN[name].kind
        self.state = root / "var/lib" / kind
        self.log = root / f"var/log/{kind}/{kind}.log"
        self.pidfile = root / f"run/{kind}.pid"

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, data, named)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())

    def publish(self, slug: str, *, site: str = "site1.example.com", **fields: object) -> Reply:
        """A post as the platform's worker sends it to WordPress."""
        post = {"title": f"About {slug}", "content": "Text.", "status": "publish", "slug": slug}
        return self.call("POST", POSTS, {**post, **fields}, **signed(), Host=site)

    def share(self, key: str, **changes: str | None) -> Reply:
        """A post as the platform's worker sends it to LinkedIn; a header of None is left out."""
        headers: dict[str, str | None] = {
            "Host": "api.linkedin.com",
            "Authorization": f"Bearer {TOKEN}",
            "Content_Type": "application/json",
            "LinkedIn_Version": "202601",
            "X_Restli_Protocol_Version": "2.0.0",
            **changes,
        }
        kept = {name: value for name, value in headers.items() if value is not None}
        return self.call("POST", "/rest/posts", shared(key), **kept)

    def accepted(self, prefix: str = "") -> dict[str, int]:
        found: dict[str, int] = self.call("GET", f"/_drillbook/accepted?prefix={prefix}").json[
            "accepted"
        ]
        return found

    def plugin(self, script: str) -> None:
        folder = self.state / "plugins/after-save.d"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "50-plugin"
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)


def signed(password: str = PASSWORD) -> dict[str, str]:
    credentials = base64.b64encode(f"smartbeak:{password}".encode()).decode()
    return {"Authorization": f"Basic {credentials}", "Content_Type": "application/json"}


def shared(key: str) -> dict[str, object]:
    return {
        "author": "urn:li:organization:5515715",
        "commentary": f"Read about it: https://site1.example.com/{key}",
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED"},
        "lifecycleState": "PUBLISHED",
    }


class Endpoint(HTTPServer):
    """An endpoint that keeps what it is told, and refuses as often as a test wants."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refusals = 0
        self.told: list[tuple[bytes, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def kinds(self) -> list[str]:
        said = [json.loads(body) for body, _ in self.told]
        return [each.get("type") or each["event_type"] for each in said]


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusals:
            self.server.refusals -= 1
            self.send_response(503)
        else:
            names = ("Stripe-Signature", "Paddle-Signature")
            (signature,) = filter(None, map(self.headers.get, names))
            self.server.told.append((body, signature))
            self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


Start = Callable[..., Running]


def await_that(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "never became so"
        time.sleep(0.01)


def accepted_lines(target: Running) -> list[str]:
    return (target.state / "accepted.jsonl").read_text().splitlines()
