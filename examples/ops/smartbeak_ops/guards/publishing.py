"""Guards of publishing: its queues, jobs, targets and regions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smartbeak_ops import postgres, posts, redisdb, settings, web
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.looks import publishing_sql as sql
from smartbeak_ops.looks import queues
from smartbeak_ops.refusal import RefusedError, UnknownError

_NAME = re.compile(r"^[A-Za-z0-9_-]+$")


def resume(queue: str) -> None:
    """Lets a queue be resumed: it is paused."""
    if not _asked("HEXISTS", f"bull:{named(queue)}:meta", "paused"):
        raise RefusedError(f"{queue} is not paused")


def pause(queue: str) -> None:
    """Lets a queue be paused: it runs."""
    if _asked("HEXISTS", f"bull:{named(queue)}:meta", "paused"):
        raise RefusedError(f"{queue} is paused already")


def remove(queue: str, job: str) -> None:
    """Lets a job be removed from its queue: no worker can have it, and it was begun and left."""
    clients = str(_asked("CLIENT", "LIST"))
    if queues.connected(clients, named(queue)):
        raise RefusedError("workers are connected, and may have it in hand")
    try:
        found = queues.in_hand(redisdb.Store.at(settings.read().redis), queue, most=1000)
    except ServiceError as error:
        raise UnknownError(f"Redis: {error.said}") from error
    mine = [each for each in found if each["job"] == job]
    if not mine:
        raise RefusedError(f"{job} is no job that was begun and left")
    if mine[0]["locked"]:
        raise RefusedError(f"{job} is locked: a worker has it in hand")


def retry(jobs: Sequence[str]) -> None:
    """Lets jobs be tried again: each has failed, and none is at its target."""
    if not jobs:
        raise RefusedError("no job is named")
    for job in jobs:
        rows = _rows(job)
        status = str(rows[0]["status"]) if rows else "unknown"
        if status != "failed":
            raise RefusedError(f"{job} is {status}, not failed")
        count = posts.count(job, rows[0]["url"])
        if count is None and rows[0]["url"]:
            raise UnknownError(f"{job}: its site does not answer")
        if count:
            raise RefusedError(f"{job} is at its target already")


def recordable(job: str) -> None:
    """Lets a job be recorded as failed: it is in no queue, not done, and not at its target."""
    rows = _rows(job)
    if not rows:
        raise RefusedError(f"{job} is no job")
    if rows[0]["status"] in ("published", "failed"):
        raise RefusedError(f"{job} is {rows[0]['status']} already")
    state = state_of(job, str(rows[0]["region"]))
    if state is not None:
        raise RefusedError(f"{job} is {state} in its queue: take it out first")
    if posts.count(job, rows[0]["url"]):
        raise RefusedError(f"{job} is at its target already")


def doubled(job: str) -> str:
    """Lets a job be taken back that was ordered twice: it waits, and the older one is kept.

    Returns:
        Its region.
    """
    try:
        with postgres.Server(settings.read().database) as server:
            rows = server.rows(sql.OLDER_DOUBLE, [job])
    except ServiceError as error:
        raise UnknownError(f"the database says {error.said}") from error
    if not rows:
        raise RefusedError(f"{job} is no job")
    if rows[0]["status"] != "pending":
        raise RefusedError(f"{job} is {rows[0]['status']}: only what waits is taken back")
    if rows[0]["older"] is None:
        raise RefusedError(f"{job} was ordered once")
    region = str(rows[0]["region"])
    if state_of(job, region) == "active":
        raise RefusedError(f"{job} is in hand: a worker has it")
    return region


def state_of(job: str, region: str) -> str | None:
    """State of an open job in its region's queue; None if it is not there."""
    queue = settings.queue_of(region)
    try:
        store = redisdb.Store.at(settings.read().redis)
        return next(
            (state for state in queues.OPEN if job in queues.ids(store, queue, state)), None
        )
    except ServiceError as error:
        raise UnknownError(f"Redis: {error.said}") from error


def retry_now() -> None:
    """Lets dead letters be retried: no kind of target fails."""
    failing = [row for row in _targets() if fails(row)]
    if failing:
        raise RefusedError(line(failing[0]))


def speed_up(concurrency: int) -> None:
    """Lets the worker do more at once: no attempt failed, and no target limits us."""
    if not 1 <= concurrency <= 20:
        raise RefusedError(f"{concurrency} is not from 1 to 20")
    failed = [row for row in _targets() if row["failed"]]
    if failed:
        raise RefusedError(line(failed[0]))
    with postgres.Server(settings.read().database) as server:
        if any(row["kind"] == "limit" for row in server.rows(sql.REASONS)):
            raise RefusedError("a target answers 429: it limits us")


def disable(kind: str) -> None:
    """Lets a kind of target be disabled: most of its last attempts failed."""
    rows = [row for row in _targets() if row["type"] == kind]
    if not rows:
        raise RefusedError(f"no kind is called {kind}")
    if not fails(rows[0]):
        raise RefusedError(line(rows[0]))


def move(source: str, target: str) -> None:
    """Lets a region's jobs be moved: its worker is dead, the other one's is alive."""
    if source == target:
        raise RefusedError(f"{source} is no other region")
    if (state := alive(source)) != "no answer":
        raise RefusedError(f"in {source} worker {state}")
    if (state := alive(target)) != "alive":
        raise RefusedError(f"in {target} worker {state}")


def alive(region: str) -> str:
    """Whether a region's worker answers."""
    host = settings.worker_of(region)
    return web.probe(f"http://{host}:{settings.WORKER_PORT}/livez", "alive", "stuck")


def fails(row: dict[str, object]) -> bool:
    """Whether most of a kind's last attempts failed."""
    return int(str(row["failed"])) * 2 > int(str(row["tried"]))


def line(row: dict[str, object]) -> str:
    """A kind of target as `sb look` says it."""
    return f"{row['type']}: {row['failed']} of the last {row['tried']} attempts failed"


def named(queue: str) -> str:
    """A queue's name, if it is one."""
    if not _NAME.match(queue):
        raise RefusedError(f"{queue!r} is no name of a queue")
    return queue


def _targets() -> list[dict[str, object]]:
    try:
        with postgres.Server(settings.read().database) as server:
            return server.rows(sql.TARGETS)
    except ServiceError as error:
        raise UnknownError(f"the database says {error.said}") from error


def _rows(job: str) -> list[dict[str, object]]:
    try:
        with postgres.Server(settings.read().database) as server:
            return server.rows(sql.RECORDABLE, [job])
    except ServiceError as error:
        raise UnknownError(f"the database says {error.said}") from error


def _asked(*command: object) -> object:
    try:
        return redisdb.Store.at(settings.read().redis).ask(*command)
    except ServiceError as error:
        raise UnknownError(f"Redis: {error.said}") from error
