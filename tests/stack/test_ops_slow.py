"""What `sb` says of a command that held Redis up."""

from __future__ import annotations

from typing import Any, cast

from smartbeak_ops import redisdb
from smartbeak_ops.looks import cache
from smartbeak_ops.looks.seen import Seen


class Answers:
    """A Redis whose slow log holds one command, as the server sends it."""

    def __init__(self, microseconds: int) -> None:
        self.microseconds = microseconds

    def ask(self, *command: Any) -> Any:
        assert command == ("SLOWLOG", "GET", 1)
        return [[7, 1_700_000_000, self.microseconds, ["KEYS", "*"], "127.0.0.1:1", "someone"]]


def said(microseconds: int) -> list[str]:
    seen = Seen()
    cache._slow(seen, cast("redisdb.Store", Answers(microseconds)), {"blocked_clients": 2})
    assert seen.facts["redis.blocked"] == 2
    return list(seen.lines)


def test_a_slow_command_is_named_with_its_time() -> None:
    assert said(2_500_000) == ["slow: KEYS took 2.5 s"]


def test_a_quick_one_is_not() -> None:
    assert said(12_000) == []
