"""The clients behind faults: they take what is free, and stop once they are cured."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from smartbeak_drills import redis_fill, redis_leak
from smartbeak_drills.redis_fill import Filler
from smartbeak_drills.resp import RedisError, Reply


class Server:
    """A Redis with a number of slots and so much memory, in values."""

    def __init__(self) -> None:
        self.slots = 3
        self.memory = 5
        self.open: list[Connection] = []
        self.opened = 0
        self.keys: set[str] = set()
        self.evicted = 0
        self.evicts = False
        self.commands: list[tuple[str, ...]] = []


class Connection:
    """One client's connection to it."""

    server: Server

    def __init__(self, url: str, *, timeout_s: float, name: str = "") -> None:
        if len(self.server.open) >= self.server.slots:
            raise RedisError("ERR max number of clients reached")
        self.name = name
        self.server.open.append(self)
        self.server.opened += 1

    def ended(self) -> bool:
        return self not in self.server.open

    def run(self, *words: str) -> Reply:
        server = self.server
        server.commands.append(words)
        if words[0] == "EXISTS":
            return sum(key in server.keys for key in words[1:])
        if words[0] == "INFO":
            return f"# Stats\r\nevicted_keys:{server.evicted}\r\n"
        if words[0] == "SETRANGE":
            if len(server.keys) >= server.memory:
                if not server.evicts:
                    raise RedisError("OOM command not allowed when used memory > 'maxmemory'.")
                server.keys.remove(min(server.keys))
                server.evicted += 1
            server.keys.add(words[1])
        return 1

    def close(self) -> None:
        if self in self.server.open:
            self.server.open.remove(self)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(Connection, "server", made, raising=False)
    for module in (redis_fill, redis_leak):
        monkeypatch.setattr(module, "Redis", Connection)
    return made


class Stop(threading.Event):
    """A stop that does something at each wait, and ends it all when a client rests."""

    def __init__(self, *steps: Callable[[], None]) -> None:
        super().__init__()
        self._steps = list(steps)
        self.rested = False

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None:
            self.rested = True
            self.set()
        elif timeout:
            if not self._steps:
                self.set()
                return True
            self._steps.pop(0)()
        return self.is_set()


def nothing() -> None:
    pass


def test_a_leak_takes_every_slot_and_each_that_gets_free_but_none_once_it_was_ended(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    def more_room() -> None:
        server.slots = 5

    def two_are_ended() -> None:
        assert len(server.open) == 5
        del server.open[:2]

    stop = Stop(nothing, more_room, two_are_ended)
    redis_leak.leak("redis://r", "smartbeak-report-worker", stop)
    assert capsys.readouterr().out == "full after 3: ERR max number of clients reached\n"
    assert (server.opened, stop.rested) == (5, True)
    assert server.open == []


def test_a_leak_that_never_got_in_says_why(server: Server) -> None:
    server.slots = 0
    with pytest.raises(RedisError, match="max number of clients"):
        redis_leak.leak("redis://r", "x", Stop())


def test_a_filler_fills_what_gets_free_until_its_values_are_removed(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    def more_memory() -> None:
        server.memory = 8

    def others_are_removed() -> None:
        assert len(server.keys) == 8
        server.keys.remove("cache:report:1")

    def refilled() -> None:
        assert len(server.keys) == 8
        server.keys.clear()

    stop = Stop(more_memory, others_are_removed, refilled, nothing)
    Filler("redis://r", "smartbeak-report-worker", 0).work(stop)
    out = capsys.readouterr().out
    assert out == "full after 5: OOM command not allowed when used memory > 'maxmemory'.\n"
    assert (server.keys, stop.rested) == (set(), True)
    # A long value by a short command: the command itself must not take the memory.
    assert all(len(" ".join(words)) < 60 for words in server.commands)
    assert not any(words[0] == "EXPIRE" for words in server.commands)


def test_a_filler_with_a_lifetime_has_others_evicted_and_says_so(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.evicts = True
    server.keys = {"a-revocation", "b-revocation"}

    def removed() -> None:
        assert "a-revocation" not in server.keys
        server.keys.clear()

    stop = Stop(nothing, removed)
    Filler("redis://r", "x", 300).work(stop)
    assert capsys.readouterr().out == "evicting after 4\n"
    assert ("EXPIRE", "cache:report:1", "300") in server.commands
    assert (server.keys, stop.rested) == (set(), True)


def test_a_filler_does_not_eat_up_the_machine(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_fill, "_MOST", 4)
    Filler("redis://r", "x", 0).work(Stop(nothing))
    assert len(server.keys) == 4
