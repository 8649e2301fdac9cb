"""The worker of one region (`python3 -m smartbeak.worker`)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from starlette.types import Receive, Scope, Send

from smartbeak.data import bull
from smartbeak.data.database import JOB_S, Database
from smartbeak.data.queues import queue_name
from smartbeak.data.store import patient_client
from smartbeak.http import serving
from smartbeak.process.clock import MOST_LAG_S, instant, lag
from smartbeak.process.logs import Log, reason
from smartbeak.process.metrics import CONTENT_TYPE, Metrics
from smartbeak.process.settings import Settings
from smartbeak.worker import targets
from smartbeak.worker.publisher import Publisher

_SILENCE_S = 5.0
_MOST_SAID = 20

MOST_STALLED = 3
"""How often a job may be taken from a worker that said nothing; then it has failed."""

log = Log("worker")


def options(settings: Settings) -> dict[str, Any]:
    """Options of the worker, in BullMQ's words."""
    jobs = settings.jobs
    return {
        "concurrency": jobs.concurrency,
        "maxStalledCount": MOST_STALLED,
        "stalledInterval": jobs.stalled_interval_ms,
        "lockDuration": jobs.lock_duration_ms,
        "limiter": {"max": jobs.rate_max, "duration": jobs.rate_duration_ms},
        "runRetryDelay": 500,
        "name": settings.service,
    }


class RegionWorker:
    """The program and all that it holds.

    Args:
        settings: What it was told.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._database = Database(settings, self._metrics, JOB_S)
        self._redis = patient_client(settings)
        self._http = targets.client(settings.jobs.timeout_ms / 1000)
        self._publisher = Publisher(
            settings,
            self._database,
            self._redis,
            targets.adapters(self._http, settings.secrets),
            self._metrics,
        )
        self._pending: set[asyncio.Task[None]] = set()
        self._said: dict[str, float] = {}

    async def run(self) -> None:
        """Works until a signal ends it."""
        settings = self._settings
        name = queue_name(settings.region)
        worker = bull.worker(name, self._publisher.process, self._redis, options(settings))
        worker.on("failed", self._on_failed)
        worker.on("stalled", self._on_stalled)
        worker.on("error", self._on_error)
        self._metrics.concurrency.labels(settings.region).set(settings.jobs.concurrency)
        ending = asyncio.Event()
        server = _Probes(self._serve, settings)
        probes = asyncio.create_task(server.serve())
        await self._database.open()
        working = asyncio.create_task(worker.run())
        # What the last worker left behind is not only found after an interval.
        first = asyncio.gather(worker.runStalledJobsCheck(), self._look_at_redis())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ending.set)
        log.info("waiting for jobs", queue=name, region=settings.region)
        waiting = asyncio.create_task(ending.wait())
        await asyncio.wait({waiting, working, probes}, return_when=asyncio.FIRST_COMPLETED)
        log.info("ending", inHand=len(asyncio.all_tasks()))
        first.cancel()
        await self._close(worker)
        server.should_exit = True
        await asyncio.wait({probes}, timeout=1)
        log.info("stopped")

    async def _close(self, worker: bull.Worker) -> None:
        """Lets the jobs in hand finish, as long as there is time for it."""
        closing = asyncio.create_task(worker.close())
        done, _ = await asyncio.wait({closing}, timeout=serving.DRAIN_S)
        if not done:
            log.warn("jobs in hand are left to the next worker")
            closing.cancel()
        await asyncio.wait({asyncio.create_task(self._release())}, timeout=1)

    async def _release(self) -> None:
        if self._pending:
            await asyncio.wait(self._pending)
        await self._http.aclose()
        await self._database.close()
        await self._redis.aclose()

    def _on_failed(self, job: bull.Job, error: Exception) -> None:
        if isinstance(error, bull.UnrecoverableError) and error.__cause__ is None:
            # BullMQ's own, without an attempt of ours: the record is still to be made.
            task = asyncio.create_task(self._publisher.given_up(job, str(error)))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

    def _on_stalled(self, job_id: str) -> None:
        self._metrics.jobs_stalled.labels(self._settings.region).inc()
        log.warn("job stalled, taken over", jobId=job_id)

    def _on_error(self, error: Exception, *_: Any) -> None:
        # A queue that cannot be used is tried ten times a second.
        said, now = reason(error), time.monotonic()
        if now - self._said.get(said, -_SILENCE_S) >= _SILENCE_S:
            self._said = {**dict(list(self._said.items())[-_MOST_SAID:]), said: now}
            log.error("queue does not work", error=said)

    async def _look_at_redis(self) -> None:
        """Warns, as BullMQ does, of a Redis that throws jobs away."""
        policy = (await self._redis.info("memory")).get("maxmemory_policy")
        if policy != "noeviction":
            log.warn("Redis may evict jobs", policy=policy, needed="noeviction")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers probes: whether it is stuck, and what it counted."""
        if scope["type"] == "lifespan":
            await _no_lifespan(receive, send)
        elif scope["path"] == "/livez":
            alive = await lag() < MOST_LAG_S
            said = {"alive": alive, "timestamp": instant(datetime.now(UTC))}
            await _answer(send, 200 if alive else 503, "application/json", json.dumps(said))
        elif scope["path"] == "/metrics":
            self._database.count()
            page = await self._metrics.page()
            await _answer(send, 200, CONTENT_TYPE, page.decode())
        else:
            said = {"error": "Route not found", "code": "NOT_FOUND"}
            await _answer(send, 404, "application/json", json.dumps(said))


class _Probes(serving.Server):
    """A server beside the actual work: signals are not for it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Takes none."""
        yield


async def _answer(send: Send, status: int, kind: str, body: str) -> None:
    data = body.encode()
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(data)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


async def _no_lifespan(receive: Receive, send: Send) -> None:
    for kind in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{kind}.complete"})
