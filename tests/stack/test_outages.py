"""The reference platform while PostgreSQL or Redis is away: it says so, and heals by itself."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator

import pytest

from drillbook.sandboxes.local import LocalBackend
from smartbeak.data import database, store
from tests.stack.box import FACTS, Box, Call, eventually

AWAY = FACTS["refusals"]["PostgreSQL or Redis away"]
START = {
    "db-1": "pg_ctl --pgdata=$PGDATA --wait --silent --log=/tmp/pg.log start 2>/dev/null",
    "redis-1": "redis-server /var/lib/redis/redis.conf --daemonize yes >/dev/null",
}
"""How a service that was killed comes back at its old address."""

PROMISED_S = 2.0
"""Within which a request is answered, whatever is away (`quality-and-limits`)."""

GIVEN_UP = {
    "db-1": r"no answer within 1\.5 s|couldn't get a connection after 1\.40 sec|timeout expired",
    "redis-1": r"no answer within 0\.8 s",
}
"""What the platform says once its own limit for that service is over."""


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["db-1", "redis-1", "api"], {"ENABLE_RATE_LIMITING": "false"})
    yield box
    box.close()


def every(box: Box) -> list[Call]:
    """A request to each route that serves users, by one who may make it."""
    calls = []
    for path, methods in FACTS["endpoints"].items():
        for method, fact in methods.items():
            if "roles" in fact and not path.startswith("/health/"):
                user = 1 + ("owner", "admin", "editor", "viewer").index(fact["roles"][-1])
                bodies = {
                    "/v1/content": {"domainId": "dom_1", "title": "A title"},
                    "/v1/content/{id}": {"title": "A title"},
                    "/v1/content/{id}/schedule": {"publishAt": "2090-01-01T00:00:00Z"},
                    "/v1/publishing/targets": {
                        "type": "wordpress",
                        "config": {"url": "https://site1.example.com"},
                    },
                    "/v1/publishing/jobs": {"contentId": "content_10", "targetId": "target_1"},
                    "/v1/admin/flags/{key}": {"value": False},
                    "/v1/media/upload-intent": {"mimeType": "image/png"},
                    "/v1/billing/subscribe": {"planId": "plan_pro"},
                    "/v1/alerts": {"metric": "content.count", "threshold": 1},
                }
                path_ = path.replace("{id}", str(uuid.uuid4())).replace("{key}", "a_flag")
                if path in ("/v1/publishing/targets", "/v1/publishing/jobs"):
                    path_ += "?domainId=dom_1"
                body = bodies.get(path) if method in ("POST", "PATCH") else None
                calls.append(Call(method, path_, box.token(user), body))
    return calls


def ready(box: Box) -> None:
    eventually(lambda: box.call("GET", "/readyz").status, 200)


def newest_error(box: Box) -> str:
    """The newest reason that the API's log gives for being refused."""
    return str(box.said("api", "dependency away")[-1]["error"])


@pytest.mark.parametrize("host", ["db-1", "redis-1"])
def test_every_route_says_soon_that_it_cannot_serve(box: Box, host: str) -> None:
    # How long it takes is not measured: on a busy machine that says nothing of the platform. The
    # service goes on only once all is answered, so each answer came by a limit of the platform,
    # and these add up to less than what is promised. Redis is asked once more after an error.
    assert max(database.REQUEST_S, 2 * store._ANSWER_S) < PROMISED_S
    calls = every(box)
    before = len(box.said("api", "dependency away"))
    box.signal(host, "STOP")
    try:
        answers = box.calls(*calls, together=6)
        probes = box.calls(*(Call("GET", path) for path in ("/readyz", "/health", "/livez")))
        (metrics,) = box.calls(Call("GET", "/metrics"))
    finally:
        box.signal(host, "CONT")
    for call, answer in zip(calls, answers, strict=True):
        assert (answer.status, answer.code) == (AWAY["status"], AWAY["code"]), call
    assert [probe.status for probe in probes] == [503, 503, 200]
    assert (probes[1].body["status"], metrics.status) == ("unhealthy", 200)
    name = {"db-1": "postgresql", "redis-1": "redis"}[host]
    assert f'dependency_up{{service="{name}"}} 0.0' in metrics.text
    lines = box.said("api", "dependency away")[before:]
    said = {(line["level"], line["error"]) for line in lines if line["dependency"] == name}
    assert said and {level for level, _ in said} == {"warn"}
    assert all(re.search(GIVEN_UP[host], error) for _, error in said), said
    ready(box)


@pytest.mark.parametrize("host", ["db-1", "redis-1"])
def test_it_heals_without_a_restart_when_the_service_is_back(box: Box, host: str) -> None:
    token, path = box.token(4), "/v1/content/content_5"
    ready(box)
    pid = box.shell("api", "cat /run/platform.pid")
    box.signal(host, "KILL")
    eventually(lambda: box.call("GET", "/readyz").status, 503)
    refused = re.compile("Connection refused|Error 111 connecting to redis-1:6379")
    # Who waits for a connection in the meantime may be told of that first.
    eventually(
        lambda: [box.call("GET", "/v1/content?limit=1", token).status, newest_error(box)],
        lambda found: found[0] == 503 and refused.search(found[1]),
    )
    box.shell(host, START[host])
    eventually(lambda: box.call("GET", path, token).status, 200)
    assert box.shell("api", "cat /run/platform.pid") == pid
    asked = [Call("GET", path, token)] * 20
    eventually(lambda: {answer.status for answer in box.calls(*asked)}, {200})


def test_the_first_request_after_an_outage_that_nobody_noticed_is_served(box: Box) -> None:
    ready(box)
    ask = [Call("GET", f"/v1/content?limit=1&page={page}", box.token(4)) for page in range(1, 7)]
    script = "seq 40 | xargs -P 20 -I{} curl -sS -o /dev/null"
    token = box.token(4)
    box.shell("ops", f"{script} -H 'Authorization: Bearer {token}' 'http://api:3001/v1/content'")
    box.signal("db-1", "KILL")
    box.shell("db-1", START["db-1"])
    eventually(lambda: box.shell("db-1", "pg_isready -q; echo $?").strip(), "0")
    before = len(box.said("api", "dependency away"))
    found = [answer.status for answer in box.calls(*ask)]
    late = [line["error"] for line in box.said("api", "dependency away")[before:]]
    # An answer that is only late, as on a busy machine, says nothing of the outage.
    assert found == [200] * len(ask) or (
        late and all(re.search("no answer within|couldn't get a connection", e) for e in late)
    )


def test_a_wrong_password_is_told_in_the_log(box: Box) -> None:
    ready(box)
    box.sql("ALTER ROLE smartbeak PASSWORD 'another'")
    box.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'smartbeak'")
    try:
        answer = box.call("GET", "/v1/content?limit=1", box.token(4))
        told = 'password authentication failed for user "smartbeak"'
        eventually(
            lambda: [box.call("GET", "/readyz").status, newest_error(box)],
            lambda found: found[0] == 503 and told in found[1],
        )
    finally:
        (secret,) = box.shell("ops", "cat /run/secrets/smartbeak").splitlines()
        box.shell("db-1", "psql -d smartbeak -f -", f"ALTER ROLE smartbeak PASSWORD '{secret}'")
    assert (answer.status, answer.code) == (503, "SERVICE_UNAVAILABLE")
    ready(box)


def test_a_pool_that_is_used_up_is_told_in_the_log(box: Box) -> None:
    ready(box)
    size = 8  # DB_POOL_SIZE of the stack
    hold = "SELECT pg_advisory_lock(7)"
    box.shell(
        "db-1", f"(psql -d smartbeak -c '{hold}' -c 'SELECT pg_sleep(600)' >/tmp/held 2>&1 &)"
    )
    holder = "FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND granted"
    eventually(lambda: box.sql(f"SELECT count(*) {holder}"), ["1"])
    box.sql(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN new; END'; "
        "CREATE TRIGGER hold BEFORE INSERT ON content_items FOR EACH ROW EXECUTE FUNCTION hold()"
    )
    write = Call("POST", "/v1/content", box.token(2), {"domainId": "dom_1", "title": "A title"})
    found = [answer.status for answer in box.calls(*[write] * 3 * size, together=3 * size)]
    box.sql(f"SELECT pg_terminate_backend(pid, 5000) {holder}")
    box.sql("DROP TRIGGER hold ON content_items; DROP FUNCTION hold()")
    assert found == [503] * 3 * size
    errors = {line["error"] for line in box.said("api", "dependency away")}
    assert "couldn't get a connection after 1.40 sec" in errors
    assert "no answer within 1.5 s" in errors
    ready(box)


def test_metrics_do_not_wait_for_the_pool_and_count_who_does(box: Box) -> None:
    ready(box)

    def beside_the_pool() -> int:
        """Sessions of the API that are none of the pool's."""
        pool = sum(
            box.metric("api", f'db_pool_connections{{state="{s}"}}') for s in ("idle", "used")
        )
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'smartbeak-api'"
        return int(box.sql(query)[0]) - int(pool)

    eventually(beside_the_pool, 1)
    box.sql(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(2); RETURN new; END'; "
        "CREATE TRIGGER hold BEFORE INSERT ON content_items FOR EACH ROW EXECUTE FUNCTION hold()"
    )
    said = json.dumps({"domainId": "dom_1", "title": "A title"})
    box.shell("ops", "cat >/tmp/save.json", said)
    save = (
        f"curl -s -o /dev/null -H 'Authorization: Bearer {box.token(2)}' "
        "-H 'Content-Type: application/json' -d @/tmp/save.json http://api:3001/v1/content"
    )
    box.shell("ops", f"(while :; do {save}; done & echo $! >>/tmp/savers) >/dev/null 2>&1; " * 24)

    def counted() -> tuple[bool, bool]:
        """Whether many wait for a connection, and PostgreSQL was asked all the same."""
        text = box.call("GET", "/metrics").text
        found = dict(re.findall(r"(?m)^(\w+\{[^}]*\}) ([0-9.]+)$", text))
        letters = sum(float(v) for k, v in found.items() if k.startswith("publishing_dlq_entries"))
        return float(found['db_pool_connections{state="waiting"}']) > 5, letters == entries

    try:
        entries = int(box.sql("SELECT count(*) FROM publishing_dlq")[0])
        eventually(counted, (True, True))
        box.sql(
            "INSERT INTO publishing_dlq (id, publishing_job_id, region, reason) "
            "SELECT 'counted', id, region, 'x' FROM publishing_jobs LIMIT 1"
        )
        entries += 1
        eventually(counted, (True, True))
    finally:
        box.shell("ops", "kill $(cat /tmp/savers)")
        box.sql("DROP TRIGGER hold ON content_items; DROP FUNCTION hold()")
        box.sql("DELETE FROM publishing_dlq WHERE id = 'counted'")
    ready(box)


def test_a_job_is_taken_only_if_it_is_in_the_queue(box: Box) -> None:
    ready(box)
    # Redis takes no more, and still answers: reads work, a job does not.
    box.redis("CONFIG SET maxmemory 1")
    asked = {"contentId": "content_10", "targetId": "target_1"}
    count = "SELECT count(*) FROM publishing_jobs WHERE content_id = 'content_10'"
    before = box.sql(count)
    change = {"title": "Still written"}
    made = box.call("POST", "/v1/content", box.token(2), {"domainId": "dom_1", "title": "Draft"})
    job, read, written = box.calls(
        Call("POST", "/v1/publishing/jobs", box.token(2), asked),
        Call("GET", "/v1/content/content_45", box.token(4)),
        Call("PATCH", f"/v1/content/{made.body['item']['id']}", box.token(2), change),
    )
    box.redis("CONFIG SET maxmemory 64mb")
    assert (job.status, job.code) == (503, "SERVICE_UNAVAILABLE")
    assert box.sql(count) == before
    assert (read.status, written.status) == (200, 200)
    assert box.said("api", "not cached")


def test_a_process_that_ends_says_so_and_finishes_what_it_has(box: Box) -> None:
    box.shell("api", "/opt/smartbeak/platform/bin/platform-service restart")
    messages = [line["message"] for line in box.log("api")]
    assert messages[-4:-1] == ["ending", "stopped", "listening"] or "stopped" in messages
    ready(box)


def test_settings_that_are_not_right_end_it_with_the_reason(box: Box) -> None:
    box.set({"DB_POOL_SIZE": "many"})
    stop = "/opt/smartbeak/platform/bin/platform-service stop"
    run = "/opt/smartbeak/platform/bin/platform-run; echo $?"
    line, status = box.shell("api", f"{stop} >/dev/null; {run}").splitlines()
    said = json.loads(line)
    assert (said["level"], said["message"], status) == ("fatal", "cannot start", "1")
    assert said["error"] == "DB_POOL_SIZE is 'many', not a number from 1 to 100"
