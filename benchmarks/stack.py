"""Measures the reference platform and its queues on the stack, beside npm BullMQ."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import jwt

from benchmarks.measure import Row, alone, pair
from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.local_sandbox import LocalSandbox

HERE = Path(__file__).parent
SERVICES = ["ops", "app", "db-1", "redis-1", "api", "worker", "wordpress"]
_CHECKOUT = "/opt/smartbeak/platform"
_REQUESTS_PER_USER = 40
"""Below the limit of a minute, so that nobody is refused."""

_PUBLISH = """\
import json, statistics, sys, time, urllib.request

head = {"authorization": "Bearer " + sys.argv[1], "content-type": "application/json"}
took = []
for number in range(int(sys.argv[2])):
    body = json.dumps({"domainId": "dom_1", "contentId": "content_10", "targetId": "target_1"})
    begin = time.perf_counter()
    call = urllib.request.Request("http://api:3001/v1/publishing/jobs", body.encode(), head)
    job = json.load(urllib.request.urlopen(call))
    job = job.get("data", job)
    state = ""
    while state != "published":
        time.sleep(0.01)
        look = urllib.request.Request(
            "http://api:3001/v1/publishing/jobs/" + job["id"], headers=head)
        state = json.load(urllib.request.urlopen(look))
        state = state.get("data", state)["status"]
    took.append((time.perf_counter() - begin) * 1000)
print(statistics.median(took))
"""


def rows(root: Path, runs: int) -> Iterator[Row]:
    """Requests per second, job latency, and the queue beside npm BullMQ, on one stack."""
    sandbox = LocalBackend(root).open(SERVICES, label="bench")
    try:
        yield alone("GET /readyz", "", "requests/s", runs, lambda: _requests(sandbox, "readyz"))
        yield alone(
            "GET /v1/content/:id, cached", "", "requests/s", runs,
            lambda: _requests(sandbox, "v1/content/content_10", users=2000 // _REQUESTS_PER_USER),
        )  # fmt: skip
        yield pair(
            "job from add to done, Python BullMQ", "", "ms", runs,
            lambda: _number(sandbox, "python3 - 300", (HERE / "queue_latency.py").read_text()),
            "npm BullMQ, same Redis",
            lambda: _number(
                sandbox, "node --input-type=module - 300", (HERE / "queue_latency.mjs").read_text()
            ),
        )  # fmt: skip
        yield alone(
            "publishing job from POST to published", "", "ms", runs, lambda: _publish(sandbox)
        )
    finally:
        sandbox.close()


def _requests(sandbox: LocalSandbox, path: str, *, users: int = 0) -> float:
    sandbox.host("ops").execute(
        ["bash", "-c", f"cat > /tmp/requests.mjs <<'JS'\n{(HERE / 'requests.mjs').read_text()}JS"],
        timeout_s=10,
    )
    known = "\n".join(_token(sandbox, f"bench_{_fresh()}_{n}") for n in range(users))
    command = f"node /tmp/requests.mjs http://api:3001/{path} 2000"
    return _number(sandbox, command, known)


def _publish(sandbox: LocalSandbox) -> float:
    took = []
    for _ in range(3):  # ten publications are what a user may make in a minute
        token = _token(sandbox, f"bench_{_fresh()}")
        took.append(_number(sandbox, f"python3 - {token} 8", _PUBLISH))
    return statistics.median(took)


_numbers = itertools.count()


def _fresh() -> int:
    return next(_numbers)


def _token(sandbox: LocalSandbox, user: str) -> str:
    key = sandbox.host("ops").execute(["cat", "/run/secrets/jwt-key-1"], timeout_s=5)["stdout"]
    now = int(time.time())
    claims = {
        "sub": user, "orgId": "org_1", "role": "editor", "jti": user, "iat": now,
        "exp": now + 3600, "aud": "smartbeak", "iss": "smartbeak-api",
    }  # fmt: skip
    return jwt.encode(claims, key.strip(), algorithm="HS256")


def _number(sandbox: LocalSandbox, command: str, text: str) -> float:
    reply = sandbox.host("ops").request(
        "exec", timeout_s=120, argv=["bash", "-c", f"cd {_CHECKOUT} && {command}"], input=text
    )
    if reply["status"] != 0:
        raise SystemExit(f"{command}: {reply['stdout'][-500:]}{reply['stderr'][-2000:]}")
    return float(reply["stdout"])
