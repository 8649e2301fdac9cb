"""What servers and clients say when nothing is as a row expects: never taken for another fault.

The texts are those of PostgreSQL 15 and 17, libpq, Redis 7, redis-py, the resolver of names and
OpenSSL. No fault is made here: a message is read, and the trees are asked with what it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from smartbeak_ops import failures, postgres, settings, tree
from smartbeak_ops.facts import FACTS
from smartbeak_ops.looks import database, mistyped, sql, statements
from smartbeak_ops.looks.seen import Seen
from tests.stack.guards import fakes

TREES = {subject: tree.load(subject) for subject in tree.SUBJECTS}
UNKNOWN = "runbooks/unknown"


def branch(subject: str, facts: Mapping[str, Any]) -> str | None:
    row = TREES[subject].first(facts)
    return row.branch if row is not None and row.severity != "none" else None


# What the platform gets, while a superuser gets in; each would hang, promote or blame another.
POSTGRES = {
    "FATAL:  terminating connection due to idle-session timeout": UNKNOWN,
    "FATAL:  terminating connection due to idle-in-transaction timeout": UNKNOWN,
    "FATAL:  terminating connection due to transaction timeout": UNKNOWN,
    "FATAL:  canceling authentication due to timeout": UNKNOWN,
    "ERROR:  canceling statement due to statement timeout": UNKNOWN,
    "failed to resolve host 'db-1': [Errno -3] Temporary failure in name resolution": UNKNOWN,
    "failed to resolve host 'db-1': [Errno -2] Name or service not known": UNKNOWN,
    "could not create socket: Too many open files": UNKNOWN,
    'FATAL:  could not open file "global/pg_filenode.map": Too many open files in system': UNKNOWN,
    "FATAL:  out of shared memory": UNKNOWN,
    "FATAL:  could not fork new process for connection: Resource temporarily unavailable": UNKNOWN,
    "ERROR:  deadlock detected": UNKNOWN,
    'database "smartbeak" does not exist': UNKNOWN,
    "server does not support SSL, but SSL was required": UNKNOWN,
    "SSL error: wrong version number": UNKNOWN,
    "received invalid response to SSL negotiation: -": UNKNOWN,
    "server closed the connection unexpectedly": UNKNOWN,
    "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute": (
        "runbooks/database-failover/sessions-leaked"
    ),
    "FATAL:  remaining connection slots are reserved for roles with privileges of the "
    '"pg_use_reserved_connections" role': "runbooks/database-failover/sessions-leaked",
    "could not write init file: No space left on device": "runbooks/database-failover/disk-full",
    "certificate verify failed": "runbooks/database-failover/certificate-expired",
}


@pytest.mark.parametrize("text", POSTGRES)
def test_what_postgresql_says_to_the_platform_leads_to_no_other_fault(text: str) -> None:
    facts = {"platform": failures.state_of(text), "primary": "primary", "replica": "replica"}
    assert branch("postgres", facts) == POSTGRES[text]


@pytest.mark.parametrize(
    "text", [text for text, found in POSTGRES.items() if found == UNKNOWN and "resolve" not in text]
)
def test_a_server_that_says_it_to_everybody_is_not_failed_over(text: str) -> None:
    """The superuser hears the same: no replica is promoted, and no server killed, for that."""
    state = failures.state_of(text)
    assert (
        branch("postgres", {"platform": state, "primary": state, "replica": "replica"}) == UNKNOWN
    )
    assert branch("postgres", {"own": state, "server": "runs", "other": "replica"}) == UNKNOWN


REDIS = {
    "Error 1 connecting to redis-1:6379. [SSL: WRONG_VERSION_NUMBER] wrong version.": UNKNOWN,
    "Error while reading from redis-1:6379 : (104, 'Connection reset by peer')": UNKNOWN,
    "Connection closed by server.": UNKNOWN,
    "Error -3 connecting to redis-1:6379. Temporary failure in name resolution.": UNKNOWN,
    "Error -2 connecting to redis-1:6379. Name or service not known.": UNKNOWN,
    "getaddrinfo ENOTFOUND redis-1": UNKNOWN,
    "Error 24 connecting to redis-1:6379. Too many open files.": UNKNOWN,
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired": UNKNOWN,
    "WRONGTYPE Operation against a key holding the wrong kind of value": UNKNOWN,
    "DB index is out of range": UNKNOWN,
    "max number of clients reached": "runbooks/redis-recovery/clients-exhausted",
    "Error 111 connecting to redis-1:6379. Connection refused.": (
        "runbooks/redis-recovery/master-dead"
    ),
    "Timeout reading from redis-1:6379": "runbooks/redis-recovery/master-hangs",
    "Timeout connecting to server": "runbooks/redis-recovery/master-hangs",
}


@pytest.mark.parametrize("text", REDIS)
def test_what_redis_says_leads_to_no_other_fault(text: str) -> None:
    assert branch("redis", {"redis": failures.state_of(text), "peer": "replica"}) == REDIS[text]


@pytest.mark.parametrize("text", ["certificate verify failed", "Too many open files", "odd"])
def test_a_replica_that_says_it_is_not_well(text: str) -> None:
    state = failures.state_of(text)
    assert branch("postgres", {"primary": "primary", "replica": state}) == UNKNOWN
    assert branch("redis", {"redis": "master", "peer": state}) == UNKNOWN


OTHERS = {
    "postgres": {"no password", "max clients", "MISCONF", "NOREPLICAS", "NOPERM", "OOM"},
    "redis": {"login refused", "no free connection", "waits for a lock"},
}
"""What that server never says, or what makes `sb` blind: then it says so."""


@pytest.mark.parametrize(
    ("subject", "state"),
    [(each, state) for each in OTHERS for state in failures.STATES if state not in OTHERS[each]],
)
def test_whatever_the_platform_gets_leads_somewhere(subject: str, state: str) -> None:
    fact = {"postgres": "platform", "redis": "redis"}[subject]
    assert state in FACTS[fact]
    assert branch(subject, {fact: state, "primary": "primary"}) is not None


QUEUES = {
    "Command # 1 (LLEN bull:publishing:wait) of pipeline caused error: WRONGTYPE Operation against "
    "a key holding the wrong kind of value": UNKNOWN,
    "Error 24 connecting to redis-1:6379. Too many open files.": UNKNOWN,
}


@pytest.mark.parametrize("text", QUEUES)
def test_what_hides_the_queues_is_no_healthy_platform(text: str) -> None:
    facts = {"queues": failures.state_of(text), "workers.silent": "none", "jobs.missing": 0}
    assert branch("queues", facts) == QUEUES[text]


def test_redis_that_lets_some_in_has_no_free_connection_either() -> None:
    state = failures.state_of("max number of clients reached")
    assert branch("redis", {"redis": "master", "queues": state}) == (
        "runbooks/redis-recovery/clients-exhausted"
    )


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("ours", UNKNOWN),
        ("outage", "reliability/runbooks/publishing/target-down"),
        ("credentials", "reliability/runbooks/publishing/site-credentials"),
    ],
)
def test_no_target_is_disabled_for_what_the_workers_host_lacks(reason: str, found: str) -> None:
    facts = {"targets.failing": 2, "sites.failing": 2, "waiting.jobs": 9, "targets.reason": reason}
    assert branch("queues", facts) == found


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"jobs.doubled": 1}, None),
        ({"jobs.doubled": 2}, None),
        ({"jobs.doubled": 3}, "reliability/runbooks/publishing/jobs-doubled"),
        ({"jobs.doubled": 3, "workers.silent": "one"}, None),
        ({"jobs.doubled": 3, "queues": "no answer"}, None),
        # So many are no users who order again.
        (
            {"jobs.doubled": 21, "workers.silent": "one"},
            "reliability/runbooks/publishing/jobs-doubled",
        ),
    ],
)
def test_users_who_order_again_what_is_late_are_no_client_that_doubles(
    facts: Mapping[str, Any], found: str | None
) -> None:
    rows = [row for row in TREES["queues"].rows if "jobs.doubled" in row.when]
    seen = {"queues": "ok", "workers.silent": "none"} | dict(facts)
    assert next((row.branch for row in rows if row.fits(seen)), None) == found


LINE = "2026-11-27 14:41:43.698 UTC [575] smartbeak@smartbeak ERROR:  "


@pytest.mark.parametrize(
    "text",
    [
        'nextval: reached maximum value of sequence "schema_migrations_id_seq" (2147483647)',
        "out of shared memory",
        "deadlock detected",
        'could not open file "base/5/16404": Too many open files',
        "cache lookup failed for relation 16404",
    ],
)
def test_what_the_database_refuses_is_not_blamed_on_a_feature(text: str) -> None:
    assert statements.refused([LINE + text] * 3) == (text, 3)
    facts = {
        "statements.refused": 3,
        "migrations.ahead": 0,
        "migrations.pending": 0,
        "api.feature": "fails",
        "api": "ready",
    }
    assert branch("deploy", facts) == UNKNOWN


def platform(monkeypatch: pytest.MonkeyPatch, **row: object) -> Seen:
    """What `sb` says of the platform's way in, where the database answers so."""
    usual = {"recovering": False, "read_only": False, "hidden": False, "path": '"$user", public'}
    fakes.platform(monkeypatch, {sql.ACCESS: [usual | row]})
    seen = Seen()
    database._platform(seen, fakes.KNOWN)
    return seen


def test_tables_that_are_not_on_the_search_path_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert platform(monkeypatch).lines == ["platform: writable"]
    seen = platform(monkeypatch, hidden=True, path="elsewhere")
    assert seen.lines == [
        "platform: writable",
        "  its tables are there, and not on its search_path: elsewhere",
    ]
    assert branch("postgres", seen.facts | {"primary": "primary"}) == UNKNOWN


@pytest.mark.parametrize(
    ("rows", "lines", "found"),
    [
        ([], [], "password-differs"),
        (
            [{"rolname": "smartbeak", "until": "2026-01-01 00:00:00+00"}],
            ["  the password of smartbeak was valid until 2026-01-01 00:00:00+00"],
            "login-refused",
        ),
    ],
)
def test_a_password_whose_last_day_is_over_is_no_other_password(
    monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, str]], lines: list[str], found: str
) -> None:
    said = 'FATAL:  password authentication failed for user "smartbeak"'
    fakes.platform(monkeypatch, failures.ServiceError(said))
    monkeypatch.setattr(postgres, "superuser", lambda host: fakes.Fake({sql.ENDED: rows}))
    seen = Seen()
    database._platform(seen, fakes.KNOWN)
    assert seen.lines == [f"platform: {said}", *lines]
    assert branch("postgres", seen.facts) == f"runbooks/database-failover/{found}"


@pytest.mark.parametrize(
    ("key", "kind", "said"),
    [
        ("bull:publishing:wait", "list", []),
        ("bull:publishing:wait", "none", []),
        ("bull:publishing:wait", "string", ["bull:publishing:wait is a string, not a list"]),
        ("bull:publishing:delayed", "list", ["bull:publishing:delayed is a list, not a zset"]),
        ("cache:content:1", "hash", ["cache:content:1 is a hash, not a string"]),
        ("jwt:revoked:user:1", "set", ["jwt:revoked:user:1 is a set, not a string"]),
        # A job's own key, and names that nobody knows.
        ("bull:publishing:7f3c", "hash", []),
        ("somebody:else", "set", []),
    ],
)
def test_a_key_of_another_type_is_told(key: str, kind: str, said: list[str]) -> None:
    assert mistyped.wrong([(key, kind)]) == said
    assert branch("redis", {"redis": "master", "redis.mistyped": len(said)}) == (
        UNKNOWN if said else None
    )


def test_every_own_key_of_a_queue_has_a_type() -> None:
    queue = settings.queue_of(settings.HOME_REGION)
    assert all(mistyped.wanted(f"bull:{queue}:{name}") for name in mistyped._OWN)
