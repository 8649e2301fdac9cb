"""Faults of the publishing queues and of those who work on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from drillbook.drills.hosts import InjectionFailed, run, set_link, signal, until
from drillbook.durations import duration
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.agreed import ACKNOWLEDGED, ORDERED_ONCE
from smartbeak_drills.injections import client
from smartbeak_drills.places import APP, CHECKOUT, OPERATOR

WAN = "wordpress-wan"
_SLOW_S = 3.0
_ADDRESS = "redis://redis-1:6379/0"

# As an operator types it; the address is that of the platform's configuration.
_NODE = """
const { Queue } = require('bullmq');
const env = Object.fromEntries(require('fs').readFileSync('/etc/smartbeak/platform.env', 'utf8')
  .split('\\n').filter((line) => /^[A-Z]/.test(line))
  .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
const open = (name) => new Queue(name, { connection: { url: env.REDIS_URL } });
"""
_PAUSE = """
const queue = open(process.argv[1]);
queue.pause().then(() => queue.close());
"""
_ADD = """
const jobs = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const queue = open('publishing');
const delay = Number(process.argv[2] ?? 0);
const timestamp = Date.now() - Number(process.argv[3] ?? 0);
const shaped = (job) => process.argv[1] === 'new' ? { version: 2, locale: 'en', job } : job;
queue.addBulk(jobs.map((data) => ({ name: 'publish-execution', data: shaped(data), opts: {
  jobId: data.jobId, timestamp, delay, priority: 25, attempts: Number(env.JOB_MAX_RETRIES ?? 3),
  backoff: { type: 'exponential', delay: Number(env.JOB_RETRY_DELAY_MS ?? 1000) },
  removeOnComplete: { count: Number(env.JOB_KEEP_COMPLETED ?? 100) },
  removeOnFail: { count: Number(env.JOB_KEEP_FAILED ?? 50) },
} }))).then(() => queue.close());
"""
_MADE = """
SELECT json_agg(json_build_object('jobId', id, 'domainId', domain_id, 'contentId', content_id,
                                  'targetId', target_id, 'region', region)) FROM made
"""
# A piece each, the last ones of every site: an import orders none twice.
_ROWS = (
    """
WITH chosen AS (
  SELECT target.id AS target, target.domain_id AS domain, target.region AS region,
         item.id AS content, row_number() OVER (ORDER BY item.place, target.id) AS number
  FROM publish_targets AS target JOIN (
    SELECT id, domain_id, row_number() OVER (PARTITION BY domain_id ORDER BY id DESC) AS place
    FROM content_items WHERE status = 'published') AS item USING (domain_id)
  WHERE target.enabled AND target.type = 'wordpress' AND target.region = 'us-east-1'
), made AS (
  INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status, region, created_at)
  SELECT gen_random_uuid(), domain, content, target, 'pending', region,
         now() - interval '{age_s} seconds'
  FROM chosen WHERE number <= {count}
  RETURNING *
)"""
    + _MADE
)
_ROWS_AGAIN = (
    """
WITH made AS (
  INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status, region, created_at)
  SELECT gen_random_uuid(), domain_id, content_id, target_id, status, region,
         created_at + interval '1 second'
  FROM publishing_jobs WHERE id = ANY (string_to_array('{ids}', ','))
  RETURNING *
)"""
    + _MADE
)
_LATER_S = 3600
"""When the jobs of a campaign are due: long after whoever takes some back is done, however slow
the machine is."""

_AGO_S, _AFTER_S = 300, 200
"""How long ago jobs were ordered that are overdue now, and for how much later."""

_SHIFTED = """
export PYTHONPATH="/opt/smartbeak/drills/shifted${PYTHONPATH:+:$PYTHONPATH}" SHIFTED_CLOCK_S="$1"
platform-service restart
"""


def pause(sandbox: Sandbox, queue: str) -> None:
    """Pauses a queue, as an operator does."""
    _bullmq(sandbox, _PAUSE, queue)


def backlog(sandbox: Sandbox, count: str) -> None:
    """Has a bulk import order so many jobs at once; they count as acknowledged."""
    _order(sandbox, count, "old")


def new_shape(sandbox: Sandbox, count: str) -> None:
    """Has a release order so many jobs in its own shape; they count as acknowledged."""
    _order(sandbox, count, "new")


def turn_back_clock(sandbox: Sandbox, host: str, time_back: str) -> None:
    """Restarts a worker so that it sees a clock that is behind."""
    run(sandbox, host, "bash", "-euc", _SHIFTED, "bash", str(-duration(time_back)))


def overdue(sandbox: Sandbox, count: str) -> None:
    """Has so many jobs ordered some minutes ago, for a time that has passed meanwhile."""
    jobs = _rows(sandbox, _ROWS.format(count=int(count), age_s=_AGO_S), int(count))
    _add(sandbox, jobs, "old", delay_s=_AFTER_S, age_s=_AGO_S)
    _acknowledge(sandbox, jobs)


def double_orders(sandbox: Sandbox, count: str) -> None:
    """Has a client order so many pieces for later today, and each of them again a second later."""
    first = _rows(sandbox, _ROWS.format(count=int(count), age_s=0), int(count))
    _add(sandbox, first, "old", delay_s=_LATER_S)
    ids = ",".join(job["jobId"] for job in first)
    again = _rows(sandbox, _ROWS_AGAIN.format(ids=ids), int(count))
    _add(sandbox, again, "old", delay_s=_LATER_S)
    pieces = {job["contentId"]: [job["jobId"]] for job in first}
    for job in again:
        pieces[job["contentId"]].append(job["jobId"])
    told = "".join(json.dumps({"jobs": jobs}) + "\n" for jobs in pieces.values())
    run(sandbox, APP, "tee", ORDERED_ONCE, given=told)


def _order(sandbox: Sandbox, count: str, shape: str) -> None:
    jobs = _rows(sandbox, _ROWS.format(count=int(count), age_s=0), int(count))
    _add(sandbox, jobs, shape)
    _acknowledge(sandbox, jobs)


def _acknowledge(sandbox: Sandbox, jobs: Sequence[Mapping[str, str]]) -> None:
    """Has the prober count these jobs as acknowledged."""
    told = "".join(json.dumps({"job": job["jobId"]}) + "\n" for job in jobs)
    run(sandbox, APP, "tee", "--append", ACKNOWLEDGED, given=told)


def _rows(sandbox: Sandbox, statement: str, count: int) -> list[dict[str, str]]:
    """Makes the rows of jobs and returns what their queue is told."""
    said = run(
        sandbox, OPERATOR, "psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only",
        "--host=db-1", "--username=smartbeak", "--dbname=smartbeak", "--set=ON_ERROR_STOP=1",
        f"--command={statement}",
    )  # fmt: skip
    jobs: list[dict[str, str]] = json.loads(said or "[]")
    if len(jobs) != count:
        raise InjectionFailed(f"there are {len(jobs)} pieces for targets in us-east-1, not {count}")
    return jobs


def _add(
    sandbox: Sandbox,
    jobs: Sequence[Mapping[str, str]],
    shape: str,
    *,
    delay_s: int = 0,
    age_s: int = 0,
) -> None:
    """Puts jobs into their queue, as ordered so long ago and due so long after that."""
    times = (str(delay_s * 1000), str(age_s * 1000))
    _bullmq(sandbox, _ADD, shape, *times, given=json.dumps(jobs))


def kill_midjob(sandbox: Sandbox, host: str) -> None:
    """Kills a worker while it has a job in hand, the post to a slow target under way."""
    queue = "publishing-eu-west-1" if host == "worker-eu" else "publishing"
    argv = ("redis-cli", "-u", _ADDRESS, "LLEN", f"bull:{queue}:active")
    set_link(sandbox, WAN, "delay", _SLOW_S)
    try:
        until(lambda: int(run(sandbox, OPERATOR, *argv)) > 0, f"a job of {queue} to be active")
        signal(sandbox, host, "KILL")
    finally:
        set_link(sandbox, WAN, "open")


def poison(sandbox: Sandbox) -> None:
    """Has a user publish a piece with a title that the worker never gets done with."""
    client.start(sandbox, "poison", "errands", "publish", what="the piece was not taken")


def _bullmq(sandbox: Sandbox, script: str, *arguments: str, given: str = "") -> None:
    run(
        sandbox, OPERATOR, "bash", "-euc", f'cd {CHECKOUT} && exec node --eval "$@"', "node",
        _NODE + script, *arguments, given=given,
    )  # fmt: skip
