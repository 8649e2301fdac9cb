"""Guards of a queue.

Each reason for which one refuses is seen, by its own words. The servers are stand-ins; that
the questions are right is seen against real ones by the runbooks' drills.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smartbeak_ops import reading
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.guards import cache, publishing
from smartbeak_ops.looks import queues
from tests.stack.guards.fakes import (
    MP,
    FakeStore,
    refused,
    store,
    unknown,
)


def test_end(monkeypatch: MP) -> None:
    words = {5: ["python3", "--name", "smartbeak-report-worker"], 6: ["smartbeak-api"]}
    monkeypatch.setattr(reading, "command_line", lambda pid: words.get(pid))
    cache.end(5, "smartbeak-report-worker")
    for name in ("", "smartbeak-api", "smartbeak-web", "smartbeak-worker", "smartbeak-worker-eu"):
        assert refused(cache.end, 5, name) == f"'{name}' is not ended here"
    assert refused(lambda: cache.end(7, "report")) == "there is no process 7"
    assert refused(lambda: cache.end(5, "report")) == "process 5 is not report"


PAUSED = ("HEXISTS", "bull:publishing:meta", "paused")


def test_resume_and_pause(monkeypatch: MP) -> None:
    store(monkeypatch, {PAUSED: True})
    publishing.resume("publishing")
    said = "publishing is paused already"
    assert refused(lambda: publishing.pause("publishing")) == said
    store(monkeypatch, {PAUSED: False})
    publishing.pause("publishing")
    assert refused(lambda: publishing.resume("publishing")) == "publishing is not paused"
    for guard in (publishing.pause, publishing.resume):
        assert refused(guard, "a b") == "'a b' is no name of a queue"
        store(monkeypatch, {PAUSED: ServiceError("Connection refused")})
        assert unknown(guard, "publishing") == "Redis: Connection refused"


class TestRemove:
    def have(
        self, monkeypatch: MP, jobs: list[dict[str, Any]] | ServiceError, clients: str = ""
    ) -> Callable[[], None]:
        store(monkeypatch, {("CLIENT", "LIST"): clients})

        def in_hand(asked: object, queue: str, most: int) -> list[dict[str, Any]]:
            assert isinstance(asked, FakeStore)
            assert (queue, most) == ("publishing", 1000)
            if isinstance(jobs, ServiceError):
                raise jobs
            return jobs

        monkeypatch.setattr(queues, "in_hand", in_hand)
        return lambda: publishing.remove("publishing", "j")

    def test_one_that_was_begun_and_left(self, monkeypatch: MP) -> None:
        jobs = [{"job": "i", "locked": True}, {"job": "j", "locked": False}]
        self.have(monkeypatch, jobs)()

    def test_connected_workers(self, monkeypatch: MP) -> None:
        said = "workers are connected, and may have it in hand"
        for name in ("bull:publishing:w:worker", "bull:cHVibGlzaGluZw=="):
            ask = self.have(monkeypatch, [], f"id=1 name={name} age=1\n")
            assert refused(ask) == said
        ask = self.have(
            monkeypatch, [{"job": "j", "locked": False}], "id=1 name=bull:publishing-eu:w:w age=1"
        )
        ask()

    def test_an_innocent_job(self, monkeypatch: MP) -> None:
        said = "j is no job that was begun and left"
        assert refused(self.have(monkeypatch, [{"job": "i", "locked": False}])) == said

    def test_a_locked_job(self, monkeypatch: MP) -> None:
        said = "j is locked: a worker has it in hand"
        assert refused(self.have(monkeypatch, [{"job": "j", "locked": True}])) == said

    def test_silence(self, monkeypatch: MP) -> None:
        said = "Redis: Connection refused"
        assert unknown(self.have(monkeypatch, ServiceError("Connection refused"))) == said
