"""What another release left in Redis that this one cannot read: jobs, and cached content."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from smartbeak_ops import redisdb

JOB = ("jobId", "domainId", "contentId", "targetId", "region")
"""What a publishing job says of itself, each a text."""

ENTRY = ("orgId", "version", "item")
ITEM = (
    *("id", "domainId", "title", "body", "status", "contentType"),
    *("publishAt", "archivedAt", "createdAt", "updatedAt"),
)
"""What a cached piece says: no field less, no field more."""

_LISTS = ("wait", "paused", "active")
_STATES = (*_LISTS, "prioritized", "delayed", "failed")
_MOST = 5000


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A job that the worker of this release cannot read.

    Attributes:
        queue: Where it is.
        job: Its id.
        state: Of the queue's lists, the one that has it.
        data: What it says, as it stands in Redis.
    """

    queue: str
    job: str
    state: str
    data: str


def jobs(store: redisdb.Store, queues: Iterable[str]) -> list[Unreadable]:
    """Jobs that are to be done or have failed, and that this release cannot read.

    Raises:
        ServiceError: Redis does not answer.
    """
    found = []
    for queue in queues:
        lists = store.together(
            *(
                ("LRANGE" if state in _LISTS else "ZRANGE", f"bull:{queue}:{state}", 0, _MOST)
                for state in _STATES
            )
        )
        named = [
            (str(job), state)
            for state, ids in zip(_STATES, lists, strict=True)
            for job in ids
            if not str(job).startswith("0:")  # BullMQ's marker
        ]
        if not named:
            continue
        texts = store.together(*(("HGET", f"bull:{queue}:{job}", "data") for job, _ in named))
        for (job, state), text in zip(named, texts, strict=True):
            # Without data it ended meanwhile.
            if isinstance(text, str) and not is_job(text):
                found.append(Unreadable(queue, job, state, text))
    return found


def is_job(text: str) -> bool:
    """Whether a job's data are what this release writes and reads."""
    data = _read(text)
    return isinstance(data, dict) and all(isinstance(data.get(name), str) for name in JOB)


def is_entry(text: str) -> bool:
    """Whether a cached piece has this release's fields, and no others."""
    entry = _read(text)
    if not isinstance(entry, dict) or set(entry) != set(ENTRY):
        return False
    return isinstance(entry["item"], dict) and set(entry["item"]) == set(ITEM)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
