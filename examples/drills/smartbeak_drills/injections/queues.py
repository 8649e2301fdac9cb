"""Faults of the publishing queues and of those who work on them."""

from __future__ import annotations

import json

from drillbook.drills.hosts import InjectionFailed, run, set_link, signal, until
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.agreed import ACKNOWLEDGED
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
const shaped = (job) => process.argv[1] === 'new' ? { version: 2, locale: 'en', job } : job;
queue.addBulk(jobs.map((data) => ({ name: 'publish-execution', data: shaped(data), opts: {
  jobId: data.jobId, priority: 25, attempts: Number(env.JOB_MAX_RETRIES ?? 3),
  backoff: { type: 'exponential', delay: Number(env.JOB_RETRY_DELAY_MS ?? 1000) },
  removeOnComplete: { count: Number(env.JOB_KEEP_COMPLETED ?? 100) },
  removeOnFail: { count: Number(env.JOB_KEEP_FAILED ?? 50) },
} }))).then(() => queue.close());
"""
_ROWS = """
WITH chosen AS (
  SELECT target.id AS target, target.domain_id AS domain, target.region AS region,
         (SELECT min(item.id) FROM content_items AS item
          WHERE item.domain_id = target.domain_id AND item.status = 'published') AS content,
         row_number() OVER (ORDER BY target.id) AS turn, count(*) OVER () AS turns
  FROM publish_targets AS target
  WHERE target.enabled AND target.type = 'wordpress' AND target.region = 'us-east-1'
), made AS (
  INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status, region)
  SELECT gen_random_uuid(), domain, content, target, 'pending', region
  FROM generate_series(1, {count}) AS number JOIN chosen ON number % turns = turn - 1
  RETURNING *
)
SELECT json_agg(json_build_object('jobId', id, 'domainId', domain_id, 'contentId', content_id,
                                  'targetId', target_id, 'region', region)) FROM made
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


def _order(sandbox: Sandbox, count: str, shape: str) -> None:
    rows = run(
        sandbox, OPERATOR, "psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only",
        "--host=db-1", "--username=smartbeak", "--dbname=smartbeak", "--set=ON_ERROR_STOP=1",
        f"--command={_ROWS.format(count=int(count))}",
    )  # fmt: skip
    if not rows:
        raise InjectionFailed("there is no target in us-east-1 to publish to")
    _bullmq(sandbox, _ADD, shape, given=rows)
    told = "".join(json.dumps({"job": job["jobId"]}) + "\n" for job in json.loads(rows))
    run(sandbox, APP, "tee", "--append", ACKNOWLEDGED, given=told)


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
