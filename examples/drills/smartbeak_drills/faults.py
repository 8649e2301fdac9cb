"""The faults of this stack, beside those of any host or link.

The reference page is made of this table.
"""

from __future__ import annotations

import re

from drillbook.drills.declarations import (
    Declaration,
    Kind,
    Services,
    Step,
    always,
    said_by_service,
)
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.injections import (
    disks,
    evidence,
    hosting,
    intruder,
    migrations,
    packages,
    payments,
    platform,
    postgres,
    power,
    queues,
    redis,
    releases,
    states,
    targets,
    upkeep,
)
from smartbeak_drills.places import (
    ABROAD,
    API,
    APP,
    AWS,
    KUBERNETES,
    OPERATOR,
    PADDLE,
    PRIMARY,
    REPLICA,
    STRIPE,
    STRIPE_WAN,
    VERCEL,
    WEB,
)

_FILE = re.compile(r"[a-z0-9][a-z0-9-]*\.sql")
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*=[A-Za-z0-9_.:@-]*")
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_SITE = re.compile(r"site\d+\.example\.com")
_SPAN = re.compile(r"[1-9][0-9]{0,3}[mhd]")
_REDIS = "redis"
_RELEASES = ("content-locale", "content-locale-index", "content-type-dropped")
_TAG = re.compile(r"[0-9a-f]{7}")
_SERVING = ("c82d915", "e5b017f", "9d46c3e")
"""Releases with a defect whose pods are ready all the same."""


def _file(text: str) -> str:
    said = "it is the name of a file under examples/faults that ends in .sql"
    return "" if _FILE.fullmatch(text) else said


def _name(text: str) -> str:
    return "" if _NAME.fullmatch(text) else "it is a name in small letters"


def _setting(text: str) -> str:
    return "" if _SETTING.fullmatch(text) else "it is NAME=VALUE, without blanks and slashes"


def _site(text: str) -> str:
    return "" if _SITE.fullmatch(text) else "it is a site as in site1.example.com"


def _card(text: str) -> str:
    said = "it is what stands behind pm_card_, of Stripe's test cards"
    return "" if re.fullmatch(r"[A-Za-z_]+", text) else said


def _code(text: str) -> str:
    return "" if _NAME.fullmatch(text) else "it is one of Paddle's error codes, in small letters"


def _country(text: str) -> str:
    return "" if re.fullmatch(r"[A-Z]{2}", text) else "it is a country in two capital letters"


def _provider(text: str) -> str:
    return "" if text in ("stripe", "paddle", "clerk") else "it is stripe, paddle or clerk"


def _by_provider(step: Step, services: Services) -> str:
    """Where Paddle is in the stack, customers buy through it."""
    bought = step.arguments[0] == PADDLE and PADDLE in services
    return "settled-at-paddle" if bought else "webhooks"


def _loot(text: str) -> str:
    known = ("key", "session", "member", "webhook", "login")
    return "" if text in known else "it is key, session, member, webhook or login"


def _release(text: str) -> str:
    return "" if text in _RELEASES else f"it is one of {', '.join(_RELEASES)}"


def _role(text: str) -> str:
    return "" if text in ("api", "web", "worker") else "it is api, web or worker"


def _state(text: str) -> str:
    return "" if text in states.STATES else f"it is one of {', '.join(states.STATES)}"


def _tag(text: str) -> str:
    return "" if _TAG.fullmatch(text) else "it is a tag of seven hexadecimal digits"


def _span(text: str) -> str:
    return "" if _SPAN.fullmatch(text) else "it is a number with m, h or d"


KINDS = (
    Kind("PART", _role),
    Kind("TAG", _tag),
    Kind("ADDRESS", _name),
    Kind("FILE", _file),
    Kind("LOOT", _loot),
    Kind("RELEASE", _release),
    Kind("CARD", _card),
    Kind("CODE", _code),
    Kind("COUNTRY", _country),
    Kind("PLAN", _name),
    Kind("PROVIDER", _provider),
    Kind("QUEUE", _name),
    Kind("ROLE", _name),
    Kind("STANDBY", _name),
    Kind("SETTING", _setting),
    Kind("SITE", _site),
    Kind("SPAN", _span),
    Kind("STATE", _state),
    Kind("TABLE", _name),
)


def _by_server(step: Step, services: Services) -> str:
    service = services.get(step.arguments[0])
    return "redis" if service and _REDIS in service.versions else "connections"


def _by_loot(step: Step, services: Services) -> str:
    return {"webhook": "unforged", "login": "logged-out"}.get(step.arguments[0], "shut-out")


def _exhaust(sandbox: Sandbox, host: str) -> None:
    is_redis = _REDIS in sandbox.services[host].versions
    (redis.exhaust if is_redis else postgres.exhaust)(sandbox, host)


def _by_lost(step: Step, services: Services) -> str:
    service = services.get(step.arguments[0])
    is_redis = service and _REDIS in service.versions
    return "restored" if is_redis else said_by_service(step, services)


def _lose_data(sandbox: Sandbox, host: str) -> None:
    is_redis = _REDIS in sandbox.services[host].versions
    (redis.lose_data if is_redis else postgres.lose_data)(sandbox, host)


def _by_release(step: Step, _services: Services) -> str:
    """What notices a release: what its processes do, or that they never serve."""
    role, tag = step.arguments
    if role == "worker":
        return "worked"
    return "released" if tag in _SERVING else "rolled"


FAULTS = (
    Declaration(
        "roll-out", ("PART", "TAG"),
        "The release of that tag is rolled out to prod-api, prod-web or prod-worker by kubectl, as "
        "the release job does: its processes run, and do what is wrong with it.",
        "processes", _by_release, releases.roll_out, (OPERATOR, KUBERNETES), counts_from_end=True,
    ),
    Declaration(
        "exceed-quota", ("PART", "TAG"),
        "Somebody limits the namespace to as many pods as run, and a release is rolled out: no pod "
        "of it may be made beside the old ones.",
        "data", always("rolled"), releases.exceed_quota, (OPERATOR, KUBERNETES),
        counts_from_end=True,
    ),
    Declaration(
        "pause-rollout", ("PART", "TAG"),
        "A release is rolled out, and somebody pauses the rollout on its way and forgets it.",
        "processes", always("rolled"), releases.pause, (OPERATOR, KUBERNETES),
        counts_from_end=True,
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
        "files", always("connections"), postgres.exhaust_by_pool, (PRIMARY, APP, API),
        counts_from_end=True,
    ),
    Declaration(
        "break-replication", ("HOST",),
        "The replica's link is out until the primary has recycled the WAL it needs and a clean-up "
        "has removed it from the archive; then the link is back.",
        "files", always("replica"), postgres.break_replication, (PRIMARY, REPLICA),
        counts_from_end=True,
    ),
    Declaration(
        "lose-data", ("HOST",),
        "SIGKILL to the server of a database or to Redis, then everything in its data folder is "
        "deleted.",
        "files", _by_lost, _lose_data,
    ),
    Declaration(
        "run-sql", ("HOST", "FILE"),
        "Runs a file of examples/faults as smartbeak, as an operator would by mistake.",
        "data", always("rows"), postgres.run_sql, (OPERATOR,),
    ),
    Declaration(
        "migrate", ("RELEASE",),
        "The migrations of a release that the platform does not run any more, from its checkout on "
        "ops: examples/faults/migrations, with what users wrote then.",
        "data", always("content"), migrations.migrate, (OPERATOR, PRIMARY, API),
    ),
    Declaration(
        "break-off-migration", ("RELEASE",),
        "The same, and SIGKILL to the run while the last of them builds an index: one migration is "
        "in, one is half made, the lock is held by nobody.",
        "data", always("content"), migrations.break_off, (OPERATOR, PRIMARY, API),
        counts_from_end=True,
    ),
    Declaration(
        "swap-roles", (),
        "What an earlier failover leaves behind, brought about by its commands: db-2 is primary, "
        "db-1 its replica, and the platform's configuration names db-2.",
        "files", always("roles"), postgres.swap_roles, (PRIMARY, REPLICA, APP),
        counts_from_end=True,
    ),
    Declaration(
        "fail-over-behind", (),
        "The same, but nobody has restarted the platform's processes: they still have the old "
        "address.",
        "files", always("writes"), postgres.fail_over, (PRIMARY, REPLICA, APP, API),
        counts_from_end=True,
    ),
    Declaration(
        "leave-primary", (),
        "What a failover in haste leaves behind: db-1 was killed and lies as it died, db-2 is "
        "primary and has all that was confirmed, and the platform uses it.",
        "files", always("replica"), postgres.leave_primary, (PRIMARY, REPLICA, APP),
    ),
    Declaration(
        "split-primaries", (),
        "A failover without fencing: db-2 is promoted and the platform's address names it, db-1 "
        "goes on, and whoever has a session there writes to it. One piece of content is changed "
        "on both sides, two are written on db-1 alone.",
        "data", always("one-primary"), postgres.split, (PRIMARY, REPLICA, APP),
    ),
    Declaration(
        "lose-power", (),
        "The machine of db-1, redis-1 and the worker loses its power. Simulated: SIGKILL; every "
        "file of db-1 but its log goes back to the last checkpoint, and so does its log where the "
        "server counts no fsync of it; the append-only file of Redis loses its last second, in "
        "which users ordered jobs. No page is torn, and no disk says that it has what it has not.",
        "files", always("redis"), power.cut, (PRIMARY, APP, API, "redis-1", "worker"),
        counts_from_end=True,
    ),
    Declaration(
        "stop-smartly", (),
        "Somebody stops the primary in order: it takes no new sessions, and waits for the "
        "platform's, which do not end.",
        "processes", always("connections"), postgres.stop_smartly, (PRIMARY,),
    ),
    Declaration(
        "strand-worker", ("HOST",),
        "db-2 has become primary and everybody was restarted but that worker: it has the address "
        "of db-1, which is a replica now.",
        "files", always("publishing"), postgres.strand_worker, (PRIMARY, REPLICA, APP, API),
    ),
    Declaration(
        "change-password", ("ROLE",),
        "The role gets another password than the platform's secret says, and its sessions are "
        "ended.",
        "credentials", always("writes"), postgres.change_password, (PRIMARY,),
    ),
    Declaration(
        "fall-behind", (),
        "The link to the replica and the way into the archive are out until the primary has "
        "written 8 MB of log and 100 more transactions; then the archive can be reached again.",
        "network", always("replica"), postgres.fall_behind, (PRIMARY, REPLICA, f"{PRIMARY}-repl"),
        counts_from_end=True,
    ),
    Declaration(
        "expire-certificate", (),
        "The last day of the primary's certificate is over: the server has one of its authority "
        "that ended a day ago, and every session of before is ended.",
        "files", always("connections"), postgres.expire_certificate, (PRIMARY,),
    ),
    Declaration(
        "fill-disk", ("HOST",),
        "A report is written on the disk of a database or of Redis until it is full, and users go "
        "on writing: PostgreSQL finds no room for WAL, nor does its recovery, and it ends; Redis "
        "cannot append to its file and refuses writes.",
        "files", said_by_service, disks.fill, (OPERATOR,), counts_from_end=True,
    ),
    Declaration(
        "pile-up-wal", (),
        "A clean-up removes the folder of the WAL archive, and the primary keeps all its WAL: it "
        "fills the disk up to the last megabytes. Then SIGKILL to the server; the replica has "
        "room.",
        "files", always("writes"), disks.pile_up_wal, (PRIMARY, REPLICA), counts_from_end=True,
    ),
    Declaration(
        "lose-password-file", (),
        "A clean-up empties the file with the database's password on the API's host, and the "
        "API's sessions end: it gets none any more. Everybody else does.",
        "credentials", always("content"), postgres.lose_password_file, (PRIMARY, API),
    ),
    Declaration(
        "hold-lock", ("TABLE",),
        "A report worker on app locks the table and is left open, idle in its transaction.",
        "processes", always("writes"), postgres.hold_lock, (PRIMARY, APP), counts_from_end=True,
    ),
    Declaration(
        "leave-slot", (),
        "A replication slot was made for a reader that never comes, and 70 MB of WAL are written.",
        "files", always("kept-up"), upkeep.leave_slot, (PRIMARY,), counts_from_end=True,
    ),
    Declaration(
        "lose-archive", (),
        "A clean-up removes the folder of the WAL archive with all that is in it; WAL is written.",
        "files", always("kept-up"), upkeep.lose_archive, (PRIMARY,), counts_from_end=True,
    ),
    Declaration(
        "leave-session", ("TABLE",),
        "A report worker on app reads the table and is left open in its transaction, while 120,000 "
        "others pass and every row of the table is changed.",
        "processes", always("kept-up"), upkeep.leave_session, (PRIMARY, APP),
        counts_from_end=True,
    ),
    Declaration(
        "use-up-ids", (),
        "Somebody lets autovacuum wait for an age of 2 billion, and the counter of transaction ids "
        "is set to 42 % by pg_resetwal, as so many transactions cannot be made in a drill; the "
        "replica is copied anew.",
        "files", always("kept-up"), upkeep.use_up_ids, (PRIMARY, REPLICA), counts_from_end=True,
    ),
    Declaration(
        "misname", ("[ADDRESS]",),
        "Somebody puts the replica's name, or another that is no host, into the platform's "
        "address and restarts its processes.",
        "files", always("writes"), postgres.misname, (PRIMARY, REPLICA, APP),
        counts_from_end=True,
    ),
    Declaration(
        "make-read-only", (),
        "Somebody sets default_transaction_read_only for the platform's database and ends its "
        "sessions.",
        "data", always("writes"), postgres.make_read_only, (PRIMARY,),
    ),
    Declaration(
        "refuse-login", (),
        "Somebody takes the platform's role its right to log in, and ends its sessions.",
        "data", always("writes"), postgres.refuse_login, (PRIMARY,),
    ),
    Declaration(
        "ask-for-standby", ("STANDBY",),
        "synchronous_standby_names becomes a name under which no standby is connected: from then "
        "on every commit waits for it.",
        "data", always("writes"), postgres.ask_for_standby, (PRIMARY,),
    ),
    Declaration(
        "recover-slowly", (),
        "SIGKILL to the primary's server after 40 MB of log without a checkpoint, and its "
        "supervisor starts it at once: it replays. A limiter that a backup left behind stops that "
        "process 99.7 % of the time.",
        "processes", always("writes"), postgres.recover_slowly, (PRIMARY,),
    ),
    Declaration(
        "sever-replica", (),
        "Nothing passes the link from the primary to the replica any more; their session ends.",
        "network", always("replica"), postgres.sever_replica, (PRIMARY, REPLICA, f"{PRIMARY}-repl"),
    ),
    Declaration(
        "outgrow-replica", (),
        "The primary gets max_connections above the replica's and is restarted: the replica pauses "
        "replay.",
        "files", always(""), postgres.outgrow_replica, (PRIMARY, REPLICA),
    ),
    Declaration(
        "fill-memory", ("HOST",),
        "A report worker on app writes `cache:report:*` without an end until Redis answers OOM, "
        "and fills up whatever gets free until its keys are removed.",
        "data", always("redis"), redis.fill_memory, (APP,), counts_from_end=True,
    ),
    Declaration(
        "wrong-policy", ("HOST",),
        "maxmemory-policy becomes volatile-lru, the provider's default, and a report worker on app "
        "writes `cache:report:*` with a lifetime: everything else with one is evicted, revoked "
        "tokens and locks among it.",
        "data", always("restored"), redis.wrong_policy, (OPERATOR, APP), counts_from_end=True,
    ),
    Declaration(
        "ask-for-replicas", ("HOST", "COUNT"),
        "min-replicas-to-write becomes more than there are replicas: the master answers and "
        "takes no writes.",
        "data", always("redis"), redis.ask_for_replicas, (OPERATOR,),
    ),
    Declaration(
        "corrupt-aof", ("HOST",),
        "SIGKILL to Redis, then garbage at the end of its append-only file: it does not start.",
        "files", always("redis"), redis.corrupt_aof,
    ),
    Declaration(
        "damage-aof", ("HOST",),
        "SIGKILL to Redis, then another byte at the begin of the command in the middle of its "
        "append-only file: it does not start, and half of the file stands behind the damage.",
        "files", always("redis"), redis.damage_aof,
    ),
    Declaration(
        "lose-base", ("HOST",),
        "Redis rewrites its append-only file, as it does by itself, and takes a job; then SIGKILL, "
        "and the base file that its manifest names is deleted: it does not start, and what came "
        "before the rewrite is in no file of it.",
        "files", always("restored"), redis.lose_base, (OPERATOR,),
    ),
    Declaration(
        "restart-while-loading", ("HOST",),
        "SIGKILL to Redis, whose file then takes 6 s to load: each of its commands is slowed down "
        "by Redis' own key-load-delay, as a large file would be. A watchdog that waits 4 s for "
        "PONG kills and starts it again and again.",
        "processes", always("redis"), redis.restart_while_loading, counts_from_end=True,
    ),
    Declaration(
        "wipe-redis", (),
        "SIGKILL to every Redis, then all their data is deleted; sentinels keep what they know.",
        "files", always("restored"), redis.wipe, ("redis-1",),
    ),
    Declaration(
        "flush-redis", ("HOST",),
        "FLUSHALL, as by somebody who takes Redis for a mere cache.",
        "data", always("restored"), redis.flush, (OPERATOR,),
    ),
    Declaration(
        "fail-snapshots", ("HOST",),
        "A folder stands where the snapshot goes; Redis tries one, fails, and refuses writes.",
        "files", always("redis"), redis.fail_snapshots, (OPERATOR,),
    ),
    Declaration(
        "change-redis-password", ("HOST",),
        "The running Redis gets a password that its file and the platform's address do not have, "
        "and ends all connections.",
        "credentials", always("redis"), redis.change_password, (OPERATOR,),
    ),
    Declaration(
        "misname-redis", (),
        "Somebody puts the name of no host into the platform's address of Redis and restarts its "
        "processes.",
        "files", always("redis"), redis.misname, (APP, API), counts_from_end=True,
    ),
    Declaration(
        "split-masters", (),
        "redis-1 hangs, somebody promotes redis-2, moves the platform's address and restarts every "
        "process but the API; redis-1 goes on. Users order jobs there that no worker sees.",
        "processes", always("publishing"), redis.split, ("redis-1", "redis-2", APP, API, "worker"),
        counts_from_end=True,
    ),
    Declaration(
        "stale-cache", (),
        "Rows of content are changed by SQL while `cache:content:*` holds their old text.",
        "data", always("fresh"), platform.stale_cache, (OPERATOR, APP, API),
        counts_from_end=True,
    ),
    Declaration(
        "pause-queue", ("QUEUE",),
        "The queue is paused by BullMQ's own client, as an operator does it.",
        "data", always("publishing"), queues.pause, (OPERATOR,),
    ),
    Declaration(
        "backlog", ("COUNT",),
        "A bulk import orders so many publishing jobs at once; each counts as acknowledged. The "
        "worker gets through them, as fast as its targets let it.",
        "data", always("publishing"), queues.backlog, (OPERATOR, APP, API, "worker"),
        counts_from_end=True,
    ),
    Declaration(
        "double-orders", ("COUNT",),
        "A client orders so many pieces for later today, in the queue and in PostgreSQL, and each "
        "of them again a second later: under other ids, so that BullMQ takes them.",
        "data", always("once"), queues.double_orders, (OPERATOR, APP, API, "worker"),
        counts_from_end=True,
    ),
    Declaration(
        "turn-back-clock", ("HOST", "DURATION"),
        "The worker is restarted and sees a clock that is so far behind: its process alone, by "
        "time-machine, since a namespace has no clock of its own.",
        "processes", always(""), queues.turn_back_clock,
    ),
    Declaration(
        "overdue-jobs", ("COUNT",),
        "So many jobs were ordered five minutes ago, for a time that has passed 100 s ago; each "
        "counts as acknowledged. Only a worker whose clock is behind leaves them where they are.",
        "data", always("publishing"), queues.overdue, (OPERATOR, APP, API, "worker"),
        counts_from_end=True,
    ),
    Declaration(
        "jobs-of-new-shape", ("COUNT",),
        "A release that was rolled back had ordered so many publishing jobs in a shape of its own; "
        "each counts as acknowledged. The old worker takes them and cannot read them.",
        "data", always("publishing"), queues.new_shape, (OPERATOR, APP, API, "worker"),
        counts_from_end=True,
    ),
    Declaration(
        "cache-of-new-shape", (),
        "A release that was rolled back had read pieces and cached them in a shape of its own; the "
        "old API hands them out as they are.",
        "data", always("fresh"), platform.cache_new_shape, (OPERATOR, APP, API),
        counts_from_end=True,
    ),
    Declaration(
        "kill-midjob", ("HOST",),
        "SIGKILL to the worker while it has a job in hand and its post is under way to a slow "
        "target.",
        "processes", always("publishing"), queues.kill_midjob, (OPERATOR, queues.WAN),
        counts_from_end=True,
    ),
    Declaration(
        "poison-job", (),
        "A user publishes a piece whose title the worker never gets done with.",
        "data", always("publishing"), queues.poison, (APP, API, "worker", "wordpress"),
        counts_from_end=True,
    ),
    Declaration(
        "until", ("STATE", "COUNT"),
        "Waits for so many dead letters of the last hour (`letters`), jobs whose connection "
        "dropped and that are published all the same (`arrived`), jobs that wait in the queue "
        "(`waiting`), or transactions of users in db-1 from then on (`writes`).",
        "nothing", always(""), states.reached, (OPERATOR,),
    ),
    Declaration(
        "break-target", ("HOST",),
        "The target's store cannot be written: it answers posts with an error, as a WordPress "
        "without its database.",
        "files", always("publishing"), targets.break_store,
    ),
    Declaration(
        "mend-target", ("HOST",),
        "The store can be written again; nothing else is mended by it.",
        "files", always(""), targets.mend_store,
    ),
    Declaration(
        "drop-answers", ("HOST", "[COUNT]"),
        "A plugin on the target ends the process of each request after its post is saved: "
        "accepted, and then the connection drops. After COUNT posts it removes itself.",
        "files", always(""), targets.drop_answers,
    ),
    Declaration(
        "change-site-password", ("SITE",),
        "The site's owner has changed its application password and not told us: it refuses ours.",
        "credentials", always("publishing"), targets.change_site_password, ("wordpress",),
    ),
    Declaration(
        "lower-quota", ("COUNT", "DURATION"),
        "LinkedIn takes no more than so many posts in that time from us: it answers 429 to the "
        "others.",
        "data", always("publishing"), targets.lower_quota, ("linkedin",),
    ),
    Declaration(
        "wrong-secret", ("PROVIDER",),
        "A rotation that was half done: the web host gets another secret for the provider's "
        "webhooks and is restarted; the provider signs with the one it had.",
        "credentials", _by_provider, payments.wrong_secret, (WEB, APP),
        counts_from_end=True,
    ),
    Declaration(
        "stale-events", (),
        "Stripe delivers events late that newer ones have overtaken, signed and in time: each "
        "says of a payer that the payment is past due.",
        "data", always("entitled"), payments.stale_events, (WEB, APP), counts_from_end=True,
    ),
    Declaration(
        "double-charge", ("COUNT",),
        "A client without idempotency keys sends the subscriptions of so many customers twice: "
        "each is charged twice. Others buy as they should, or look like it.",
        "data", always("settled"), payments.double_charge, (WEB, APP, STRIPE_WAN),
        counts_from_end=True,
    ),
    Declaration(
        "deploy-site", (),
        "A release of the web application comes to production at Vercel, and its page fails.",
        "data", always("site"), hosting.deploy_site, (VERCEL,),
    ),
    Declaration(
        "deploy-setting", ("SETTING",),
        "A release brings another value of a setting, and the API is restarted with it: it starts, "
        "or does not.",
        "files", always("content"), platform.deploy_setting, (APP, API), counts_from_end=True,
    ),
    Declaration(
        "throttle", ("HOST", "DURATION"),
        "A limit of the CPU that somebody left on the host, as cpulimit does it: every process of "
        "its service is stopped again and again for that long, and runs for 60 ms in between.",
        "processes", said_by_service, platform.throttle, counts_from_end=True,
    ),
    Declaration(
        "take-port", ("HOST",),
        "SIGKILL to the platform's process on api or web, and a web server that somebody starts "
        "there to show a file gets its port first.",
        "processes", said_by_service, platform.take_port, counts_from_end=True,
    ),
    Declaration(
        "deploy-release", ("TAG",),
        "The release of that tag is deployed to the API's host: its process runs, and does what is "
        "wrong with it. Its checkout is on ops; if it has migrations, nobody makes them.",
        "files", always("content"), platform.deploy_release, (APP, API, OPERATOR),
        counts_from_end=True,
    ),
    Declaration(
        "wrong-key", (),
        "A release brings a file of its own for JWT_KEY_1 to the API's host, and the API is "
        "restarted with it: every token is refused.",
        "credentials", always("content"), platform.wrong_key, (API,), counts_from_end=True,
    ),
    Declaration(
        "archive-price", ("PLAN",),
        "Somebody takes the plan's price off sale in Stripe's dashboard.",
        "data", always("settled"), payments.archive_price, (WEB, APP, STRIPE_WAN),
    ),
    Declaration(
        "decline-cards", ("CARD",),
        "Six customers pay with one of Stripe's test cards that are declined.",
        "data", always(""), payments.decline_cards, (APP, STRIPE_WAN),
    ),
    Declaration(
        "block-country", ("COUNTRY",),
        "Somebody puts a country on Radar's block list in Stripe's dashboard: every card from "
        "there is refused before its bank is asked.",
        "data", always("settled"), payments.block_country, (WEB, APP, STRIPE_WAN),
    ),
    Declaration(
        "misdirect-stripe", (),
        "Somebody types the address of the webhooks anew in Stripe's dashboard, with a slip: the "
        "web host answers 404.",
        "data", always("settled"), payments.misdirect_stripe, (WEB, APP, STRIPE_WAN),
    ),
    Declaration(
        "dispute-charges", ("COUNT",),
        "The cardholders of the first so many of the seed's customers dispute what they paid: the "
        "bank takes the money back, unless the dispute is answered and won.",
        "data", always("answered"), payments.dispute_charges, (WEB, APP, STRIPE, STRIPE_WAN),
    ),
    Declaration(
        "hammer-stripe", (),
        "A script on app asks Stripe's API without a pause, with the platform's key, until it is "
        "ended: everybody else with that key is answered 429, above 20 requests a second.",
        "processes", always("settled"), payments.hammer_stripe, (WEB, APP, STRIPE, STRIPE_WAN),
        counts_from_end=True,
    ),
    Declaration(
        "miss-webhooks", ("SPAN",),
        "The web host is stopped; at Stripe one customer upgrades, one cancels, one pays at last "
        "and one subscribes; so much time passes for Stripe; the web host is started.",
        "data", always("agreed"), payments.miss_webhooks, (WEB, APP, STRIPE_WAN),
        counts_from_end=True,
    ),
    Declaration(
        "miss-paddle", ("SPAN",),
        "Three organizations sign up and two buy through Paddle. The web host is stopped; at "
        "Paddle the third buys and one is renewed; so much time passes for Paddle; one cancels; an "
        "hour passes; the web host is started.",
        "data", always("paddled"), payments.miss_paddle, (WEB, APP, PADDLE),
        counts_from_end=True,
    ),
    Declaration(
        "double-paddle", ("COUNT",),
        "So many organizations order and pay twice through Paddle, as a client does that sends an "
        "order again whose answer was late; one orders once.",
        "data", always("settled-at-paddle"), payments.double_at_paddle, (WEB, APP, PADDLE),
        counts_from_end=True,
    ),
    Declaration(
        "decline-at-paddle", ("CODE",),
        "Six customers are declined at Paddle's checkout, all for the same reason.",
        "data", always(""), payments.decline_at_paddle, (APP, PADDLE),
    ),
    Declaration(
        "misdirect-paddle", (),
        "Somebody types the address of the webhooks anew in Paddle's dashboard, with a slip: the "
        "web host answers 404.",
        "data", always("settled-at-paddle"), payments.misdirect_paddle, (WEB, APP, PADDLE),
    ),
    Declaration(
        "mark-unprocessed", (),
        "The same changes at Stripe, and their events are marked as seen in Redis before they "
        "come, as by a release that marks first and then fails: they count as duplicates.",
        "data", always("agreed"), payments.mark_unprocessed, (WEB, APP, STRIPE_WAN),
        counts_from_end=True,
    ),
    Declaration(
        "reorder-webhooks", (),
        "Two customers' renewals fail and are then paid; Stripe delivers the events of both twice "
        "and the newest first.",
        "data", always("agreed"), payments.reorder_webhooks, (WEB, APP, STRIPE_WAN),
        counts_from_end=True,
    ),
    Declaration(
        "change-rows", (),
        "Somebody changes rows of subscriptions by SQL: a payer's is cancelled, another one gets "
        "a plan that nobody pays for.",
        "data", always("agreed"), payments.change_rows, (WEB, OPERATOR, STRIPE_WAN),
        counts_from_end=True,
    ),
    Declaration(
        "renewals", (),
        "Stripe sends the events of customers whose subscription goes on. Where they are not "
        "taken, webhooks are what users miss.",
        "data", always("webhooks"), payments.renewals, (WEB, APP),
    ),
    Declaration(
        "use-leaked-login", (),
        "Somebody on app has the platform's login of the database, which leaked, reads who the "
        "users are and stays; who it is shows only as long as that session is there.",
        "data", always("preserved"), intruder.use_login, (APP, PRIMARY, AWS),
        counts_from_end=True,
    ),
    Declaration(
        "tamper-evidence", (),
        "Evidence is kept on ops and locked away; somebody with a stolen access key then uploads a "
        "changed file and a new list of hashes that fits it, as newer versions.",
        "data", always("intact"), evidence.tamper, (OPERATOR, APP, AWS), counts_from_end=True,
    ),
    Declaration(
        "intrude", ("LOOT",),
        "An intruder on app uses the key that signs tokens, or an administrator's session, to "
        "read and archive content and to make a target of its own; as a member of another "
        "organization, entered by nobody who may, it only reads there; it uses Stripe's webhook "
        "secret to forge events, or the platform's login to read users in the database; and goes "
        "on as long as it is taken.",
        "data", _by_loot, intruder.intrude, (APP,), counts_from_end=True,
    ),
    Declaration(
        "flood", (),
        "From an address of its own a client on abroad asks the API through the load balancer, "
        "forty times a second, each time with another made-up token.",
        "processes", always("turned-away"), intruder.flood, (ABROAD, AWS, API),
        counts_from_end=True,
    ),
    Declaration(
        "change-package", (),
        "Somebody changes pgpass in the installed packages of a release, ~/release on ops: who "
        "migrates with it tells a listener on app whose password it read. A pipeline's check of "
        "the migrations uses it each second.",
        "files", always("unspied"), packages.change, (OPERATOR, APP, PRIMARY, API),
        counts_from_end=True,
    ),
    Declaration(
        "plant-login", ("ROLE",),
        "An insider makes a superuser of that name that may log in to the database, and raises a "
        "viewer to owner.",
        "credentials", always("logins"), intruder.plant_login, (PRIMARY,),
    ),
)  # fmt: skip
