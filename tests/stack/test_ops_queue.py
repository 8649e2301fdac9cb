"""`sb queue` against a real Redis: jobs put back, taken back, recorded; and what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drillbook.sandboxes.local import LocalBackend
from smartbeak_ops.looks import publishing_sql
from tests.stack.box import Box

_ORDER = """
INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status, region, created_at)
SELECT new.id, old.domain_id, old.content_id, target.id, 'pending', 'us-east-1',
       now() + number * interval '1 second'
FROM (SELECT * FROM publishing_jobs ORDER BY id LIMIT 1) AS old,
     (SELECT id FROM publish_targets WHERE type = 'linkedin' LIMIT 1) AS target,
     (VALUES ('job-a', 0), ('job-b', 1)) AS new (id, number)
"""
"""LinkedIn: a target that cannot be asked for its posts, so that none has to be there."""

_SAID = {
    "site1.example.com: [Errno 24] Too many open files": "ours",
    "site1.example.com: [Errno 28] No space left on device": "ours",
    "site1.example.com: [Errno -3] Temporary failure in name resolution": "ours",
    "site1.example.com: [SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired": "outage",
    "site1.example.com: [Errno -2] Name or service not known": "outage",
    "site1.example.com answered 401": "credentials",
}
"""What a worker recorded of an attempt, and who is to blame for it."""


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    """The API without any worker: what is queued stays."""
    box = Box(local_backend, ["db-1", "redis-1", "api"])
    yield box
    box.close()


def test_jobs_are_put_back_recorded_and_taken_back(box: Box) -> None:
    box.sql(_ORDER)
    assert box.sb("show missing") == "2 jobs are in no queue\n"
    assert box.sb("queue requeue --dry-run").endswith("2 jobs, 0 refused\n")
    assert box.sb("show missing") == "2 jobs are in no queue\n"
    assert box.sb("queue requeue") == "job-a is queued\njob-b is queued\n2 jobs, 0 refused\n"
    assert box.sb("show missing") == "0 jobs are in no queue\n"
    assert box.sb("queue requeue") == "0 jobs queued again\n"
    assert box.sb("queue retry --from /dev/null") == "0 jobs, 0 refused\n"
    assert box.sb("show jobs") == ("publishing: 2 to do, 0 failed, 0 completed, 2 prioritized\n")
    assert box.sb("queue record job-b gone") == (
        "REFUSED: job-b is prioritized in its queue: take it out first\n"
    )
    assert box.sb("queue remove publishing job-b") == (
        "REFUSED: job-b is no job that was begun and left\n"
    )
    assert box.sb("queue take-back job-a") == (
        "REFUSED: job-a was ordered once\n0 jobs, 1 refused\n"
    )
    assert box.sb("queue take-back job-b") == "job-b is taken back\n1 jobs, 0 refused\n"
    rows = box.sql(
        "SELECT job.id, job.status, attempt.error FROM publishing_jobs AS job "
        "LEFT JOIN publish_attempts AS attempt ON attempt.publishing_job_id = job.id "
        "WHERE job.id IN ('job-a', 'job-b') ORDER BY 1"
    )
    assert rows == ["job-a|pending|", "job-b|failed|taken back: ordered twice"]
    assert box.sql("SELECT count(*) FROM publishing_dlq WHERE publishing_job_id = 'job-b'") == ["0"]
    box.redis("DEL bull:publishing:prioritized")
    assert box.sb("queue record job-a 'taken out: a test'").endswith(
        "job-a is recorded as failed: taken out: a test\n"
    )
    assert box.sql("SELECT reason FROM publishing_dlq WHERE publishing_job_id = 'job-a'") == [
        "taken out: a test"
    ]


def test_an_open_breaker_hides_no_reason(box: Box) -> None:
    box.sql(
        "INSERT INTO publish_attempts (id, publishing_job_id, attempt_number, status, error, "
        "created_at) SELECT gen_random_uuid(), (SELECT id FROM publishing_jobs LIMIT 1), "
        "100 + number, 'failure', CASE WHEN number = 1 THEN 'api.linkedin.com answered 429' "
        "ELSE 'Circuit breaker open for linkedin' END, now() + number * interval '1 ms' "
        "FROM generate_series(1, 4) AS number"
    )
    try:
        assert box.sql(publishing_sql.REASONS)[0].startswith("limit|")
        said = box.sb("look queues")
        assert "failed, api.linkedin.com answered 429" in said
        assert "Circuit breaker" not in said
    finally:
        box.sql("DELETE FROM publish_attempts WHERE attempt_number > 100")


def test_who_is_to_blame_for_an_attempt_is_read_from_what_it_said(box: Box) -> None:
    told: dict[str, str] = {}
    try:
        for said in _SAID:
            box.sql("DELETE FROM publish_attempts WHERE attempt_number > 100")
            box.sql(
                "INSERT INTO publish_attempts (id, publishing_job_id, attempt_number, status, "
                "error) SELECT gen_random_uuid(), (SELECT id FROM publishing_jobs LIMIT 1), 101, "
                f"'failure', '{said}'"
            )
            told[said] = box.sql(publishing_sql.REASONS)[0].partition("|")[0]
    finally:
        box.sql("DELETE FROM publish_attempts WHERE attempt_number > 100")
    assert told == _SAID
