"""Every fault by its name: what it takes, what it does, and how users notice.

The reference page is made of this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from drillbook.drills.injections import general, platform, postgres, queues, redis, targets
from drillbook.drills.injections.hosts import (
    API,
    APP,
    OPERATOR,
    PRIMARY,
    REPLICA,
    Injection,
)
from drillbook.sandboxes.sandbox import Sandbox

Oracle = Literal[
    "", "writes", "connections", "replica", "rows", "roles",
    "content", "publishing", "redis", "fresh", "restored",
]  # fmt: skip
Changes = Literal["processes", "files", "network", "data", "credentials", "nothing"]


@dataclass(frozen=True, slots=True)
class Step:
    """One named fault with its arguments."""

    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        """The step as a page writes it."""
        return " ".join((self.name, *self.arguments))


@dataclass(frozen=True, slots=True)
class Declaration:
    """One kind of fault."""

    name: str
    arguments: tuple[str, ...]
    """Kinds of its arguments: HOST, LINK, DURATION, FILE, QUEUE, ROLE, COUNT; one in
    brackets may be left out."""

    help: str
    """What really happens, for the reference page."""

    changes: Changes
    oracle: Callable[[Step], Oracle]
    """What decides whether users are served: see `drillbook.drills.oracles`."""

    inject: Injection
    needs: tuple[str, ...] = ()
    """Hosts that it uses beside those it names."""

    counts_from_end: bool = False
    """Whether the outage is measured from when the fault is complete. Else it is
    measured from its begin, so that a recovery never looks shorter than it was."""


def _always(oracle: Oracle) -> Callable[[Step], Oracle]:
    return lambda _: oracle


def _by_host(step: Step) -> Oracle:
    """Users notice a lost host by what it did for them, and some not at all."""
    host = step.arguments[0]
    if host == REPLICA:
        return "replica"
    kinds: Mapping[str, Oracle] = {
        "redis": "redis", "api": "content", "worker": "publishing", "wordpress": "publishing",
        "linkedin": "publishing", "sentinel": "", "web": "", "ops": "", "app": "",
    }  # fmt: skip
    return kinds.get(host.partition("-")[0], "writes")


def _by_link(step: Step) -> Oracle:
    return "publishing" if step.arguments[0].endswith("-wan") else "replica"


def _by_server(step: Step) -> Oracle:
    return "redis" if _is_redis(step.arguments[0]) else "connections"


def _is_redis(host: str) -> bool:
    return host.startswith("redis-")


def _exhaust(sandbox: Sandbox, host: str) -> None:
    (redis.exhaust if _is_redis(host) else postgres.exhaust)(sandbox, host)


_DECLARATIONS = (
    Declaration(
        "kill", ("HOST",),
        "SIGKILL to every process of the host's service.",
        "processes", _by_host, general.send_signal("KILL"),
    ),
    Declaration(
        "stop", ("HOST",),
        "SIGTERM to every process of the host's service: it shuts down in order.",
        "processes", _by_host, general.send_signal("TERM"),
    ),
    Declaration(
        "pause", ("HOST",),
        "SIGSTOP to every process of the host's service: connections stay and nothing answers.",
        "processes", _by_host, general.send_signal("STOP"),
    ),
    Declaration(
        "resume", ("HOST",),
        "SIGCONT to every process of the host's service.",
        "processes", _always(""), general.send_signal("CONT"),
    ),
    Declaration(
        "cut", ("LINK",),
        "Nothing passes the link any more and nothing is closed; db-1-repl carries what db-2 "
        "receives, wordpress-wan what customers' sites receive.",
        "network", _by_link, general.cut,
    ),
    Declaration(
        "delay", ("LINK", "DURATION"),
        "Every byte on the link arrives that much later, both ways.",
        "network", _by_link, general.delay,
    ),
    Declaration(
        "open", ("LINK",),
        "The link passes everything again; what was stalled flows on.",
        "network", _always(""), general.reopen,
    ),
    Declaration(
        "exhaust", ("HOST",),
        "A forgotten worker on app opens idle connections until the database or Redis refuses, "
        "and takes every slot that gets free until its connections are ended.",
        "processes", _by_server, _exhaust, (APP,), counts_from_end=True,
    ),
    Declaration(
        "exhaust-pool", ("COUNT",),
        "A deploy sets DB_POOL_SIZE to the count and restarts the API; under traffic its pool "
        "grows until PostgreSQL has no connection left for anybody else.",
        "files", _always("connections"), postgres.exhaust_by_pool, (PRIMARY, APP, API),
        counts_from_end=True,
    ),
    Declaration(
        "break-replication", ("HOST",),
        "The replica's link is out until the primary has recycled the WAL it needs and a clean-up "
        "has removed it from the archive; then the link is back.",
        "files", _always("replica"), postgres.break_replication, (PRIMARY, REPLICA),
        counts_from_end=True,
    ),
    Declaration(
        "lose-data", ("HOST",),
        "SIGKILL to the service of a database, then everything in its data folder is deleted.",
        "files", _by_host, postgres.lose_data,
    ),
    Declaration(
        "run-sql", ("HOST", "FILE"),
        "Runs a file of examples/faults as smartbeak, as an operator would by mistake.",
        "data", _always("rows"), postgres.run_sql, (OPERATOR,),
    ),
    Declaration(
        "swap-roles", (),
        "What an earlier failover leaves behind, brought about by its commands: db-2 is primary, "
        "db-1 its replica, and the platform's configuration names db-2.",
        "files", _always("roles"), postgres.swap_roles, (PRIMARY, REPLICA, APP),
        counts_from_end=True,
    ),
    Declaration(
        "fail-over-behind", (),
        "The same, but nobody has restarted the platform's processes: they still have the old "
        "address.",
        "files", _always("writes"), postgres.fail_over, (PRIMARY, REPLICA, APP, API),
        counts_from_end=True,
    ),
    Declaration(
        "change-password", ("ROLE",),
        "The role gets another password than the platform's secret says, and its sessions are "
        "ended.",
        "credentials", _always("writes"), postgres.change_password, (PRIMARY,),
    ),
    Declaration(
        "fill-memory", ("HOST",),
        "A report worker on app writes `cache:report:*` without an end until Redis answers OOM, "
        "and fills up whatever gets free until its keys are removed.",
        "data", _always("redis"), redis.fill_memory, (APP,), counts_from_end=True,
    ),
    Declaration(
        "wrong-policy", ("HOST",),
        "maxmemory-policy becomes volatile-lru, the provider's default, and a report worker on app "
        "writes `cache:report:*` with a lifetime: everything else with one is evicted, revoked "
        "tokens and locks among it.",
        "data", _always("restored"), redis.wrong_policy, (OPERATOR, APP), counts_from_end=True,
    ),
    Declaration(
        "corrupt-aof", ("HOST",),
        "SIGKILL to Redis, then garbage at the end of its append-only file: it does not start.",
        "files", _always("redis"), redis.corrupt_aof,
    ),
    Declaration(
        "wipe-redis", (),
        "SIGKILL to every Redis, then all their data is deleted; sentinels keep what they know.",
        "files", _always("restored"), redis.wipe, ("redis-1",),
    ),
    Declaration(
        "flush-redis", ("HOST",),
        "FLUSHALL, as by somebody who takes Redis for a mere cache.",
        "data", _always("restored"), redis.flush, (OPERATOR,),
    ),
    Declaration(
        "stale-cache", (),
        "Rows of content are changed by SQL while `cache:content:*` holds their old text.",
        "data", _always("fresh"), platform.stale_cache, (OPERATOR, APP, API),
        counts_from_end=True,
    ),
    Declaration(
        "pause-queue", ("QUEUE",),
        "The queue is paused by BullMQ's own client, as an operator does it.",
        "data", _always("publishing"), queues.pause, (OPERATOR,),
    ),
    Declaration(
        "backlog", ("COUNT",),
        "A bulk import orders so many publishing jobs at once; each counts as acknowledged. The "
        "worker gets through them, as fast as its targets let it.",
        "data", _always("publishing"), queues.backlog, (OPERATOR, APP, API, "worker"),
        counts_from_end=True,
    ),
    Declaration(
        "kill-midjob", ("HOST",),
        "SIGKILL to the worker while it has a job in hand and its post is under way to a slow "
        "target.",
        "processes", _always("publishing"), queues.kill_midjob, (OPERATOR, queues.WAN),
        counts_from_end=True,
    ),
    Declaration(
        "poison-job", (),
        "A user publishes a piece whose title the worker never gets done with.",
        "data", _always("publishing"), queues.poison, (APP, API, "worker", "wordpress"),
        counts_from_end=True,
    ),
    Declaration(
        "break-target", ("HOST",),
        "The target's store cannot be written: it answers posts with an error, as a WordPress "
        "without its database.",
        "files", _always("publishing"), targets.break_store,
    ),
    Declaration(
        "mend-target", ("HOST",),
        "The store can be written again; nothing else is mended by it.",
        "files", _always(""), targets.mend_store,
    ),
    Declaration(
        "drop-answers", ("HOST", "[COUNT]"),
        "A plugin on the target ends the process of each request after its post is saved: "
        "accepted, and then the connection drops. After COUNT posts it removes itself.",
        "files", _always(""), targets.drop_answers,
    ),
    Declaration(
        "wait", ("DURATION",),
        "Lets time pass between two steps.",
        "nothing", _always(""), general.wait,
    ),
)  # fmt: skip

FAULTS: Mapping[str, Declaration] = {each.name: each for each in _DECLARATIONS}
"""Every fault by its name, in the order of the reference page."""
