"""What a worker does with one publishing job, from the queue to the target and the record."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.rows import DictRow
from redis.exceptions import RedisError

from smartbeak.data import bull, jobs, locks
from smartbeak.data.database import Database
from smartbeak.data.jobs import Failure
from smartbeak.data.queues import JobData, queue_name, traced
from smartbeak.data.store import Client
from smartbeak.process.errors import UnavailableError
from smartbeak.process.logs import Log, reason
from smartbeak.process.metrics import Metrics
from smartbeak.process.settings import Settings
from smartbeak.worker.breaker import Breaker, OpenError
from smartbeak.worker.summary import summary_of
from smartbeak.worker.targets import Accepted, Adapter, Post, TargetError, host_of

AGAIN_MS = 1000
"""When a job is looked at again that could not be tried now; that is no attempt."""

_STACK_LINES = 5

log = Log("worker")


class LostError(Exception):
    """Another worker may have the job by now."""


class WrongError(Exception):
    """A job that no further attempt can help."""


@dataclass
class Publisher:
    """Publishes the jobs of one region.

    Attributes:
        settings: How jobs are tried.
        database: Where they are recorded.
        redis: Where their locks are.
        adapters: The way to each kind of target.
        metrics: Where attempts are counted.
    """

    settings: Settings
    database: Database
    redis: Client
    adapters: Mapping[str, Adapter]
    metrics: Metrics

    def __post_init__(self) -> None:
        self._breakers: dict[tuple[str, str], Breaker] = {}

    async def process(self, job: bull.Job, token: str) -> dict[str, str]:
        """Tries a job once.

        Args:
            job: As it came out of the queue.
            token: Of BullMQ's lock on it.

        Returns:
            What stays with the job in the queue's records.

        Raises:
            DelayedError: It was not tried, and comes again.
            UnrecoverableError: No further attempt can help.
            Exception: The attempt failed; BullMQ tries again, or gives up.
        """
        try:
            data = JobData.read(job.data)
        except ValueError as error:
            raise bull.UnrecoverableError(str(error)) from error
        region = self.settings.region
        self.metrics.in_flight.labels(region).inc()
        self.metrics.jobs_started.labels(region).inc()
        try:
            with traced("process", queue_name(region)):
                return await self._locked(job, data, token)
        finally:
            self.metrics.in_flight.labels(region).dec()

    async def _locked(self, job: bull.Job, data: JobData, token: str) -> dict[str, str]:
        resource = f"publish:{data.jobId}"
        ttl_ms = self.settings.jobs.lock_duration_ms
        try:
            async with locks.hold(self.redis, resource, ttl_ms) as lock:
                if lock is None:
                    raise LostError("another worker has it")
                return await self._try(job, data, lock)
        except (UnavailableError, LostError, RedisError) as error:
            # Not the job's fault: it comes again, and has as many attempts as before.
            cause = error.cause if isinstance(error, UnavailableError) else reason(error)
            log.warn("job put off", jobId=data.jobId, error=cause)
            await job.moveToDelayed(round(time.time() * 1000) + AGAIN_MS, token)
            raise bull.DelayedError(cause) from error

    async def _try(self, job: bull.Job, data: JobData, lock: locks.Lock) -> dict[str, str]:
        about = {"jobId": data.jobId, "targetId": data.targetId, "region": data.region}
        row = await self.database.run(lambda link: jobs.begin(link, data.jobId))
        if row is None:
            log.warn("job is gone", **about)
            return {"status": "gone"}
        if row["status"] == "published":
            log.info("job is published already", **about)
            return {"status": "published"}
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.settings.jobs.timeout_ms / 1000):
                accepted = await self._publish(data, row, lock)
        except (UnavailableError, LostError):
            raise
        except Exception as error:
            await self._failed(job, data, error, about)
            raise
        age = await self.database.run(lambda link: jobs.succeed(link, data.jobId))
        self._ended("published", age)
        self.metrics.jobs_completed.labels(self.settings.region).inc()
        took = round((time.monotonic() - began) * 1000)
        log.info(
            "published", **about, attempt=job.attemptsMade + 1, externalId=accepted.id,
            before=accepted.before, ms=took,
        )  # fmt: skip
        return {"status": "published", "externalId": accepted.id}

    async def _publish(self, data: JobData, row: DictRow, lock: locks.Lock) -> Accepted:
        adapter = self.adapters.get(row["type"] or "")
        if row["title"] is None or row["domain_name"] is None:
            raise WrongError("content is gone")
        if adapter is None:
            raise WrongError("target is gone" if row["type"] is None else "unknown kind of target")
        if not row["enabled"]:
            raise WrongError("target is disabled")
        breaker = self._breaker(row["type"], host_of(row["config"]))
        breaker.enter()
        post = Post(
            key=data.jobId,
            title=row["title"],
            body=row["body"],
            summary=summary_of(row["title"]),
            site=row["domain_name"],
        )

        def fence() -> None:
            if not lock.held:
                raise LostError("the lock on it ended")

        try:
            accepted = await adapter.publish(row["config"], post, fence)
        except TargetError as error:
            if error.counts:
                breaker.failed()
            raise
        except asyncio.CancelledError:
            breaker.failed()
            raise
        breaker.worked()
        return accepted

    async def _failed(
        self, job: bull.Job, data: JobData, error: Exception, about: Mapping[str, str]
    ) -> None:
        """Records an attempt that failed; without a database, the attempt does not count."""
        attempt, most = job.attemptsMade + 1, int(job.opts.get("attempts") or 1)
        final = attempt >= most or isinstance(error, WrongError)
        failure = _failure(error, self.settings.jobs.timeout_ms)
        age = await self.database.run(
            lambda link: jobs.fail(link, data, failure, final=final, retries=attempt)
        )
        self._ended("failed", age)
        self.metrics.jobs_failed.labels(self.settings.region).inc()
        say = log.error if final else log.warn
        message = "job failed" if final else "attempt failed"
        say(message, **about, attempt=attempt, of=most, error=failure.message)
        if isinstance(error, WrongError):
            raise bull.UnrecoverableError(failure.message) from error

    async def given_up(self, job: bull.Job, why: str) -> None:
        """Records a job that BullMQ gave up without trying it: it stalled too often.

        Args:
            job: The job.
            why: What BullMQ said.
        """
        try:
            data = JobData.read(job.data)
            failure = Failure(why, "timeout")
            age = await self.database.run(
                lambda link: jobs.fail(link, data, failure, final=True, retries=job.attemptsMade)
            )
            self._ended("failed", age)
            log.error("job failed", jobId=data.jobId, region=data.region, error=why)
        except ValueError as error:
            log.error("job of no use", queueJob=job.id, error=str(error))
        except UnavailableError as error:
            log.error("failure not recorded", queueJob=job.id, error=error.cause)

    def _ended(self, outcome: str, age_s: float | None) -> None:
        if age_s is not None:
            self.metrics.delay.labels(self.settings.region, outcome).observe(age_s)

    def _breaker(self, adapter: str, host: str) -> Breaker:
        key = (adapter, host)
        if key not in self._breakers:
            self._breakers[key] = Breaker(adapter, host, self.settings.jobs, self.metrics)
        return self._breakers[key]


def _failure(error: Exception, timeout_ms: int) -> Failure:
    if isinstance(error, TimeoutError):
        return Failure(f"Job timeout after {timeout_ms}ms", "timeout")
    if isinstance(error, TargetError):
        return Failure(reason(error), error.category)
    if isinstance(error, OpenError):
        return Failure(reason(error), "network")
    if isinstance(error, WrongError):
        return Failure(reason(error), "validation")
    lines = traceback.format_exception(error)[-_STACK_LINES:]
    return Failure(f"{type(error).__name__}: {reason(error)}", "unknown", "".join(lines))
