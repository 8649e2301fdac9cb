"""What `sb` says of servers that are well and let the platform do nothing: by reading alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from smartbeak_ops import failures, redisdb, settings, tree
from smartbeak_ops.looks import cache, queues, statements
from smartbeak_ops.refusal import RefusedError


# As PostgreSQL 15 and Redis 7 said them on a stack, on 2026-11-27.
@pytest.mark.parametrize(
    ("text", "state"),
    [
        ('FATAL:  role "smartbeak" is not permitted to log in', "login refused"),
        (
            'FATAL:  database "smartbeak" is not currently accepting connections',
            "login refused",
        ),
        ('FATAL:  too many connections for database "smartbeak"', "login refused"),
        ('FATAL:  too many connections for role "smartbeak"', "login refused"),
        (
            'FATAL:  permission denied for database "smartbeak"\nDETAIL:  User does not have '
            "CONNECT privilege.",
            "login refused",
        ),
        (
            'FATAL:  pg_hba.conf rejects connection for host "127.0.0.1", user "smartbeak", '
            'database "smartbeak", SSL encryption',
            "login refused",
        ),
        (
            'FATAL:  pg_hba.conf rejects connection for host "127.0.0.1", user "postgres", '
            'database "smartbeak", SSL encryption',
            "fenced",
        ),
        ("FATAL:  sorry, too many clients already", "no free connection"),
        (
            "FATAL:  remaining connection slots are reserved for non-replication superuser "
            "connections",
            "no free connection",
        ),
        ("NOREPLICAS Not enough good replicas to write.", "NOREPLICAS"),
        ("NOPERM this user has no permissions to run the 'info' command", "NOPERM"),
        ('FATAL:  database "smartbeek" does not exist', "error"),
    ],
)
def test_what_a_server_says_is_told_apart(text: str, state: str) -> None:
    assert failures.state_of(text) == state


@pytest.mark.parametrize(
    ("facts", "branch"),
    [
        ({"platform": "login refused", "primary": "primary"}, "database-failover/login-refused"),
        ({"platform": "fenced", "primary": "primary"}, "database-failover/login-refused"),
        ({"platform": "fenced", "primary": "fenced"}, "database-failover/address-names-replica"),
        ({"platform": "error", "primary": "error"}, "unknown"),
        ({"platform": "error", "primary": "primary"}, "unknown"),
        # Whose pool is full because it waits is not one whose pool is too large.
        (
            {
                "platform": "no free connection",
                "connections.holder": "platform",
                "commits.waiting": 13,
                "commits.seconds": 7.5,
            },
            "database-failover/commits-wait",
        ),
    ],
)
def test_what_no_row_knows_of_the_database_is_unknown(
    facts: Mapping[str, Any], branch: str
) -> None:
    row = tree.load("postgres").first(facts)
    assert row is not None
    assert row.branch == f"runbooks/{branch}"


class Server:
    """A Redis that answers what it was given, and says no to the rest."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers

    def ask(self, *command: str) -> Any:
        name = " ".join(command[:2])
        if name not in self.answers:
            raise failures.ServiceError("NOPERM")
        return self.answers[name]


WORKER = "id=7 addr=127.0.0.1:5 name=bull:cHVibGlzaGluZw== flags=b cmd=bzpopmin user=default\n"
HELD = "id=8 addr=127.0.0.1:6 name= flags=b cmd=set user=default\n"


@pytest.mark.parametrize(
    ("answers", "info", "said"),
    [
        ({}, {}, ("ok", "")),
        (
            {"CONFIG GET": ["min-replicas-to-write", "3"]},
            {"min_slaves_good_slaves": 1},
            ("NOREPLICAS", "NOREPLICAS: it asks for 3 replicas, 1 are well"),
        ),
        ({"CONFIG GET": ["min-replicas-to-write", "1"]}, {"min_slaves_good_slaves": 1}, ("ok", "")),
        # Without a longest lag Redis counts none, and refuses nothing.
        ({"CONFIG GET": ["min-replicas-to-write", "3"]}, {}, ("ok", "")),
        ({"CLIENT LIST": WORKER}, {}, ("ok", "")),
        (
            {"CLIENT LIST": WORKER + HELD},
            {},
            ("paused", "paused: 1 clients wait until CLIENT PAUSE is over"),
        ),
        (
            {"ACL WHOAMI": "app", "ACL GETUSER": ["flags", ["on"], "commands", "+@all -@write"]},
            {},
            ("NOPERM", "NOPERM: the user app may not set, hset, zadd, del, evalsha"),
        ),
    ],
)
def test_why_a_master_takes_no_writes_is_read(
    answers: Mapping[str, Any], info: Mapping[str, Any], said: tuple[str, str]
) -> None:
    store = cast("redisdb.Store", Server(answers))
    assert cache.told_to_refuse(store, dict(info)) == said


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("+@all", ""),
        ("+@all -@dangerous", ""),
        ("-@all +@write +@read +@scripting", ""),
        ("+@all -set", "set"),
        ("-@all +@read", "set, hset, zadd, del, evalsha"),
        ("-@all +@write -zadd", "zadd"),
    ],
)
def test_the_last_rule_of_a_user_counts(rules: str, said: str) -> None:
    assert cache.forbidden(rules) == said


@pytest.mark.parametrize(
    "address",
    ["redis://redis-1:6390/0", "redis://redis-1:6379/3", "redis://redis-9:6379/0"],
)
def test_another_port_or_number_is_no_address_of_the_pair(address: str) -> None:
    with pytest.raises(RefusedError) as refused:
        settings.Settings({"REDIS_URL": address}).master  # noqa: B018
    assert refused.value.reason == (
        f"the platform's address ends in {address.removeprefix('redis://')}, not in this pair"
    )


@pytest.mark.parametrize("address", ["redis://redis-1:6379/0", "redis://:s@redis-1:6379"])
def test_the_pair_has_one_port_and_one_number(address: str) -> None:
    assert settings.Settings({"REDIS_URL": address}).master == "redis-1"


def test_the_databases_port_is_the_pairs_too() -> None:
    known = settings.Settings({"CONTROL_PLANE_DB": "postgresql://smartbeak@db-1:5433/smartbeak"})
    with pytest.raises(RefusedError):
        known.primary  # noqa: B018


LINE = "2026-11-27 14:41:43.698 UTC [575] smartbeak@smartbeak ERROR:  "


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (
            ["permission denied for table content_items"] * 3 + ["not today"] * 2,
            ("permission denied for table content_items", 3),
        ),
        (["not today"] * 2, ("", 0)),
        (['column "title" does not exist'] * 4, ('column "title" does not exist', 4)),
        # Answers to users, and what has a branch of its own.
        (['duplicate key value violates unique constraint "x"'] * 9, ("", 0)),
        (['relation "publishing_jobs" does not exist at character 15'] * 9, ("", 0)),
        (["cannot execute INSERT in a read-only transaction"] * 9, ("", 0)),
        (["canceling statement due to statement timeout"] * 9, ("", 0)),
    ],
)
def test_what_the_database_refuses_is_told_by_its_log(
    said: list[str], found: tuple[str, int]
) -> None:
    lines = [LINE + each for each in said]
    others = ["2026-11-27 14:41:43.698 UTC [575] postgres@smartbeak ERROR:  not today"] * 9
    assert statements.refused([*lines, *others]) == found


class Queue:
    """A Redis with a queue's limits, as PTTL and HGET answer."""

    def __init__(self, left_ms: int, most: str | None) -> None:
        self.answers = [left_ms, most]

    def together(self, *commands: tuple[Any, ...]) -> list[Any]:
        assert [command[0] for command in commands] == ["PTTL", "HGET"]
        return self.answers


@pytest.mark.parametrize(
    ("left_ms", "most", "said"),
    [
        (-2, None, ""),
        (800, "5", ""),
        (120_000, None, ""),
        (5_990_500, None, "limited for 5990 s"),
        (-1, None, "limited for ever"),
        (-2, "0", "concurrency 0"),
    ],
)
def test_a_limit_that_lets_no_job_through_is_told(
    left_ms: int, most: str | None, said: str
) -> None:
    store = cast("redisdb.Store", Queue(left_ms, most))
    assert queues.limits(store, "publishing") == said
