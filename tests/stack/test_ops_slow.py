"""What `sb` says where something is slow: a command of Redis, the API or what it needs."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import pytest

from smartbeak_drills import cpu_limit
from smartbeak_drills.oracles import base, platform
from smartbeak_drills.users import content
from smartbeak_ops import redisdb, web
from smartbeak_ops.looks import cache, host, slowness
from smartbeak_ops.looks.seen import Seen
from smartbeak_ops.settings import Settings


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


def _times(
    ready: float, live: float, database: float | None, store: float | None, waiting: float = 0,
    why: str = "",
) -> slowness.Times:  # fmt: skip
    status = 503 if why else 200
    return slowness.Times(
        web.Reply(status, "", ready), web.Reply(200, "", live), database, store, waiting, why
    )


# The first five as they were measured on 2026-11-27 on a stack with the fault that is named.
@pytest.mark.parametrize(
    ("times", "where"),
    [
        pytest.param(_times(0.0, 0.0, 0.1, 0.0), "no", id="healthy"),
        pytest.param(_times(0.7, 1.2, 0.1, 0.0), "itself", id="throttle api 600ms"),
        pytest.param(_times(0.1, 0.0, 0.9, 0.0), "postgresql", id="throttle db-1 400ms"),
        pytest.param(_times(0.8, 0.0, 0.0, 0.5), "redis", id="throttle redis-1 600ms"),
        pytest.param(_times(0.9, 0.0, 0.0, 0.0, 4), "pool", id="one connection, a lock"),
        pytest.param(
            _times(1.4, 0.0, 0.0, 0.0, 4, "postgresql: couldn't get a connection after 1.40 sec"),
            "pool",
            id="the same, and what waits for it in vain",
        ),
        pytest.param(
            _times(1.4, 0.0, 0.0, 0.0, 4, "postgresql: password authentication failed"),
            "no",
            id="refused is not slow",
        ),
        pytest.param(_times(1.5, 0.0, None, 0.0, 4), "no", id="no database is not slow"),
        pytest.param(_times(1.5, 0.0, 0.0, None), "no", id="no Redis is not slow"),
        pytest.param(_times(0.9, 0.9, 0.0, 0.0, 3), "itself", id="a queue where nothing is quick"),
        pytest.param(_times(0.0, 0.0, 0.34, 0.34), "no", id="within what a busy host takes"),
    ],
)
def test_the_four_places_where_the_time_goes_are_told_apart(
    times: slowness.Times, where: str
) -> None:
    assert times.where == where


def test_an_api_that_is_quick_just_after_an_answer_is_asked_once_more_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = dict.fromkeys(("/readyz", "/livez"), 0.1)

    def sleep(seconds: float) -> None:
        late["/livez"] = 2.1 if seconds > cpu_limit.RUN_S else 0.1

    monkeypatch.setattr(slowness, "_typical", lambda _: 0.01)
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(
        web, "get", lambda url: web.Reply(200, "", late[f"/{url.rpartition('/')[2]}"])
    )
    assert slowness.measure(Settings({})).where == "itself"


def test_one_late_answer_of_three_is_no_slowness(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def ask() -> None:
        nonlocal now
        now += next(took)

    monkeypatch.setattr(slowness, "_APART_S", 0.0)
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    took = iter((slowness.LATE_S, 0.0, 0.0))
    assert slowness._typical(ask) == 0.0
    took = iter((0.0, slowness.LATE_S, slowness.LATE_S))
    assert slowness._typical(ask) == pytest.approx(slowness.LATE_S)


def test_a_limit_stops_a_service_again_and_again_and_lets_it_go(tmp_path: Path) -> None:
    pidfile = tmp_path / "pid"
    with subprocess.Popen(["sleep", "6000"]) as service, contextlib.ExitStack() as ending:
        ending.callback(service.kill)
        pidfile.write_text(f"{service.pid}\n")
        argv = [sys.executable, cpu_limit.__file__, "--pidfile", str(pidfile), "--stop", "0.05"]
        with subprocess.Popen([*argv, "--name", "x"], stdout=subprocess.PIPE, text=True) as limit:
            assert limit.stdout is not None and limit.stdout.readline() == "limited\n"
            states: set[bool] = set()
            deadline = time.monotonic() + 120
            while len(states) < 2 and time.monotonic() < deadline:
                states.add(host._is_stopped(service.pid))
            limit.terminate()
        assert states == {True, False}
        assert not host._is_stopped(service.pid)


def test_a_limit_without_a_service_ends(tmp_path: Path) -> None:
    assert cpu_limit.main(["--pidfile", str(tmp_path / "no"), "--stop", "9", "--name", "x"]) == 0


def test_the_drilled_limit_lets_nobody_be_served_however_quick_the_host_is() -> None:
    page = Path("source/runbooks/platform/api-slow.md").read_text()
    match = re.search(r"^:fault: throttle api (\d+)ms$", page, re.MULTILINE)
    assert match
    stop_s = int(match[1]) / 1000
    # They ask again after a run is over, and wait for the rest of the stop.
    assert cpu_limit.RUN_S < content._AGAIN_S
    assert stop_s - max(content._INTERVAL_S, platform._AGAIN_S) > base.PATIENCE_S
    # `sb` waits for the answer all the same, and sees the process run in between.
    assert stop_s + cpu_limit.RUN_S < min(web.ANSWER_S, host._PROBE_S)
    assert stop_s + cpu_limit.RUN_S < host._WATCH_S
    assert host._TICK_S < cpu_limit.RUN_S
    # Of its two questions the second falls into a stop, wherever the first fell.
    assert cpu_limit.RUN_S < slowness._APART_S < stop_s - slowness.SLOW_S
