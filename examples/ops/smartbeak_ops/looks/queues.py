"""Looks at publishing: its processes, queues, targets and dead letters."""

from __future__ import annotations

import base64
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from smartbeak_ops import postgres, redisdb, settings, web
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.looks import publishing_sql as sql
from smartbeak_ops.looks import shapes
from smartbeak_ops.looks.seen import Look, Seen, span

STATES = ("wait", "paused", "prioritized", "delayed", "active", "completed", "failed")
"""Keys of a queue that hold jobs, as BullMQ names them."""

_LISTS = ("wait", "paused", "active")

OPEN = STATES[:5]
"""States of jobs that are to be done."""

MOST = 5000
"""Jobs of a state that are compared with PostgreSQL."""

DELAYED_UNIT = 4096
"""BullMQ keeps a delayed job's time as milliseconds times this."""

WRONG_S = 5.0
"""Seconds from which on a worker's clock counts as wrong; it is asked within three."""

LIMITED_S = 120
"""Seconds above which what is left of a limit is none that the platform sets."""

FOREVER = -1
"""What PTTL says of a key without an end."""

LATE_S = 60
"""Seconds after its time from which on a delayed job is overdue."""


def looks(known: settings.Settings) -> list[Look]:
    """Everything about publishing, from the operator's machine."""
    return [
        Look("readyz", _api),
        Look("queues", lambda seen: _queues(seen, known)),
        Look("unreadable", lambda seen: _unreadable(seen, known)),
        Look("missing", lambda seen: _missing(seen, known)),
        Look("targets", lambda seen: _targets(seen, known)),
        Look("cache", lambda seen: _stale(seen, known)),
    ]


def regions(known: settings.Settings) -> list[str]:
    """The regions that have a target or a job that is not done; the usual ones if
    PostgreSQL cannot be asked."""
    try:
        with postgres.Server(known.database) as server:
            return [str(row["region"]) for row in server.rows(sql.KNOWN_REGIONS)]
    except ServiceError:
        return list(settings.REGIONS)


def _api(seen: Seen) -> None:
    if not settings.known("api"):
        seen.know(platform__ready="absent")
        return
    ready = web.probe(f"{settings.API}/readyz", "ready", "not ready")
    seen.say(f"platform: {ready}", platform__ready=ready)


def keys(queue: str, *names: str) -> list[str]:
    """Redis keys of a queue."""
    return [f"bull:{queue}:{name}" for name in names]


def counts(store: redisdb.Store, queue: str) -> dict[str, int]:
    """How many jobs a queue has, by state."""
    commands = [
        ("LLEN" if state in _LISTS else "ZCARD", key)
        for state, key in zip(STATES, keys(queue, *STATES), strict=True)
    ]
    return dict(zip(STATES, (int(each) for each in store.together(*commands)), strict=True))


def ids(store: redisdb.Store, queue: str, state: str) -> set[str]:
    """Ids of a queue's jobs in a state."""
    command = "LRANGE" if state in _LISTS else "ZRANGE"
    return {str(each) for each in store.ask(command, f"bull:{queue}:{state}", 0, -1)}


def in_hand(store: redisdb.Store, queue: str, most: int = 20) -> list[dict[str, Any]]:
    """Each job that a worker has begun: whether it still holds its lock, and how often it
    has stalled."""
    ids = store.ask("LRANGE", f"bull:{queue}:active", 0, most - 1)
    found = []
    for job in ids:
        if str(job).startswith("0:"):
            continue  # BullMQ's marker, no job
        locked, (stalled, begun) = store.together(
            ("EXISTS", f"bull:{queue}:{job}:lock"),
            ("HMGET", f"bull:{queue}:{job}", "stc", "processedOn"),
        )
        age = time.time() - int(begun) / 1000 if begun else 0.0
        found.append(
            {"job": str(job), "locked": bool(locked), "stalled": int(stalled or 0), "age_s": age}
        )
    return found


def connected(clients: str, queue: str) -> bool:
    """Whether a worker of the queue is connected, by the names that BullMQ gives to
    connections: of Node in base64, of Python as it is."""
    names = (queue, base64.b64encode(queue.encode()).decode())
    wanted = "|".join(re.escape(name) for name in names)
    return re.search(rf" name=bull:(?:{wanted})(?::w:| |$)", clients, re.MULTILINE) is not None


def limits(store: redisdb.Store, queue: str) -> str:
    """What keeps the workers of a queue from taking jobs though it is not paused; else empty.

    BullMQ keeps a limit's count under `limiter`, which ends with its span, and what all
    workers together may do in `meta`.
    """
    left_ms, most = store.together(
        ("PTTL", f"bull:{queue}:limiter"), ("HGET", f"bull:{queue}:meta", "concurrency")
    )
    if int(left_ms) == FOREVER:
        return "limited for ever"
    if int(left_ms) > LIMITED_S * 1000:
        return f"limited for {int(left_ms) // 1000} s"
    return "concurrency 0" if most == "0" else ""


def _queues(seen: Seen, known: settings.Settings) -> None:
    store = redisdb.Store.at(known.redis)
    rows: dict[str, Mapping[str, Any]] = {}
    try:
        with postgres.Server(known.database) as server:
            rows = {str(row["region"]): row for row in server.rows(sql.REGIONS)}
    except ServiceError as error:
        seen.blind("regions", f"the database says {error.said}")
    silent = []
    states = {}
    wrong = False
    for region in rows or settings.REGIONS:
        host = settings.worker_of(region)
        if not settings.known(host):
            continue
        reply = web.get(f"http://{host}:{settings.WORKER_PORT}/livez")
        alive = web.said(reply, "alive", "stuck")
        states[region] = alive
        if alive == "no answer":
            silent.append(region)
        seen.lines.append(_region(region, host, alive, rows.get(region)))
        ahead_s = _clock(reply.text) - time.time() if reply.answered else 0.0
        if abs(ahead_s) > WRONG_S:
            wrong = True
            way = "ahead" if ahead_s > 0 else "behind"
            seen.lines.append(f"  its clock is {abs(round(ahead_s))} s {way}")
    seen.know(
        workers__silent=("all" if len(silent) == len(states) else "one") if silent else "none",
        workers__stuck="stuck" in states.values(),
        workers__clock="wrong" if wrong else "right",
    )
    if rows:
        published = sum(int(row["published"]) for row in rows.values())
        waits = max((float(row["oldest_s"] or 0) for row in rows.values()), default=0.0)
        seen.know(
            published__minute=published,
            waiting__oldest_s=waits,
            waiting__jobs=sum(int(row["waiting"]) for row in rows.values()),
        )
    try:
        _each_queue(seen, store, states, rows)
    except ServiceError as error:
        seen.say(f"queues: {error.said}", queues=error.state)


def _clock(said: str) -> float:
    """What time a worker has, as it says it; seconds since 1970."""
    try:
        return datetime.fromisoformat(json.loads(said)["timestamp"]).timestamp()
    except (ValueError, KeyError, TypeError):
        return time.time()  # it says none: nothing is known against it


def _region(region: str, host: str, alive: str, row: Mapping[str, Any] | None) -> str:
    line = f"{host}: {alive}"
    if row is None:
        return line
    waits = "nothing waits"
    if row["waiting"]:
        waits = f"{row['waiting']} wait, oldest {span(float(row['oldest_s']))}"
    done = row["published"] or "none"
    return f"{line} ({region}: {waits}, {done} published in the last minute)"


def _each_queue(
    seen: Seen,
    store: redisdb.Store,
    states: Mapping[str, str],
    rows: Mapping[str, Mapping[str, Any]],
) -> None:
    clients = str(store.ask("CLIENT", "LIST")) if states else ""
    paused, limited, idle, unlocked, poison, overdue, hanging = [], [], [], 0, 0, 0, []
    failed = 0
    for region in states:
        queue = settings.queue_of(region)
        found = counts(store, queue)
        todo = sum(found[state] for state in OPEN)
        failed += found["failed"]
        is_paused = bool(store.ask("HEXISTS", f"bull:{queue}:meta", "paused"))
        limit = limits(store, queue)
        limited += [queue] if limit else []
        is_connected = connected(clients, queue)
        now = int(time.time() * 1000)
        late = int(
            store.ask("ZCOUNT", f"bull:{queue}:delayed", 0, (now - LATE_S * 1000) * DELAYED_UNIT)
        )
        parts = [f"{todo} to do", f"{found['failed']} failed"]
        parts += ["PAUSED"] if is_paused else []
        parts += [limit.upper()] if limit else []
        parts += [f"{found[state]} {state}" for state in OPEN if found[state]]
        parts += [f"{late} overdue"] if late else []
        parts.append("workers are connected" if is_connected else "no worker is connected")
        seen.lines.append(f"{queue}: {', '.join(parts)}")
        for job in in_hand(store, queue):
            lock = "locked" if job["locked"] else "NO LOCK"
            if not job["locked"]:
                unlocked += 1
                poison += job["stalled"] >= 1
            seen.lines.append(
                f"  in hand: {job['job']} {lock}, stalled {job['stalled']} times, "
                f"begun {round(job['age_s'])} s ago"
            )
        paused += [queue] if is_paused else []
        idle += [queue] if not is_connected else []
        overdue += late
        if is_connected and states[region] == "no answer":
            hanging.append(region)
    seen.know(
        queues="ok",
        queue__paused=bool(paused),
        queue__limited=bool(limited),
        workers__connected="none" if len(idle) == len(states) else "some" if idle else "all",
        workers__hanging=bool(hanging),
        jobs__unlocked=unlocked,
        jobs__stalled=poison,
        jobs__overdue=overdue,
        jobs__failed=failed,
    )


def unreadable(known: settings.Settings) -> list[shapes.Unreadable]:
    """Jobs of all regions that the worker of this release cannot read.

    Raises:
        ServiceError: Redis does not answer.
    """
    names = [settings.queue_of(region) for region in regions(known)]
    return shapes.jobs(redisdb.Store.at(known.redis), names)


def _unreadable(seen: Seen, known: settings.Settings) -> None:
    try:
        found = unreadable(known)
    except ServiceError:
        return  # `queues` says it
    seen.know(jobs__unreadable=len(found))
    if found:
        states = Counter(each.state for each in found)
        parts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        seen.lines.append(f"unreadable: {len(found)} jobs of another release: {parts}")


def _missing(seen: Seen, known: settings.Settings) -> None:
    try:
        lost = missing(known)
        store = redisdb.Store.at(known.redis) if lost else None
        names = {settings.queue_of(str(row["region"])) for row in lost}
        failed = set().union(*(ids(store, name, "failed") for name in names)) if store else set()
    except ServiceError as error:
        seen.blind("missing", error.said)
        return
    # One that failed and could not be recorded is not what Redis lost.
    unrecorded = sum(str(row["jobId"]) in failed for row in lost)
    seen.say(f"missing: {len(lost)} jobs are in no queue", jobs__missing=len(lost) - unrecorded)
    if unrecorded:
        seen.lines.append(f"  {unrecorded} of them failed, and that could not be recorded")


def missing(known: settings.Settings) -> list[dict[str, Any]]:
    """Jobs that PostgreSQL has as not done and that are in no queue.

    A job that failed because this release cannot read it is no such job: it is in its queue.

    Raises:
        ServiceError: PostgreSQL or Redis does not answer: then nothing is known, which is
            not the same as none.
    """
    store = redisdb.Store.at(known.redis)
    with postgres.Server(known.database) as server:
        rows = server.rows(sql.UNDONE, [MOST])
        held = set(_held(store, {settings.queue_of(str(row["region"])) for row in rows}))
        lost = [row for row in rows if str(row["jobId"]) not in held]
        if not lost:
            return []
        # Done meanwhile, or just between two states: looked at once more.
        still = server.rows(sql.STILL_UNDONE, [[row["jobId"] for row in lost]])
        named = {settings.queue_of(str(row["region"])) for row in lost}
        held |= set(_held(store, named)) | {each.job for each in shapes.jobs(store, named)}
        ids = {str(row["id"]) for row in still} - held
        return [row for row in lost if str(row["jobId"]) in ids]


def _held(store: redisdb.Store, queues: Iterable[str]) -> Iterable[str]:
    for queue in queues:
        commands = [
            ("LRANGE" if state in _LISTS else "ZRANGE", key, 0, MOST * 4)
            for state, key in zip(OPEN, keys(queue, *OPEN), strict=True)
        ]
        for found in store.together(*commands):
            yield from (str(each) for each in found)


def _targets(seen: Seen, known: settings.Settings) -> None:
    try:
        with postgres.Server(known.database) as server:
            kinds = server.rows(sql.TARGETS)
            sites = server.rows(sql.SITES)
            letters = server.one(sql.LETTERS)
            reasons = server.rows(sql.REASONS)
            disabled = server.rows(sql.DISABLED)
            doubled = server.rows(sql.DOUBLED)
    except ServiceError as error:
        seen.blind("targets", f"the database says {error.said}")
        return
    for row in kinds:
        waits = "nothing waits"
        if row["waiting"]:
            waits = f"{row['waiting']} wait, oldest {span(float(row['oldest_s']))}"
        seen.lines.append(
            f"{row['type']}: {row['failed']} of the last {row['tried']} attempts failed, {waits}"
        )
    failing = [row for row in kinds if row["failed"] * 2 > row["tried"]]
    bad = [row for row in sites if row["failed"] * 2 > row["tried"] and row["failed"] >= 2]
    for row in bad[:5]:
        seen.lines.append(
            f"  {row['site']}: {row['failed']} of {row['tried']} failed, {row['error']}"
        )
    kinds_of = Counter(str(row["kind"]) for row in reasons)
    newest = str(reasons[0]["kind"]) if reasons else "none"
    seen.know(
        targets__failing=len(failing),
        sites__failing=len(bad),
        targets__reason=newest if failing or bad else "none",
        targets__limited=bool(kinds_of.get("limit")),
        targets__disabled=sum(int(row["count"]) for row in disabled),
    )
    for row in disabled:
        seen.lines.append(f"{row['type']}: {row['count']} targets are disabled")
    new = letters["recent"]
    seen.say(
        f"dead letters: {letters['total']}, {new or 'none'} in the last hour"
        + (f", {letters['curable']} of them curable" if new else ""),
        letters__recent=int(new),
        letters__curable=int(letters["curable"]),
    )
    for row in doubled[:5]:
        seen.lines.append(
            f"doubled: {row['jobs']} jobs of {row['content_id']} on {row['target_id']}"
        )
    seen.know(jobs__doubled=sum(int(row["jobs"]) - 1 for row in doubled))


def _stale(seen: Seen, known: settings.Settings) -> None:
    store = redisdb.Store.at(known.redis)
    try:
        found = store.scan("cache:content:*", 1000)
        texts = store.together(*(("GET", key) for key in found)) if found else []
        foreign = sum(isinstance(text, str) and not shapes.is_entry(text) for text in texts)
        seen.know(cache__foreign=foreign)
        if foreign:
            seen.lines.append(f"cache: {foreign} of {len(texts)} pieces are of another release")
        pieces = []
        for text in texts:
            item = (json.loads(text) or {}).get("item") if isinstance(text, str) else None
            if isinstance(item, dict):
                pieces.append({name: item.get(name) for name in ("id", "title", "status")})
        if not pieces:
            seen.know(cache__stale=0)
            return
        with postgres.Server(known.database) as server:
            stale = int(server.value(sql.STALE, [json.dumps(pieces)]))
    except (ServiceError, ValueError):
        return
    seen.know(cache__stale=stale)
    if stale:
        seen.lines.append(f"cache: {stale} of {len(pieces)} cached pieces differ from PostgreSQL")
