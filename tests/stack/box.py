"""A sandbox with the reference platform in it, and how tests speak to that."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
import yaml

from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.local_sandbox import LocalSandbox
from tests.conftest import ROOT

PLATFORM = ROOT / "examples/platform"
FACTS: dict[str, Any] = yaml.safe_load((PLATFORM / "facts.yaml").read_text())
API = "http://api:3001"

OWNER, ADMIN, EDITOR, VIEWER = 1, 2, 3, 4
"""Users of org_1, which has dom_1 and dom_6."""

PIDFILES = {
    "db-1": "/var/lib/postgresql/data/postmaster.pid",
    "redis-1": "/var/lib/redis/redis.pid",
    "wordpress": "/run/target.pid",
}
"""First process of each service that tests interrupt; the platform's is the default."""

# Makes the requests that come on standard input, so many at a time, on one connection
# each, and says how they were answered.
_CLIENT = """
import json, sys, http.client, urllib.parse, concurrent.futures
def call(asked):
    method, url, headers, body = asked
    place = urllib.parse.urlsplit(url)
    line = http.client.HTTPConnection(place.hostname, place.port, timeout=280)
    path = place.path + ("?" + place.query if place.query else "")
    line.request(method, path, None if body is None else body.encode("latin-1"), headers)
    answer = line.getresponse()
    text = answer.read().decode("utf-8", "replace")
    line.close()
    return [answer.status, dict(answer.getheaders()), text]
with concurrent.futures.ThreadPoolExecutor(int(sys.argv[1])) as pool:
    print(json.dumps(list(pool.map(call, json.load(sys.stdin)))))
"""


@dataclass(frozen=True)
class Answer:
    """How a request was answered."""

    status: int
    headers: Mapping[str, str]
    """By name in small letters."""

    text: str

    @property
    def body(self) -> Any:
        """The JSON."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """Code of an error."""
        assert set(self.body) - set(FACTS["errors"]["with-429"]) == set(FACTS["errors"]["fields"])
        return str(self.body["code"])


@dataclass(frozen=True)
class Call:
    """A request."""

    method: str
    path: str
    token: str = ""
    body: Any = None
    """Sent as JSON; bytes as they are."""

    headers: Mapping[str, str] | None = None

    def sent(self, base: str) -> list[Any]:
        """What the client is told."""
        headers = {"Content-Type": "application/json", **(self.headers or {})}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = self.body
        if data is not None and not isinstance(data, bytes):
            data = json.dumps(data).encode()
        return [
            *(self.method, base + self.path, headers),
            None if data is None else data.decode("latin-1"),
        ]


class Box:
    """A sandbox with these services.

    Args:
        backend: Makes it.
        services: Beside `ops`, from which requests are made.
        changes: Settings of the platform that are not the stack's.
    """

    def __init__(
        self, backend: LocalBackend, services: Sequence[str], changes: Mapping[str, str] = {}
    ) -> None:
        self.sandbox: LocalSandbox = backend.open(["ops", *services], label="test")
        try:
            self._key = self.shell("ops", "cat /run/secrets/jwt-key-1").strip()
            if changes:
                self.set(changes)
                for host in ("api", "web", "worker", "worker-eu"):
                    if host in services:
                        self.shell(host, "/opt/smartbeak/platform/bin/platform-service restart")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends it."""
        self.sandbox.close()

    def set(self, changes: Mapping[str, str]) -> None:
        """Changes settings of the platform; they count from the next start of a process."""
        file = "/etc/smartbeak/platform.env"
        lines = "".join(f"{name}={value}\n" for name, value in changes.items())
        names = "|".join(changes)
        self.shell("ops", f"sed -i -E '/^({names})=/d' {file} && cat >>{file}", lines)

    def shell(self, host: str, command: str, text: str = "", *, timeout_s: float = 180) -> str:
        """What a command on a host prints; it must work."""
        reply = self.sandbox.host(host).request(
            "exec", timeout_s=timeout_s, argv=["bash", "-c", command], input=text
        )
        assert reply["status"] == 0, (host, command, reply["stdout"], reply["stderr"])
        return str(reply["stdout"])

    def sb(self, words: str) -> str:
        """What `sb` says on `ops`, of both streams, whatever its status."""
        reply = self.sandbox.host("ops").request(
            "exec", timeout_s=180, argv=["bash", "-c", f"sb {words} 2>&1"], input=""
        )
        assert "Traceback" not in reply["stdout"], reply["stdout"]
        return str(reply["stdout"])

    def token(self, user: int, role: str = "", org: int = 0, **claims: Any) -> str:
        """A token of a user of the seed, of whom four belong to each organization."""
        now = int(time.time())
        roles = ("owner", "admin", "editor", "viewer")
        said = {
            "sub": f"user_{user}",
            "orgId": f"org_{org or (user - 1) // 4 + 1}",
            "role": role or roles[(user - 1) % 4],
            "jti": str(uuid.uuid4()),
            **{"iat": now, "exp": now + 3600, "aud": "smartbeak", "iss": "smartbeak-api"},
            **claims,
        }
        return jwt.encode(said, self._key, "HS256")

    def calls(self, *calls: Call, base: str = API, together: int = 1) -> list[Answer]:
        """How requests are answered, made in this order, so many at a time."""
        asked = json.dumps([call.sent(base) for call in calls])
        client = f"python3 -c '{_CLIENT}' {together}"
        said = json.loads(self.shell("ops", client, asked, timeout_s=300))
        return [
            Answer(status, {name.lower(): value for name, value in headers.items()}, text)
            for status, headers, text in said
        ]

    def call(
        self, method: str, path: str, token: str = "", body: Any = None, **headers: str
    ) -> Answer:
        """How one request is answered."""
        return self.calls(Call(method, path, token, body, headers))[0]

    def in_one_window(self, call: Call, count: int) -> list[Answer]:
        """How so many requests are answered that one window of the rate limit counts."""
        for _ in range(5):
            answers = self.calls(*[call] * count)
            left = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
            if left == sorted(left, reverse=True):
                return answers
            # It ended in between, as on a busy machine: the next one is waited for.
            ends = int(answers[-1].headers["x-ratelimit-reset"])
            time.sleep(max(ends - time.time(), 0) + 1)
        raise AssertionError(f"{count} requests take longer than a window")

    def sql(self, query: str) -> list[str]:
        """A query's rows, columns parted by bars."""
        reply = self.shell("db-1", "psql -d smartbeak -At -f -", query)
        return reply.splitlines()

    def redis(self, command: str) -> list[str]:
        """The lines that Redis answers with."""
        return self.shell("ops", f"redis-cli -h redis-1 {command}").splitlines()

    def log(self, host: str) -> list[dict[str, Any]]:
        """What a process of the platform has said."""
        text = self.shell(host, "cat /var/log/smartbeak/platform.log")
        return [json.loads(line) for line in text.splitlines()]

    def said(self, host: str, message: str) -> list[dict[str, Any]]:
        """Each time that a process of the platform has said this."""
        return [line for line in self.log(host) if line["message"] == message]

    def signal(self, host: str, signal: str) -> None:
        """Sends a signal to a service."""
        pidfile = PIDFILES.get(host, "/run/platform.pid")
        self.sandbox.host(host).request("signal", timeout_s=30, pidfile=pidfile, signal=signal)

    def accepted(self, target: str = "wordpress") -> dict[str, int]:
        """How often a target has accepted each key."""
        text = self.shell("ops", f"curl -sS https://{target}/_drillbook/accepted")
        return dict(json.loads(text)["accepted"])

    def metric(self, host: str, name: str, port: int = 3001) -> float:
        """Value of a metric, with its labels as Prometheus shows them; 0 without one."""
        text = self.shell("ops", f"curl -sS http://{host}:{port}/metrics")
        found = [line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(found[0]) if found else 0.0


def eventually(check: Callable[[], Any], wanted: Any, *, within_s: float = 120) -> Any:
    """What `check` says, once that is `wanted`, or meets it."""
    deadline = time.monotonic() + within_s
    while True:
        found = check()
        right = wanted(found) if callable(wanted) else found == wanted
        if right or time.monotonic() > deadline:
            assert right, found
            return found
        time.sleep(0.05)


def draft(box: Box, user: int = ADMIN, **fields: Any) -> str:
    """A new draft's id."""
    content_id = f"draft-{uuid.uuid4()}"
    said = {"id": content_id, "domainId": "dom_1", "title": "A title", "body": "A body", **fields}
    answer = box.call("POST", "/v1/content", box.token(user), said)
    assert answer.status == 200, answer.text
    return content_id


def example(path: str) -> str:
    """A route's path, with things that there are."""
    return path.replace("{id}", "content_5").replace("{key}", "maintenance_mode")
