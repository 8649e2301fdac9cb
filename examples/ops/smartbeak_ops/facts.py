"""Every fact that a tree may ask for, with the values that it can have.

A tree that asks for another one is refused when it is read: a misspelled fact would
never be true, and its branch never found.
"""

from __future__ import annotations

from smartbeak_ops.failures import STATES

NUMBER = "number"
FLAG = "flag"

Kind = str | tuple[str, ...]

_SERVICE = STATES
_SERVER = ("primary", "replica", "absent", *_SERVICE)

FACTS: dict[str, Kind] = {
    # The platform's way into its database, and both servers by their part in the pair.
    "platform": ("writable", "read-only", "set to read-only", *_SERVICE),
    "platform.address": ("known", "managed", "foreign"),
    "primary": _SERVER,
    "primary.host": ("db-1", "db-2"),
    "primary.streaming": NUMBER,
    "primary.lag_mb": NUMBER,
    "replica": _SERVER,
    "replica.streaming": FLAG,
    "replica.reason": (
        *("WAL removed", "settings smaller", "wrong password", "diverged", "disk full"),
        *("link dead", "unknown"),
    ),
    "replica.replay": ("running", "paused", "settings smaller"),
    "replica.unreplayed": NUMBER,
    "primary.reason": ("WAL removed", "settings smaller", "diverged", "link dead", "unknown"),
    "primary.replay": ("running", "paused", "settings smaller"),
    "replica.lag_mb": NUMBER,
    "link": ("open", *_SERVICE),
    "connections.percent": NUMBER,
    "connections.full": FLAG,
    "connections.holder": ("platform", "another"),
    "locks.waiting": NUMBER,
    "locks.seconds": NUMBER,
    "locks.holder": ("platform", "ordinary", "superuser", "prepared", "server", "unknown"),
    "slots.idle": NUMBER,
    "slots.held_mb": NUMBER,
    "xid.percent": NUMBER,
    "sessions.oldest_s": NUMBER,
    "archive": ("ok", "fails"),
    "rows": ("ok", "changed at once"),
    # The platform's processes.
    "api": ("ready", "not ready", "no answer", "absent"),
    "api.connected": ("primary", "replica", "primary and replica", "none"),
    "api.tokens": ("taken", "refused"),
    "api.slow": ("no", "pool", "redis", "postgresql", "itself"),
    "platform.ready": ("ready", "not ready", "no answer", "absent"),
    "web": ("ready", "not ready", "no answer", "absent"),
    # What is deployed.
    "cluster": ("ok", "no answer", "absent"),
    "rollout": ("done", "under way", "stuck", "paused"),
    "rollout.reason": ("image", "probe", "crash", "config"),
    "release.errors": NUMBER,
    "release.ms": NUMBER,
    "worker.crashing": FLAG,
    # The host on which sb is typed.
    "server": ("runs", "dead"),
    "folder": ("there", "gone"),
    "file": ("there", "gone", "damaged"),
    "fenced": FLAG,
    "disk": ("ok", "full"),
    "own": _SERVER,
    "own.streaming": NUMBER,
    "own.lag_mb": NUMBER,
    "own.reason": ("WAL removed", "settings smaller", "diverged", "link dead", "unknown"),
    "own.replay": ("running", "paused", "settings smaller"),
    "own.unreplayed": NUMBER,
    "other": (*_SERVER, "master"),
    "other.lacks_mb": NUMBER,
    "process": ("dead", "serves", "held", "busy", "hangs"),
    "process.address": ("old",),
    "process.reason": ("settings",),
    # Redis.
    "redis": ("master", "replica", *_SERVICE),
    "redis.address": ("known", "foreign"),
    "redis.replicas": NUMBER,
    "redis.link": ("up", "down"),
    "redis.disk": ("ok", "full"),
    "redis.file": ("ok", "err", "off"),
    "redis.snapshot": ("ok", "err"),
    "redis.writes": ("ok", *_SERVICE),
    "redis.full": FLAG,
    "redis.policy": (
        *("noeviction", "volatile-lru", "allkeys-lru", "volatile-lfu", "allkeys-lfu"),
        *("volatile-random", "allkeys-random", "volatile-ttl"),
    ),
    "redis.evicted": NUMBER,
    "redis.flushed": NUMBER,
    "redis.blocked": NUMBER,
    "redis.clients_percent": NUMBER,
    "peer": ("master", "replica", "absent", *_SERVICE),
    "peer.link": ("up", "down"),
    "sentinels": ("this", "another", "disagree", "no majority", "absent"),
    # Publishing.
    "queues": ("ok", *_SERVICE),
    "queue.paused": FLAG,
    "workers.silent": ("none", "one", "all"),
    "workers.stuck": FLAG,
    "workers.connected": ("none", "some", "all"),
    "workers.hanging": FLAG,
    "jobs.unlocked": NUMBER,
    "jobs.stalled": NUMBER,
    "jobs.overdue": NUMBER,
    "jobs.failed": NUMBER,
    "jobs.missing": NUMBER,
    "jobs.doubled": NUMBER,
    "jobs.unreadable": NUMBER,
    "waiting.jobs": NUMBER,
    "waiting.oldest_s": NUMBER,
    "published.minute": NUMBER,
    "targets.failing": NUMBER,
    "targets.limited": FLAG,
    "targets.disabled": NUMBER,
    "targets.reason": (
        *("none", "credentials", "limit", "content", "disabled", "poison", "outage"),
    ),
    "sites.failing": NUMBER,
    "letters.recent": NUMBER,
    "letters.curable": NUMBER,
    "cache.stale": NUMBER,
    "cache.foreign": NUMBER,
    # Payments and releases.
    "webhooks.silent_s": NUMBER,
    "webhooks.refused": NUMBER,
    "webhooks.paddle": NUMBER,
    "subscriptions.percent": NUMBER,
    "stripe": ("answers", "slow", "busy", "refuses the key", "fails", "no answer", "absent"),
    "charges.doubled": NUMBER,
    "prices.missing": NUMBER,
    "charges.failed_percent": NUMBER,
    "compared.differ": NUMBER,
    "compared.overdue": NUMBER,
    "compared.oldest_s": NUMBER,
    "compared.marked": NUMBER,
    "compared.overtaken": NUMBER,
    "migrations.pending": NUMBER,
    "migrations.ahead": NUMBER,
    "migrations.lock": ("free", "held", "left"),
    "migrations.rows": ("kept", "dropped", "unknown"),
    # Who is in, and what only somebody changes who should not be.
    "strangers.users": NUMBER,
    "targets.elsewhere": NUMBER,
    "roles.raised": NUMBER,
    "members.entered": NUMBER,
    "packages.changed": NUMBER,
    "tables.unknown": NUMBER,
    "tables.missing": NUMBER,
    "logins.unknown": NUMBER,
    "processes.old_address": NUMBER,
}
