"""Changes of queues and jobs for which there is no plain command."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from smartbeak_ops import postgres, settings
from smartbeak_ops.api import Api, parsed, said
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.guards import publishing as guards
from smartbeak_ops.looks import publishing_sql as sql
from smartbeak_ops.looks import queues
from smartbeak_ops.refusal import RefusedError, UnknownError

JOB_NAME = "publish-execution"
"""What every job of the publishing queues is called."""

PRIORITY = 25
KEEP_COMPLETED, KEEP_FAILED = 100, 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job.

    Attributes:
        job: Its id.
        line: For a person.
        done: Whether it was done, or would be.
    """

    job: str
    line: str
    done: bool


def retry(
    jobs: Sequence[str], *, dry_run: bool, by_bullmq: bool, wait: Callable[[str], None]
) -> list[Outcome]:
    """Tries failed jobs again, each once; one that is published or on its way is refused.

    Args:
        jobs: Their ids.
        dry_run: Only ask the guard.
        by_bullmq: In the queue itself, where the API's retry only changes the row.
        wait: Told why it waits.
    """
    api = Api(wait)
    outcomes = []
    for job in jobs:
        try:
            guards.retry([job])
        except (RefusedError, UnknownError) as error:
            outcomes.append(Outcome(job, f"{error.reason}", False))
            continue
        if dry_run:
            outcomes.append(Outcome(job, f"{job} would be queued again", True))
        elif by_bullmq:
            outcomes.append(_retry_in_queue(job))
        else:
            reply = api.insist("POST", f"/v1/publishing/jobs/{job}/retry", _org(job))
            body = parsed(reply)
            done = reply.status == 200 and isinstance(body, dict) and bool(body.get("ok"))
            line = f"{job} is queued again" if done else f"{job}: {said(reply)}"
            outcomes.append(Outcome(job, line, done))
    return outcomes


def requeue(*, dry_run: bool, unreadable: bool = False) -> list[Outcome]:
    """Puts the missing jobs back, under the ids and with the options that they had.

    Args:
        dry_run: Only say which.
        unreadable: Those instead that this release cannot read, written as it reads them.

    Raises:
        UnknownError: PostgreSQL or Redis does not answer.
    """
    try:
        lost = _undone_unreadable() if unreadable else queues.missing(settings.read())
    except ServiceError as error:
        raise UnknownError(f"what is missing cannot be told: {error.said}") from error
    if dry_run:
        return [Outcome(str(row["jobId"]), f"{row['jobId']} would be queued", True) for row in lost]
    known = settings.read().values
    options = {
        "priority": PRIORITY,
        "attempts": int(known.get("JOB_MAX_RETRIES", "3")),
        "backoff": {"type": "exponential", "delay": int(known.get("JOB_RETRY_DELAY_MS", "1000"))},
        "removeOnComplete": {"count": KEEP_COMPLETED},
        "removeOnFail": {"count": KEEP_FAILED},
    }

    async def add(queue: Any, row: Mapping[str, Any]) -> None:
        old = await queue.getJob(row["jobId"])
        if old is not None:
            await old.remove()
        await queue.add(JOB_NAME, dict(row), {**options, "jobId": row["jobId"]})

    outcomes = []
    for row in lost:
        _with_queue(settings.queue_of(str(row["region"])), partial(add, row=row))
        outcomes.append(Outcome(str(row["jobId"]), f"{row['jobId']} is queued", True))
    return outcomes


def _undone_unreadable() -> list[dict[str, Any]]:
    """Rows of the jobs that cannot be read; one that is done needs no queue."""
    known = settings.read()
    ids = {each.job for each in queues.unreadable(known) if each.state != "active"}
    with postgres.Server(known.database) as server:
        return [row for row in server.rows(sql.UNDONE, [queues.MOST]) if str(row["jobId"]) in ids]


def remove(queue: str, job: str, *, dry_run: bool) -> str:
    """Takes a job that was begun and left out of its queue; its row stays.

    Raises:
        RefusedError: A worker may have it, or it is no such job.
    """
    guards.remove(queue, job)
    if dry_run:
        return f"{job} would be removed from {queue}"

    async def take(found: Any) -> str:
        waiting = await found.getJob(job)
        if waiting is None:
            raise RefusedError(f"{job} is in no queue")
        await waiting.remove()
        return str(await found.getJobState(job))

    return f"{job} is removed from {queue}: {_with_queue(queue, take)}"


def set_paused(queue: str, paused: bool, *, dry_run: bool) -> str:
    """Pauses or resumes a queue, which also wakes its workers.

    Raises:
        RefusedError: It is so already.
    """
    (guards.pause if paused else guards.resume)(queue)
    if dry_run:
        return f"{queue} would be {'paused' if paused else 'resumed'}"

    async def turn(found: Any) -> bool:
        await (found.pause() if paused else found.resume())
        return bool(await found.isPaused())

    return f"{queue}: {'paused' if _with_queue(queue, turn) else 'runs'}"


def record(job: str, reason: str, *, dry_run: bool, letter: bool = True) -> str:
    """Records a job as failed, as the worker would have done.

    Args:
        job: Its id; it is in no queue any more.
        reason: What the user sees.
        dry_run: Only ask the guard.
        letter: Whether it gets a dead letter.

    Raises:
        RefusedError: It is in a queue, published, failed already, or at its target.
    """
    if not reason.strip():
        raise RefusedError("a reason is what the user sees: say one")
    guards.recordable(job)
    if dry_run:
        return f"{job} would be recorded as failed: {reason}"
    with postgres.Server(settings.read().database, write=True) as server:
        rows = server.rows(sql.RECORD if letter else sql.RECORD_WITHOUT_LETTER, [job, reason])
    if not rows:
        raise RefusedError(f"{job} was recorded or published meanwhile")
    return f"{job} is recorded as failed: {reason}"


def take_back(jobs: Sequence[str], *, dry_run: bool) -> list[Outcome]:
    """Takes back jobs that were ordered twice: those that wait, and whose double is kept."""
    outcomes = []
    for job in jobs:
        try:
            region = guards.doubled(job)
            if not dry_run:
                _with_queue(settings.queue_of(region), _removal(job))
                record(job, "taken back: ordered twice", dry_run=False, letter=False)
        except (RefusedError, UnknownError) as error:
            outcomes.append(Outcome(job, error.reason, False))
        else:
            word = "would be" if dry_run else "is"
            outcomes.append(Outcome(job, f"{job} {word} taken back", True))
    return outcomes


def drop_letters(
    jobs: Sequence[str], *, dry_run: bool, wait: Callable[[str], None]
) -> list[Outcome]:
    """Removes the dead letters of jobs that are published; of others they stay."""
    api = Api(wait)
    outcomes = []
    with postgres.Server(settings.read().database) as server:
        rows = {
            str(row["id"]): row for row in server.rows(sql.LETTERS_OF, [list(dict.fromkeys(jobs))])
        }
    for job in dict.fromkeys(jobs):
        row = rows.get(job)
        if row is None:
            outcomes.append(Outcome(job, f"{job} has no letter", False))
        elif row["status"] != "published":
            outcomes.append(Outcome(job, f"{job} is {row['status']}: its letter stays", False))
        elif dry_run:
            outcomes.append(Outcome(job, f"the letter of {job} would be removed", True))
        else:
            reply = api.insist("DELETE", f"/v1/admin/dlq/{job}", str(row["org_id"]))
            done = 200 <= reply.status < 300
            line = f"the letter of {job} is removed" if done else f"{job}: {said(reply)}"
            outcomes.append(Outcome(job, line, done))
    return outcomes


def _retry_in_queue(job: str) -> Outcome:
    with postgres.Server(settings.read().database) as server:
        region = str(server.value(sql.REGION_OF, [job]))

    async def again(queue: Any) -> int | None:
        found = await queue.getJob(job)
        if found is None:
            return None
        await found.retry("failed", {"resetAttemptsMade": True})
        return 0

    if _with_queue(settings.queue_of(region), again) is None:
        return Outcome(job, f"{job} is in no queue: `sb queue requeue` puts it back", False)
    return Outcome(job, f"{job} is queued again", True)


def _removal(job: str) -> Callable[[Any], Awaitable[None]]:
    async def take(queue: Any) -> None:
        found = await queue.getJob(job)
        if found is not None:
            await found.remove()

    return take


def _with_queue(name: str, work: Callable[[Any], Awaitable[T]]) -> T:
    """Does something with a queue, in BullMQ's own words, within its time."""
    import bullmq
    import redis.asyncio
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    async def run() -> T:
        client = redis.asyncio.Redis.from_url(
            settings.read().redis,
            decode_responses=True,
            socket_connect_timeout=2,
            socket_timeout=5,
            retry=Retry(NoBackoff(), 0),
        )
        queue = bullmq.Queue(guards.named(name), {"connection": client})
        try:
            return await asyncio.wait_for(work(queue), 20)
        finally:
            await client.aclose()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the eviction policy: `sb triage` says it better
        try:
            return asyncio.run(run())
        except RefusedError:
            raise
        except Exception as error:
            raise RefusedError(f"BullMQ: {error}") from error


def _org(job: str) -> str:
    with postgres.Server(settings.read().database) as server:
        rows = server.rows(sql.ORG_OF, [job])
    if not rows:
        raise RefusedError(f"{job} is no job")
    return str(rows[0]["org_id"])


def read_list(text: str) -> list[str]:
    """Ids of jobs of a list: the last column, whether parted by bars, blanks or tabs."""
    found = []
    for line in text.splitlines():
        words = line.replace("|", " ").split()
        if words and not line.startswith("#"):
            found.append(words[-1])
    return list(dict.fromkeys(found))


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as lines of JSON."""
    return "\n".join(json.dumps(row, default=str) for row in rows)
