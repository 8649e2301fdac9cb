"""Looks for keys of Redis that hold another type than the platform keeps under their name.

Whoever uses such a key gets WRONGTYPE, while Redis and all other keys are well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from smartbeak_ops import redisdb, settings
from smartbeak_ops.failures import ServiceError, clean
from smartbeak_ops.looks.seen import Look, Seen

MOST = 2000
"""Keys that are looked at; a queue's own are always among them."""

# Of BullMQ: https://docs.bullmq.io/guide/architecture and its scripts. The first that fits.
_KINDS = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"bull:[^:]+:(?:wait|paused|active)", "list"),
        (r"bull:[^:]+:(?:prioritized|delayed|completed|failed|marker)", "zset"),
        (r"bull:[^:]+:(?:id|pc|limiter|stalled-check)", "string"),
        (r"bull:[^:]+:stalled", "set"),
        (r"bull:[^:]+:events", "stream"),
        (r"bull:[^:]+:meta", "hash"),
        (r"(?:cache:content|jwt:revoked|lock:publish|stripe:processed):.+", "string"),
        (r"webhook:(?:paddle|clerk):.+", "string"),
    )
)
_OWN = (
    *("wait", "paused", "active", "prioritized", "delayed", "completed", "failed", "marker"),
    *("id", "pc", "limiter", "stalled-check", "stalled", "events", "meta"),
)


def look(known: settings.Settings) -> Look:
    """The types of keys, from the operator's machine."""
    return Look("keys", lambda seen: _see(seen, known))


def wanted(key: str) -> str:
    """The type that the platform keeps under a name; empty for a name that is not known."""
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(key)), "")


def wrong(types: Iterable[tuple[str, str]]) -> list[str]:
    """What is said of each key that has another type than its name asks for.

    Args:
        types: Keys, each with the type that Redis says; `none` for one that is not there.
    """
    return [
        f"{key} is a {kind}, not a {wanted(key)}"
        for key, kind in types
        if kind != "none" and wanted(key) not in ("", kind)
    ]


def _see(seen: Seen, known: settings.Settings) -> None:
    store = redisdb.Store.at(known.redis)
    names = [
        f"bull:{settings.queue_of(region)}:{name}" for region in settings.REGIONS for name in _OWN
    ]
    try:
        names += [key for key in store.scan("*", MOST) if wanted(key) and key not in names]
        types = store.together(*(("TYPE", name) for name in names))
    except ServiceError:
        return  # `redis` says it
    found = wrong((key, str(kind)) for key, kind in zip(names, types, strict=True))
    seen.know(redis__mistyped=len(found))
    seen.lines += [f"keys: {clean(each)}" for each in found[:5]]
