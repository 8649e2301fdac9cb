"""Targets and publishing jobs, as far as they need no worker."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stack.box import ADMIN, EDITOR, FACTS, OWNER, Box, Call


def test_targets_are_listed_and_added(box: Box) -> None:
    owner = box.token(OWNER)
    said = {"type": "wordpress", "config": {"url": "https://site6.example.com", "username": "x"}}
    path = "/v1/publishing/targets?domainId=dom_6"
    made, listed = box.calls(Call("POST", path, owner, said), Call("GET", path, owner))
    assert [list(row) for row in listed.body] == [["id", "type", "enabled", "created_at"]] * 2
    assert [row["id"] for row in listed.body] == ["target_6", made.body["id"]]
    query = f"SELECT config FROM publish_targets WHERE id = '{made.body['id']}'"
    assert json.loads(box.sql(query)[0]) == said["config"]


@pytest.mark.parametrize("host", ["127.1", "localhost:8443", "169.254.169.254"])
def test_an_address_inside_a_network_is_no_target(box: Box, host: str) -> None:
    said = {"type": "wordpress", "config": {"url": f"https://{host}"}}
    count = "SELECT count(*) FROM publish_targets"
    before = box.sql(count)
    answer = box.call("POST", "/v1/publishing/targets?domainId=dom_6", box.token(OWNER), said)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert box.sql(count) == before


@pytest.mark.parametrize(
    "said",
    [
        {"type": "wordpress", "config": {}},
        {"type": "wordpress", "config": {"url": "http://site6.example.com"}},
        {"type": "wordpress", "config": {"url": "https://a:b@site6.example.com"}},
        {"type": "webhook", "config": {"url": "https://site6.example.com"}},
        {"type": "wordpress", "config": {"url": "https://site6.example.com"}, "more": 1},
    ],
)
def test_a_target_needs_a_kind_and_an_address_with_https(box: Box, said: dict[str, Any]) -> None:
    answer = box.call("POST", "/v1/publishing/targets?domainId=dom_6", box.token(OWNER), said)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


def test_jobs_and_targets_of_other_organizations_are_not_shown(box: Box) -> None:
    admin = box.token(ADMIN)
    for path in ("targets?domainId=dom_2", "jobs?domainId=dom_2", "jobs?domainId=none"):
        answer = box.call("GET", f"/v1/publishing/{path}", admin)
        assert (answer.status, answer.code) == (403, "DOMAIN_NOT_OWNED")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"contentId": "none", "targetId": "target_1"}, 404, "CONTENT_NOT_FOUND"),
        ({"contentId": "content_1", "targetId": "target_1"}, 403, "DOMAIN_NOT_OWNED"),
        ({"contentId": "content_10", "targetId": "target_6"}, 404, "NOT_FOUND"),
        (
            {"contentId": "content_10", "targetId": "target_1", "domainId": "dom_6"},
            404,
            "CONTENT_NOT_FOUND",
        ),
        ({"contentId": "content_10"}, 400, "VALIDATION_ERROR"),
        ({"contentId": "content_10", "targetId": "target_1", "domainId": None}, 400, None),
    ],
)
def test_a_job_needs_content_and_target_of_one_domain(
    box: Box, asked: dict[str, Any], status: int, code: str | None
) -> None:
    answer = box.call("POST", "/v1/publishing/jobs", box.token(3), asked)
    assert answer.status == status, answer
    assert code in (None, answer.code)


def test_a_job_for_a_disabled_target_is_refused(box: Box) -> None:
    box.sql("UPDATE publish_targets SET enabled = false WHERE id = 'target_5'")
    asked = {"contentId": "content_4", "targetId": "target_5"}
    answer = box.call("POST", "/v1/publishing/jobs", box.token(18), asked)
    assert (answer.status, answer.body["error"]) == (409, "Publish target is disabled")


def test_a_job_that_is_taken_waits_in_database_and_queue(box: Box) -> None:
    asked = {"contentId": "content_10", "targetId": "target_1", "domainId": "dom_1"}
    answer = box.call("POST", "/v1/publishing/jobs", box.token(OWNER), asked)
    assert answer.body == {"id": answer.body["id"], "status": "pending"}
    job_id = answer.body["id"]
    shown = box.call("GET", f"/v1/publishing/jobs/{job_id}", box.token(EDITOR)).body
    assert set(shown) == set(FACTS["shapes"]["job"]["fields"])
    assert (shown["status"], shown["region"]) == ("pending", FACTS["region"]["home"]["value"])
    (said,) = box.redis(f"HGET bull:publishing:{job_id} data")
    assert json.loads(said) == {
        **{"jobId": job_id, "domainId": "dom_1", "contentId": "content_10"},
        **{"targetId": "target_1", "region": "us-east-1"},
    }
    assert box.redis(f"ZSCORE bull:publishing:prioritized {job_id}") != [""]
    assert box.redis("TYPE bull:publishing:prioritized") == [
        FACTS["redis-keys"]["bull:<queue>:prioritized"]["type"]
    ]
    assert box.metric("api", 'queue_jobs{queue="publishing",state="prioritized"}') >= 1


def test_jobs_are_listed_newest_first(box: Box) -> None:
    rows = box.call("GET", "/v1/publishing/jobs?domainId=dom_2", box.token(5)).body
    assert len(rows) == 100
    fields = ["id", "content_id", "target_id", "status", "created_at", "published_at"]
    assert {tuple(row) for row in rows} == {tuple(fields)}
    times = [row["created_at"] for row in rows]
    assert times == sorted(times, reverse=True)


def test_a_job_is_not_queued_again_while_it_is_on_its_way_or_published(box: Box) -> None:
    admin = box.token(10)
    asked = {"contentId": "content_2", "targetId": "target_3"}
    waiting = box.call("POST", "/v1/publishing/jobs", admin, asked).body["id"]
    (published,) = box.sql(
        "SELECT id FROM publishing_jobs WHERE domain_id = 'dom_3' AND status = 'published' LIMIT 1"
    )
    for job_id, error in ((waiting, "Job is pending"), (published, "Job is published")):
        answer = box.call("POST", f"/v1/publishing/jobs/{job_id}/retry", admin)
        assert (answer.status, answer.body["error"]) == (409, error)
    for job_id in ("none", "job_1"):
        answer = box.call("POST", f"/v1/publishing/jobs/{job_id}/retry", box.token(18))
        assert (answer.status, answer.code) == (403, "ACCESS_DENIED")


def test_a_job_that_got_lost_on_its_way_is_queued_again(box: Box) -> None:
    asked = {"contentId": "content_2", "targetId": "target_3"}
    job_id = box.call("POST", "/v1/publishing/jobs", box.token(10), asked).body["id"]
    box.redis(f"ZREM bull:publishing:prioritized {job_id}")
    box.redis(f"DEL bull:publishing:{job_id}")
    answer = box.call("POST", f"/v1/publishing/jobs/{job_id}/retry", box.token(10))
    assert answer.body == {"ok": True}
    assert box.redis(f"ZSCORE bull:publishing:prioritized {job_id}") != [""]


def test_a_queue_that_is_too_long_takes_no_more(box: Box) -> None:
    most = FACTS["job"]["most waiting"]["value"]
    box.sql("UPDATE publish_targets SET region = 'full' WHERE id = 'target_4'")
    asked = {"contentId": "content_3", "targetId": "target_4"}
    box.shell(
        "ops", f"seq {most} | xargs redis-cli -h redis-1 RPUSH bull:publishing-full:wait >/dev/null"
    )
    assert box.call("POST", "/v1/publishing/jobs", box.token(13), asked).status == 200
    before = box.sql("SELECT count(*) FROM publishing_jobs")
    answer = box.call("POST", "/v1/publishing/jobs", box.token(13), asked)
    assert (answer.status, answer.code) == (503, "SERVICE_UNAVAILABLE")
    assert answer.body["error"] == "Queue publishing-full takes no more jobs"
    assert box.sql("SELECT count(*) FROM publishing_jobs") == before
