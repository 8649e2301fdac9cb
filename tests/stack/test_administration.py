"""Dead letters, queue metrics and switches."""

from __future__ import annotations

from tests.stack.box import ADMIN, FACTS, OWNER, Box, Call


def test_dead_letters_are_listed_by_organization_and_region(box: Box) -> None:
    admin = box.token(ADMIN)
    letters = box.call("GET", "/v1/admin/dlq", admin).body
    assert letters and {tuple(letter) for letter in letters} == {
        tuple(FACTS["shapes"]["dead-letter"]["fields"])
    }
    (count,) = box.sql("SELECT count(*) FROM publishing_dlq WHERE org_id = 'org_1'")
    assert len(letters) == int(count)
    limited = box.call("GET", "/v1/admin/dlq?limit=2&offset=1&region=us-east-1", admin).body
    assert limited == letters[1:3]
    assert box.call("GET", "/v1/admin/dlq?region=eu-west-1", admin).body == []


def test_a_dead_letter_is_removed_and_its_job_stays(box: Box) -> None:
    admin = box.token(ADMIN)
    letter, *_ = box.call("GET", "/v1/admin/dlq?limit=1", admin).body
    path = f"/v1/admin/dlq/{letter['jobId']}"
    other = box.call("DELETE", path, box.token(6))
    assert (other.status, other.text) == (204, "")
    query = f"SELECT count(*) FROM publishing_dlq WHERE publishing_job_id = '{letter['jobId']}'"
    assert box.sql(query) == ["1"]
    assert box.call("DELETE", path, admin).status == 204
    assert box.sql(query) == ["0"]
    assert box.sql(f"SELECT status FROM publishing_jobs WHERE id = '{letter['jobId']}'") == [
        "failed"
    ]


def test_retrying_a_dead_letter_queues_its_job_and_removes_the_letter(box: Box) -> None:
    admin = box.token(ADMIN)
    letter, *_ = box.call("GET", "/v1/admin/dlq?limit=1", admin).body
    job_id = letter["jobId"]
    path = f"/v1/admin/dlq/{job_id}/retry"
    assert box.call("POST", path, box.token(6)).body == {"success": True, "data": False}
    assert box.call("POST", path, admin).body == {"success": True, "data": True}
    assert box.sql(f"SELECT status FROM publishing_jobs WHERE id = '{job_id}'") == ["pending"]
    assert box.redis(f"ZSCORE bull:publishing:prioritized {job_id}") != [""]
    assert box.call("POST", path, admin).body == {"success": True, "data": False}


def test_queue_metrics_count_what_is_written(box: Box) -> None:
    owner = box.token(17)
    box.sql(
        "INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status) "
        "SELECT 'm' || n, 'dom_10', 'c', 't', (ARRAY['pending', 'published', 'failed', "
        "'published', 'published'])[n % 5 + 1] FROM generate_series(0, 9) AS n"
    )
    assert box.call("GET", "/v1/admin/queues/metrics", owner).body == {
        "publishing": {"backlog": 2, "errorRate": 0.25, "concurrency": "adaptive"},
        "search": {"backlog": 0, "errorRate": 0.0, "concurrency": "adaptive"},
    }


def test_a_flag_is_set_by_an_owner_for_one_organization(box: Box) -> None:
    owner, path = box.token(OWNER), "/v1/admin/flags/maintenance_mode"
    assert box.call("GET", path, owner).body == {"key": "maintenance_mode", "value": False}
    assert box.call("POST", path, owner, {"value": True}).body == {
        "ok": True,
        "key": "maintenance_mode",
    }
    mine, other, unset = box.calls(
        Call("GET", path, owner),
        Call("GET", path, box.token(5)),
        Call("GET", "/v1/admin/flags/never_set", owner),
    )
    values = [answer.body["value"] for answer in (mine, other, unset)]
    assert values == [True, False, False]
    for body in ({"value": "true"}, {"value": 1}, {"value": None}, {}):
        answer = box.call("POST", path, owner, body)
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
