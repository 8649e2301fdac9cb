"""Probes, metrics and the log of the API."""

from __future__ import annotations

import json
import re

from tests.stack.box import FACTS, OWNER, VIEWER, Box, Call


def test_probes_have_the_shapes_of_the_facts(box: Box) -> None:
    for path, name in (("/readyz", "readiness"), ("/livez", "liveness"), ("/health", "health")):
        answer = box.call("GET", path)
        assert answer.status == 200
        assert list(answer.body) == FACTS["shapes"][name]["fields"]
    assert box.call("GET", "/readyz").body["ready"] is True
    assert box.call("GET", "/health").body["status"] == "healthy"


def test_health_says_what_works_to_those_who_run_it(box: Box) -> None:
    found = box.call("GET", "/health/detailed", box.token(OWNER)).body
    assert found["services"] == {"database": True, "redis": True, "queues": True}
    assert found["details"]["redis"]["mode"] == "connected"
    assert set(found["details"]["queues"]) == {
        "status", "stalledJobs", "failedJobs", "pendingJobs",
    }  # fmt: skip


def test_stalled_jobs_degrade_and_do_not_take_it_out_of_service(box: Box) -> None:
    box.sql(
        "INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status, updated_at) "
        "SELECT 's' || n, 'dom_9', 'c', 't', 'publishing', now() - interval '31 minutes' "
        "FROM generate_series(1, 11) AS n"
    )
    answer = box.call("GET", "/health")
    assert (answer.status, answer.body["status"]) == (200, "degraded")
    assert box.call("GET", "/readyz").status == 200
    box.sql("DELETE FROM publishing_jobs WHERE id = 's1'")
    assert box.call("GET", "/health").body["status"] == "healthy"


def test_metrics_are_those_of_the_facts(box: Box) -> None:
    text = box.call("GET", "/metrics").text
    shown = set(re.findall(r"(?m)^# TYPE (\w+?)(?:_total)? (?:counter|gauge|histogram)$", text))
    ours = {name for name in shown if not name.startswith("process_")}
    assert ours == set(FACTS["metrics"])
    assert box.metric("api", 'dependency_up{service="postgresql"}') == 1
    assert box.metric("api", 'http_requests_total{method="GET",route="/metrics",status="200"}') > 0


def test_a_request_is_one_line_of_the_log_and_a_probe_none(box: Box) -> None:
    before = len(box.log("api"))
    box.calls(
        Call("GET", "/v1/content/content_5", box.token(VIEWER), headers={"X-Request-ID": "r-1"}),
        Call("GET", "/readyz"),
        Call("GET", "/v1/content", headers={"Authorization": "Bearer geheim"}),
    )
    lines = box.log("api")[before:]
    # A dependency that was late, as on a busy machine, is told as well.
    first, second = (line for line in lines if line["message"] != "dependency away")
    assert {**first, "time": "", "ms": 0} == {
        **{"level": "info", "time": "", "service": "smartbeak-api"},
        **{"message": "request completed", "method": "GET", "path": "/v1/content/content_5"},
        **{"status": 200, "ms": 0, "userId": "user_4", "requestId": "r-1"},
    }
    assert (second["status"], second["userId"]) == (401, "")
    assert "geheim" not in json.dumps(second)


def test_requests_at_the_same_time_are_all_answered(box: Box) -> None:
    ask = (
        "seq 30 | xargs -P 15 -I{} curl -sS -o /dev/null -w '%{http_code} ' "
        f"-H 'Authorization: Bearer {box.token(20)}' http://api:3001/v1/content/content_14"
    )
    assert box.shell("ops", ask).split() == ["200"] * 30
