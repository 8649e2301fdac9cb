"""The watchdog: it kills whoever answers and is not ready, and never leaves Redis dead."""

from __future__ import annotations

import threading

import pytest

from smartbeak_drills.watchdog import Watchdog, watch


class Redis:
    """One that is there or not, and loads for ever."""

    def __init__(self) -> None:
        self.says = ""
        self.did: list[str] = []

    def start(self) -> None:
        self.did.append("start")
        self.says = "LOADING Redis is loading the dataset in memory"

    def kill(self) -> None:
        self.did.append("kill")
        self.says = ""

    def watched(self) -> Watchdog:
        return Watchdog(lambda: self.says, self.start, self.kill, 1.5)


def test_one_that_loads_is_killed_after_its_patience_and_started() -> None:
    redis = Redis()
    watchdog = redis.watched()
    assert [watchdog.look(now) for now in (0, 1, 1.5, 1.6)] == [False, False, False, True]
    assert redis.did == ["start", "kill", "start"]
    assert [watchdog.look(now) for now in (2, 3.1, 3.2)] == [False, False, True]


def test_one_that_is_ready_is_left_alone() -> None:
    redis = Redis()
    redis.says = "LOADING"
    watchdog = redis.watched()
    watchdog.look(0)
    redis.says = "PONG"
    watchdog.look(1)
    redis.says = "LOADING"
    assert not watchdog.look(2)
    assert not watchdog.look(3)
    assert redis.did == []


def test_it_says_once_that_it_killed(capsys: pytest.CaptureFixture[str]) -> None:
    stop = threading.Event()

    class Killer(Watchdog):
        looks = 0

        def __init__(self) -> None:
            pass

        def look(self, now: float) -> bool:
            self.looks += 1
            if self.looks == 3:
                stop.set()
            return True

    watch(Killer(), stop)
    assert capsys.readouterr().out == "killed\n"
