"""The reference platform's worker: every job that was taken is published once, or given up."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.sandboxes.local import LocalBackend
from tests.stack.box import FACTS, Box, eventually

SERVICE = "/opt/smartbeak/platform/bin/platform-service"
PLUGINS = "/var/lib/target/plugins/after-save.d"

# npm's BullMQ, as an operator has it in the checkout.
_NODE = """
import {{ Queue }} from 'bullmq';
const queue = new Queue('{queue}', {{ connection: {{ host: 'redis-1', port: 6379 }} }});
const said = await (async () => {{ {code} }})();
console.log(JSON.stringify(said ?? null));
await queue.close();
"""


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    services = ["db-1", "redis-1", "api", "worker", "worker-eu", "wordpress", "linkedin"]
    changes = {"ENABLE_RATE_LIMITING": "false", "PUBLISHING_CIRCUIT_RESET_MS": "5000"}
    box = Box(local_backend, services, changes)
    yield box
    box.close()


@pytest.fixture
def plugin(box: Box) -> Iterator[Any]:
    """Installs a program that the target runs when it has saved a post."""

    def install(script: str) -> None:
        box.shell(
            "wordpress",
            f"mkdir -p {PLUGINS} && cat >{PLUGINS}/test && chmod +x {PLUGINS}/test",
            f"#!/bin/bash\n{script}\n",
        )

    yield install
    box.shell("wordpress", f"rm -f {PLUGINS}/test")


def take(box: Box, content: str = "content_10", target: str = "target_1", user: int = 2) -> str:
    """Id of a new publishing job."""
    asked = {"contentId": content, "targetId": target}
    answer = box.call("POST", "/v1/publishing/jobs", box.token(user), asked)
    assert answer.status == 200, answer.text
    return str(answer.body["id"])


def content(box: Box, title: str) -> str:
    """Id of new content of dom_1."""
    said = {"domainId": "dom_1", "title": title, "body": "A body"}
    return str(box.call("POST", "/v1/content", box.token(2), said).body["item"]["id"])


def unreachable(box: Box) -> str:
    """A target of dom_1 where nobody listens."""
    target = f"target-{uuid.uuid4()}"
    box.sql(
        "INSERT INTO publish_targets (id, domain_id, type, config) VALUES "
        f"""('{target}', 'dom_1', 'wordpress', '{{"url": "https://wordpress:1"}}')"""
    )
    return target


def mend(box: Box, target: str) -> None:
    box.sql(
        """UPDATE publish_targets SET config = '{"url": "https://site1.example.com"}' """
        f"WHERE id = '{target}'"
    )


def status(box: Box, job: str) -> str:
    (found,) = box.sql(f"SELECT status FROM publishing_jobs WHERE id = '{job}'")
    return found


def becomes(box: Box, job: str, wanted: str) -> None:
    eventually(lambda: status(box, job), wanted)


def attempts(box: Box, job: str) -> list[str]:
    return box.sql(
        f"SELECT attempt_number, status, error FROM publish_attempts "
        f"WHERE publishing_job_id = '{job}' ORDER BY attempt_number"
    )


def killed(box: Box) -> None:
    """The worker is gone, without a word."""
    pid = box.shell("worker", "cat /run/platform.pid").strip()
    box.signal("worker", "KILL")
    # A process that nobody has reaped yet still has its number.
    eventually(lambda: box.shell("worker", f"kill -0 {pid} 2>&1 | wc -l").strip(), "1")


def node(box: Box, code: str, queue: str = "publishing") -> Any:
    """What a function body says that has npm's `queue` at hand."""
    script = _NODE.format(queue=queue, code=code)
    command = "cd /opt/smartbeak/platform && node --input-type=module"
    return json.loads(box.shell("ops", command, script).splitlines()[-1])


def test_a_job_is_published_once_and_says_so_everywhere(box: Box) -> None:
    job = take(box)
    becomes(box, job, "published")
    assert box.accepted()[job] == 1
    assert attempts(box, job) == ["1|success|"]
    shown = box.call("GET", f"/v1/publishing/jobs/{job}", box.token(2)).body
    assert (shown["attempt_count"], bool(shown["published_at"])) == (1, True)
    (line,) = [line for line in box.said("worker", "published") if line["jobId"] == job]
    assert (line["level"], line["attempt"], line["before"]) == ("info", 1, False)
    assert eventually(lambda: node(box, f"return await queue.getJobState('{job}')"), "completed")
    assert box.metric("worker", 'region_worker_job_completed_total{region="us-east-1"}', 9464) >= 1


def test_a_job_for_linkedin_is_published_once(box: Box) -> None:
    first, second = take(box, target="target_11"), take(box, target="target_11")
    for job in (first, second):
        becomes(box, job, "published")
        assert box.accepted("linkedin")[job] == 1


def test_a_region_has_its_own_queue_and_worker(box: Box) -> None:
    job = take(box, "content_1", "target_12", user=6)
    becomes(box, job, "published")
    ours = [name for name, fact in FACTS["queues"].items() if fact.get("here")]
    assert box.redis(f"EXISTS bull:{ours[1]}:{job} bull:{ours[0]}:{job}") == ["1"]
    assert [line["region"] for line in box.said("worker-eu", "published")] == ["eu-west-1"]
    assert box.accepted()[job] == 1


def test_a_job_is_tried_as_often_as_the_settings_say_and_then_has_one_dead_letter(
    box: Box,
) -> None:
    target = unreachable(box)
    job = take(box, target=target)
    becomes(box, job, "failed")
    error = "wordpress: All connection attempts failed"
    assert attempts(box, job) == [f"{number}|failure|{error}" for number in (1, 2, 3)]
    query = (
        "SELECT region, reason, error_message, error_category, retry_count, org_id, "
        f"job_data->>'contentId' FROM publishing_dlq WHERE publishing_job_id = '{job}'"
    )
    assert box.sql(query) == [f"us-east-1|{error}|{error}|network|3|org_1|content_10"]
    eventually(lambda: box.redis(f"ZSCORE bull:publishing:failed {job}"), lambda said: said != [""])
    found = node(box, f"const job = await queue.getJob('{job}'); return [job.failedReason, "
                      "job.attemptsMade, job.opts.backoff, job.opts.attempts]")  # fmt: skip
    assert found == [error, 3, {"type": "exponential", "delay": 200}, 3]
    waits = [line["time"] for line in box.log("worker") if line.get("jobId") == job]
    assert len(waits) == 3 == len(set(waits))

    mend(box, target)
    answer = box.call("POST", f"/v1/publishing/jobs/{job}/retry", box.token(2))
    assert answer.body == {"ok": True}
    becomes(box, job, "published")
    assert box.accepted()[job] == 1
    assert attempts(box, job)[3:] == ["4|success|"]


# Notes each change of a job's state, whoever makes it.
_MOVES = """
CREATE TABLE moves (job text, old text, new text);
CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO moves VALUES (new.id, old.status, new.status); RETURN NULL; END $$;
CREATE TRIGGER note_move AFTER UPDATE OF status ON publishing_jobs FOR EACH ROW
WHEN (old.status <> new.status) EXECUTE FUNCTION note_move();
"""


def test_a_job_changes_its_state_as_the_facts_say(box: Box) -> None:
    box.sql(_MOVES)
    target = unreachable(box)
    good, bad, stalled = take(box), take(box, target=target), take(box, target=target)
    becomes(box, good, "published")
    for job in (bad, stalled):
        becomes(box, job, "failed")
    ended = f"ZMSCORE bull:publishing:failed {bad} {stalled}"
    eventually(lambda: box.redis(ended), lambda said: all(said))
    mend(box, target)
    assert box.call("POST", f"/v1/publishing/jobs/{bad}/retry", box.token(2)).status == 200
    becomes(box, bad, "published")
    # The queue gives a job again whose row says failed, as after a stall.
    node(box, f"await (await queue.getJob('{stalled}')).retry('failed')")
    becomes(box, stalled, "published")
    box.sql("DROP TRIGGER note_move ON publishing_jobs")
    seen = {
        tuple(line.split("|"))
        for line in box.sql(
            f"SELECT DISTINCT old, new FROM moves WHERE job IN ('{good}', '{bad}', '{stalled}')"
        )
    }
    ways = FACTS["job-states"]["leads-to"]
    assert seen == {(old, new) for old, leads_to in ways.items() for new in leads_to}
    told = {line.split("|")[1] for job in (good, bad) for line in attempts(box, job)}
    assert told == set(FACTS["values"]["publish_attempts.status"]["values"])


def test_a_job_that_fails_again_has_one_dead_letter_still(box: Box) -> None:
    job = take(box, target=unreachable(box))
    for _ in range(2):
        becomes(box, job, "failed")
        eventually(
            lambda: box.redis(f"ZSCORE bull:publishing:failed {job}"), lambda said: said != [""]
        )
        answer = box.call("POST", f"/v1/admin/dlq/{job}/retry", box.token(2))
        assert answer.body["data"] is True
    becomes(box, job, "failed")
    query = f"SELECT count(*) FROM publishing_dlq WHERE publishing_job_id = '{job}'"
    assert box.sql(query) == ["1"]


def test_a_post_that_was_accepted_without_an_answer_is_not_posted_again(
    box: Box, plugin: Any
) -> None:
    plugin("[ -e /tmp/dropped-$POST_KEY ] || { : >/tmp/dropped-$POST_KEY; kill -9 $PPID; }")
    job = take(box)
    becomes(box, job, "published")
    assert box.accepted()[job] == 1
    first, second = attempts(box, job)
    assert first.startswith("1|failure|site1.example.com: ") and second == "2|success|"
    (line,) = [line for line in box.said("worker", "published") if line["jobId"] == job]
    assert (line["attempt"], line["before"]) == (2, True)


def test_a_post_that_was_accepted_and_then_called_an_error_is_not_posted_again(
    box: Box, plugin: Any
) -> None:
    plugin("exit 1")
    job = take(box)
    becomes(box, job, "published")
    assert box.accepted()[job] == 1


def test_a_worker_that_dies_leaves_its_job_to_the_next(box: Box, plugin: Any) -> None:
    # The first answer comes only after the worker's death, whenever that is.
    plugin("until [ -e /tmp/dead ]; do sleep 0.1; done")
    job = take(box)
    eventually(lambda: box.accepted().get(job), 1)
    killed(box)
    assert status(box, job) == "publishing"
    box.shell("wordpress", "touch /tmp/dead")
    box.shell("worker", f"{SERVICE} start")
    becomes(box, job, "published")
    assert box.accepted()[job] == 1
    assert box.metric("worker", 'region_worker_job_stalled_total{region="us-east-1"}', 9464) >= 1


def test_a_worker_that_is_asked_to_end_finishes_its_job(box: Box, plugin: Any) -> None:
    plugin("sleep 2")
    job = take(box)
    eventually(lambda: box.accepted().get(job), 1)
    box.shell("worker", f"{SERVICE} stop")
    assert status(box, job) == "published"
    assert [line["message"] for line in box.log("worker")][-1] == "stopped"
    box.shell("worker", f"{SERVICE} start")


def test_a_job_that_another_worker_has_waits_and_loses_no_attempt(box: Box) -> None:
    box.shell("worker", f"{SERVICE} stop")
    job = take(box)
    box.redis(f"SET lock:publish:{job} somebody")
    box.shell("worker", f"{SERVICE} start")
    (line, *_) = eventually(
        lambda: [line for line in box.said("worker", "job put off") if line["jobId"] == job], bool
    )
    assert line["error"] == "another worker has it"
    box.redis(f"DEL lock:publish:{job}")
    becomes(box, job, "published")
    assert (box.accepted()[job], attempts(box, job)) == (1, ["1|success|"])


def test_a_database_that_is_away_costs_no_attempt(box: Box) -> None:
    box.shell("worker", f"{SERVICE} stop")
    job = take(box)
    box.shell("db-1", "psql -d smartbeak -c 'ALTER ROLE smartbeak CONNECTION LIMIT 0' -d postgres")
    try:
        box.shell("worker", f"{SERVICE} start")
        lines = eventually(
            lambda: [line for line in box.said("worker", "job put off") if line["jobId"] == job],
            bool,
        )
    finally:
        box.shell("db-1", "psql -d postgres -c 'ALTER ROLE smartbeak CONNECTION LIMIT -1'")
    assert "too many connections for role" in lines[0]["error"]
    becomes(box, job, "published")
    assert (box.accepted()[job], attempts(box, job)) == (1, ["1|success|"])


def test_a_target_that_was_disabled_meanwhile_gets_nothing(box: Box) -> None:
    box.shell("worker", f"{SERVICE} stop")
    job = take(box, target="target_1")
    box.sql("UPDATE publish_targets SET enabled = false WHERE id = 'target_1'")
    box.shell("worker", f"{SERVICE} start")
    becomes(box, job, "failed")
    box.sql("UPDATE publish_targets SET enabled = true WHERE id = 'target_1'")
    assert attempts(box, job) == ["1|failure|target is disabled"]
    query = f"SELECT error_category FROM publishing_dlq WHERE publishing_job_id = '{job}'"
    assert box.sql(query) == ["validation"]
    assert job not in box.accepted()


def test_a_job_whose_row_is_gone_is_not_published(box: Box) -> None:
    box.shell("worker", f"{SERVICE} stop")
    job = take(box)
    box.sql(f"DELETE FROM publishing_jobs WHERE id = '{job}'")
    box.shell("worker", f"{SERVICE} start")
    eventually(lambda: box.redis(f"ZSCORE bull:publishing:completed {job}"), lambda s: s != [""])
    assert job not in box.accepted()
    assert [line["jobId"] for line in box.said("worker", "job is gone")] == [job]


def test_a_target_that_fails_and_fails_is_left_alone_for_a_while(box: Box) -> None:
    target = unreachable(box)
    made = [take(box, target=target) for _ in range(6)]
    for job in made:
        becomes(box, job, "failed")
    errors = {attempt.split("|")[2] for job in made for attempt in attempts(box, job)}
    assert any(error.startswith("Circuit breaker") for error in errors), errors
    name = 'circuit_open{adapter="wordpress",target="wordpress"}'
    assert box.metric("worker", name, 9464) == 1
    # Other sites are other targets.
    job = take(box)
    becomes(box, job, "published")
    box.shell("worker", f"{SERVICE} restart")


def test_a_poison_job_keeps_its_worker_busy_until_somebody_mends_it(box: Box) -> None:
    poison = content(box, f"Deal {'-' * 45} today")
    job = take(box, poison)
    becomes(box, job, "publishing")
    probe = "curl -sS -m 1 -o /dev/null http://worker:9464/livez; echo $?"
    eventually(lambda: box.shell("ops", probe).strip(), "28")
    # It does not hear SIGTERM, and loses its lock: the job is anybody's.
    box.signal("worker", "TERM")
    eventually(lambda: box.redis(f"EXISTS bull:publishing:{job}:lock"), ["0"])
    assert box.redis("LRANGE bull:publishing:active 0 -1") == [job]
    assert box.shell("ops", probe).strip() == "28"
    killed(box)
    box.sql(f"UPDATE content_items SET title = 'Deal today' WHERE id = '{poison}'")
    box.shell("worker", f"{SERVICE} start")
    becomes(box, job, "published")
    assert box.accepted()[job] == 1


def test_a_job_that_stalls_too_often_is_given_up(box: Box) -> None:
    box.shell("worker", f"{SERVICE} stop")
    job = take(box)
    most = FACTS["job"]["maxStalledCount"]["value"]
    box.redis(f"HSET bull:publishing:{job} stc {most + 1}")
    box.redis(f"HSET bull:publishing:{job} defa 'job stalled more than allowable limit'")
    box.shell("worker", f"{SERVICE} start")
    becomes(box, job, "failed")
    query = f"SELECT reason, error_category FROM publishing_dlq WHERE publishing_job_id = '{job}'"
    assert box.sql(query) == ["job stalled more than allowable limit|timeout"]
    assert job not in box.accepted()


# npm's BullMQ.


def test_npm_sees_what_the_api_queues_and_can_hold_it(box: Box) -> None:
    node(box, "await queue.pause()")
    job = take(box)
    found = node(
        box,
        f"const job = await queue.getJob('{job}'); return {{ name: job.name, data: job.data, "
        "priority: job.opts.priority, attempts: job.opts.attempts, keep: [job.opts.removeOnFail,"
        "job.opts.removeOnComplete], counts: await queue.getJobCounts('prioritized', 'wait') }",
    )
    facts = {name: fact["value"] for name, fact in FACTS["job"].items()}
    assert found == {
        "name": facts["name"],
        "data": {
            **{"jobId": job, "domainId": "dom_1", "contentId": "content_10"},
            **{"targetId": "target_1", "region": "us-east-1"},
        },
        "priority": facts["priority"],
        "attempts": facts["attempts"],
        "keep": [
            {"count": facts["removeOnFail.count"]},
            {"count": facts["removeOnComplete.count"]},
        ],
        "counts": {"prioritized": 1, "wait": 0},
    }
    assert status(box, job) == "pending"
    assert box.metric("api", 'queue_paused{queue="publishing"}') == 1
    node(box, "await queue.resume()")
    becomes(box, job, "published")


@pytest.fixture(autouse=True)
def resumed(box: Box) -> Iterator[None]:
    """No test leaves the queue paused behind it."""
    yield
    box.redis("HDEL bull:publishing:meta paused")


def test_a_job_that_npm_queues_is_published(box: Box) -> None:
    job = f"job-{uuid.uuid4()}"
    box.sql(
        "INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status) "
        f"VALUES ('{job}', 'dom_1', 'content_10', 'target_1', 'pending')"
    )
    data = {
        **{"jobId": job, "domainId": "dom_1", "contentId": "content_10"},
        **{"targetId": "target_1", "region": "us-east-1"},
    }
    node(box, f"await queue.add('publish-execution', {json.dumps(data)}, {{ jobId: '{job}' }})")
    becomes(box, job, "published")
    assert box.accepted()[job] == 1


def test_a_failed_job_that_npm_retries_is_published_once(box: Box) -> None:
    target = unreachable(box)
    job = take(box, target=target)
    becomes(box, job, "failed")
    mend(box, target)
    eventually(lambda: box.redis(f"ZSCORE bull:publishing:failed {job}"), lambda said: said != [""])
    node(box, f"await (await queue.getJob('{job}')).retry()")
    becomes(box, job, "published")
    assert box.accepted()[job] == 1


def test_a_published_job_that_npm_queues_again_is_not_posted_again(box: Box) -> None:
    job = take(box)
    becomes(box, job, "published")
    eventually(lambda: box.redis(f"ZSCORE bull:publishing:completed {job}"), lambda s: s != [""])
    node(box, f"await (await queue.getJob('{job}')).retry('completed')")
    eventually(
        lambda: [line["jobId"] for line in box.said("worker", "job is published already")],
        lambda said: job in said,
    )
    assert (box.accepted()[job], len(attempts(box, job))) == (1, 1)


def test_a_job_that_says_nothing_of_use_fails_at_once_and_harms_nobody(box: Box) -> None:
    node(
        box, "await queue.add('publish-execution', { hello: 1 }, { jobId: 'no-use', attempts: 5 })"
    )
    found = eventually(
        lambda: node(box, "const job = await queue.getJob('no-use'); "
                          "return [await job.getState(), job.attemptsMade, job.failedReason]"),
        lambda said: said[0] == "failed",
    )  # fmt: skip
    assert found[1] == 1 and found[2].startswith("Validation failed: no jobId")
    job = take(box)
    becomes(box, job, "published")


def test_a_worker_warns_of_a_redis_that_throws_jobs_away(box: Box) -> None:
    assert box.said("worker", "Redis may evict jobs") == []
    box.redis("CONFIG SET maxmemory-policy allkeys-lru")
    box.shell("worker", f"{SERVICE} restart")
    (line,) = eventually(lambda: box.said("worker", "Redis may evict jobs"), bool)
    box.redis("CONFIG SET maxmemory-policy noeviction")
    assert (line["level"], line["policy"]) == ("warn", "allkeys-lru")


def test_a_queue_that_cannot_be_written_is_said_now_and_then(box: Box) -> None:
    box.redis("CONFIG SET min-replicas-to-write 1")
    said = eventually(lambda: box.said("worker", "queue does not work"), bool)
    box.redis("CONFIG SET min-replicas-to-write 0")
    assert "NOREPLICAS" in said[0]["error"] and len(said) < 10
    job = take(box)
    becomes(box, job, "published")


def test_a_worker_ends_in_time_while_redis_is_away(box: Box) -> None:
    box.signal("redis-1", "STOP")
    box.signal("worker", "TERM")
    try:
        gone = "! kill -0 $(cat /run/platform.pid) 2>/dev/null; echo $?"
        eventually(lambda: box.shell("worker", gone).strip(), "0")
    finally:
        box.signal("redis-1", "CONT")
    assert box.log("worker")[-1]["message"] == "stopped"
    box.shell("worker", f"{SERVICE} start")
    job = take(box)
    becomes(box, job, "published")


def test_one_started_by_hand_that_still_answers_is_not_taken_for_the_service(box: Box) -> None:
    by_hand = (
        "/opt/smartbeak/platform/bin/platform-service stop >/dev/null;"
        " set -a; . /etc/smartbeak/platform.env;"
        " WORKER_REGION=us-east-1; WORDPRESS_APP_PASSWORD=none; LINKEDIN_TOKEN=none;"
        " python3 -m smartbeak.worker >/tmp/by-hand.log 2>&1 & echo $!;"
        " until /opt/smartbeak/platform/bin/platform-healthy 2>/dev/null; do sleep 0.1; done"
    )
    pid = box.shell("worker", by_hand).split()[0]
    ended = f"(sleep 0.2; kill {pid}) >/dev/null 2>&1 &"
    said = box.shell("worker", f"{ended} /opt/smartbeak/platform/bin/platform-service start")
    assert said.strip() == "worker: running"
