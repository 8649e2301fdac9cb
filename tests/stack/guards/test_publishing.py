"""Guards of publishing jobs and targets.

Each reason for which one refuses is seen, by its own words. The servers are stand-ins; that
the questions are right is seen against real ones by the runbooks' drills.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from smartbeak_ops import posts, web
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.guards import publishing
from smartbeak_ops.looks import publishing_sql as psql
from smartbeak_ops.looks import queues
from tests.stack.guards.fakes import (
    MP,
    platform,
    refused,
    store,
    targets,
    unknown,
)


def shown(monkeypatch: MP, counts: Mapping[str, int | None]) -> None:
    monkeypatch.setattr(posts, "count", lambda job, url: counts[f"{job} at {url}"])


JOB = {"status": "failed", "url": "https://s", "region": "us-east-1"}


class TestRetry:
    def test_failed_and_not_there(self, monkeypatch: MP) -> None:
        platform(monkeypatch, {psql.RECORDABLE: [JOB]})
        shown(monkeypatch, {"j at https://s": 0, "k at https://s": 0})
        publishing.retry(["j", "k"])

    def test_one_that_cannot_be_asked_for(self, monkeypatch: MP) -> None:
        platform(monkeypatch, {psql.RECORDABLE: [JOB | {"url": None}]})
        shown(monkeypatch, {"j at None": None})
        publishing.retry(["j"])

    @pytest.mark.parametrize("status", ["pending", "publishing", "published"])
    def test_another_status(self, monkeypatch: MP, status: str) -> None:
        platform(monkeypatch, {psql.RECORDABLE: [JOB | {"status": status}]})
        said = f"j is {status}, not failed"
        assert refused(lambda: publishing.retry(["j"])) == said

    def test_others(self, monkeypatch: MP) -> None:
        assert refused(lambda: publishing.retry([])) == "no job is named"
        platform(monkeypatch, {psql.RECORDABLE: []})
        assert refused(lambda: publishing.retry(["j"])) == "j is unknown, not failed"
        platform(monkeypatch, {psql.RECORDABLE: [JOB]})
        shown(monkeypatch, {"j at https://s": 1})
        assert refused(lambda: publishing.retry(["j"])) == "j is at its target already"
        shown(monkeypatch, {"j at https://s": None})
        assert unknown(lambda: publishing.retry(["j"])) == "j: its site does not answer"
        platform(monkeypatch, ServiceError("Connection refused"))
        said = "the database says Connection refused"
        assert unknown(lambda: publishing.retry(["j"])) == said


def kind(failed: int, tried: int = 5, name: str = "wordpress") -> dict[str, Any]:
    return {"type": name, "failed": failed, "tried": tried}


LINE = "wordpress: 3 of the last 5 attempts failed"


def test_retry_now(monkeypatch: MP) -> None:
    targets(monkeypatch, kind(2), kind(0, 0, "linkedin"))
    publishing.retry_now()
    targets(monkeypatch, kind(0, 5, "linkedin"), kind(3))
    assert refused(publishing.retry_now) == LINE
    targets(monkeypatch, kind(2, 4))
    publishing.retry_now()
    platform(monkeypatch, ServiceError("timeout expired"))
    assert unknown(publishing.retry_now) == "the database says no answer"


def test_speed_up(monkeypatch: MP) -> None:
    targets(monkeypatch, kind(0), reasons=["outage"])
    for size in (1, 20):
        publishing.speed_up(size)
    for size in (0, 21):
        said = f"{size} is not from 1 to 20"
        assert refused(publishing.speed_up, size) == said
    targets(monkeypatch, kind(0, 5, "linkedin"), kind(1))
    said = "wordpress: 1 of the last 5 attempts failed"
    assert refused(lambda: publishing.speed_up(5)) == said
    targets(monkeypatch, kind(0), reasons=["outage", "limit"])
    assert refused(lambda: publishing.speed_up(5)) == "a target answers 429: it limits us"


def test_disable(monkeypatch: MP) -> None:
    targets(monkeypatch, kind(0, 5, "linkedin"), kind(3))
    publishing.disable("wordpress")
    said = "linkedin: 0 of the last 5 attempts failed"
    assert refused(lambda: publishing.disable("linkedin")) == said
    assert refused(lambda: publishing.disable("x")) == "no kind is called x"


def test_move(monkeypatch: MP) -> None:
    def workers(**found: str) -> None:
        urls = {f"http://{name.replace('_', '-')}:9464/livez": s for name, s in found.items()}

        def probe(url: str, yes: str, no: str) -> str:
            assert (yes, no) == ("alive", "stuck")
            return urls[url]

        monkeypatch.setattr(web, "probe", probe)

    workers(worker="alive", worker_eu="no answer")
    publishing.move("eu-west-1", "us-east-1")
    said = "in us-east-1 worker alive"
    assert refused(lambda: publishing.move("us-east-1", "eu-west-1")) == said
    assert refused(lambda: publishing.move("us-east-1", "us-east-1")) == (
        "us-east-1 is no other region"
    )
    workers(worker="stuck", worker_eu="no answer")
    said = "in us-east-1 worker stuck"
    assert refused(lambda: publishing.move("eu-west-1", "us-east-1")) == said


class TestRecordable:
    def have(
        self,
        monkeypatch: MP,
        status: str = "publishing",
        state: str | None = None,
        count: int | None = 0,
    ) -> Callable[[], None]:
        platform(monkeypatch, {psql.RECORDABLE: [JOB | {"status": status}]})

        def state_of(job: str, region: str) -> str | None:
            assert (job, region) == ("j", "us-east-1")
            return state

        monkeypatch.setattr(publishing, "state_of", state_of)
        shown(monkeypatch, {"j at https://s": count})
        return lambda: publishing.recordable("j")

    def test_taken_out_and_not_there(self, monkeypatch: MP) -> None:
        self.have(monkeypatch)()
        self.have(monkeypatch, status="pending", count=None)()

    def test_others(self, monkeypatch: MP) -> None:
        for status in ("published", "failed"):
            ask = self.have(monkeypatch, status=status)
            assert refused(ask) == f"j is {status} already"
        said = "j is active in its queue: take it out first"
        assert refused(self.have(monkeypatch, state="active")) == said
        assert refused(self.have(monkeypatch, count=1)) == "j is at its target already"
        platform(monkeypatch, {psql.RECORDABLE: []})
        assert refused(lambda: publishing.recordable("j")) == "j is no job"


class TestDoubled:
    def have(
        self, monkeypatch: MP, state: str | None = "prioritized", **changes: object
    ) -> Callable[[], str]:
        row = {"status": "pending", "region": "eu-west-1", "older": "i"} | changes
        platform(monkeypatch, {psql.OLDER_DOUBLE: [row]})
        monkeypatch.setattr(publishing, "state_of", lambda job, region: state if job else None)
        return lambda: publishing.doubled("j")

    def test_one_that_waits(self, monkeypatch: MP) -> None:
        assert self.have(monkeypatch)() == "eu-west-1"
        assert self.have(monkeypatch, state=None)() == "eu-west-1"

    def test_others(self, monkeypatch: MP) -> None:
        said = "j is published: only what waits is taken back"
        assert refused(self.have(monkeypatch, status="published")) == said
        assert refused(self.have(monkeypatch, older=None)) == "j was ordered once"
        said = "j is in hand: a worker has it"
        assert refused(self.have(monkeypatch, state="active")) == said
        platform(monkeypatch, {psql.OLDER_DOUBLE: []})
        assert refused(lambda: publishing.doubled("j")) == "j is no job"
        platform(monkeypatch, ServiceError("timeout expired"))
        said = "the database says no answer"
        assert unknown(lambda: publishing.doubled("j")) == said


def test_state_of(monkeypatch: MP) -> None:
    def found(job: str, region: str = "us-east-1", queue: str = "publishing") -> str | None:
        lists: dict[str, tuple[object, ...]] = {
            state: ("LRANGE", f"bull:{queue}:{state}", 0, -1) for state in queues.OPEN
        }
        for state in ("prioritized", "delayed"):
            lists[state] = ("ZRANGE", f"bull:{queue}:{state}", 0, -1)
        answers: dict[tuple[object, ...], object] = {
            command: [f"in-{state}"] for state, command in lists.items()
        }
        store(monkeypatch, answers)
        return publishing.state_of(job, region)

    for state in ("wait", "paused", "prioritized", "delayed", "active"):
        assert found(f"in-{state}") == state
    assert found("elsewhere") is None
    assert found("in-active", "eu-west-1", "publishing-eu-west-1") == "active"
    store(monkeypatch, {("LRANGE", "bull:publishing:wait", 0, -1): ServiceError("LOADING")})
    said = "Redis: LOADING"
    assert unknown(lambda: publishing.state_of("j", "us-east-1")) == said
