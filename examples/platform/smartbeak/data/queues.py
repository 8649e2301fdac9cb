"""The publishing queues: names, options, and what the API does with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass

from opentelemetry import trace

from smartbeak.data import bull
from smartbeak.data.store import Store
from smartbeak.process.errors import ApiError, UnavailableError
from smartbeak.process.metrics import Metrics, show
from smartbeak.process.settings import HOME_REGION, Jobs

JOB_NAME = "publish-execution"
"""What every job of these queues is called."""

DECLARED = (
    *("high_priority", "ai-tasks", "publishing", "low_priority_exports", "notifications"),
    *("analytics", "feedback", "experiments", "events"),
)
"""Queues that the platform declares."""

PRIORITY = 25
"""`high`, as the platform registers the job: it waits among the prioritized ones."""

MOST_WAITING = 1000
"""A job is refused when more than so many wait."""

MOST_BYTES = 1024 * 1024
"""Longest data of a job."""

WAITING = ("wait", "paused", "prioritized")
"""States of jobs that could begin at once."""

_tracer = trace.get_tracer("smartbeak")

STATES = (*WAITING, "delayed", "active", "completed", "failed")
"""Every state that is counted."""


@dataclass(frozen=True)
class JobData:
    """What a job says of itself."""

    jobId: str
    domainId: str
    contentId: str
    targetId: str
    region: str

    @classmethod
    def read(cls, data: object) -> JobData:
        """The data of a job that came out of a queue.

        Raises:
            ValueError: It is not what a publishing job says.
        """
        if not isinstance(data, Mapping):
            raise ValueError("Validation failed: data is not an object")
        values = {name: data.get(name) for name in cls.__dataclass_fields__}
        if missing := [name for name, value in values.items() if not isinstance(value, str)]:
            raise ValueError(f"Validation failed: no {', '.join(missing)}")
        return cls(**{name: str(value) for name, value in values.items()})


def queue_name(region: str) -> str:
    """The queue of a region.

    The platform has one queue and only writes a region into each job. A BullMQ worker
    takes whatever comes next, so regions need queues of their own; the home region
    keeps the platform's name.
    """
    return "publishing" if region == HOME_REGION else f"publishing-{region}"


def traced(operation: str, queue: str) -> AbstractContextManager[trace.Span]:
    """A span for what is done with a queue.

    Args:
        operation: `add`, or `process`.
        queue: Its name.
    """
    return _tracer.start_as_current_span(
        f"{operation} {queue}",
        kind=trace.SpanKind.PRODUCER if operation == "add" else trace.SpanKind.CONSUMER,
        attributes={
            "messaging.system": "bullmq",
            "messaging.destination.name": queue,
            "messaging.operation.name": operation,
        },
    )


def options(jobs: Jobs, job_id: str) -> dict[str, object]:
    """Options of one job, in BullMQ's words."""
    return {
        "jobId": job_id,
        "attempts": jobs.attempts,
        "backoff": {"type": "exponential", "delay": jobs.retry_delay_ms},
        "priority": PRIORITY,
        "removeOnComplete": {"count": jobs.keep_completed},
        "removeOnFail": {"count": jobs.keep_failed},
    }


class Queues:
    """The publishing queues, one for each region.

    Args:
        store: Redis.
        jobs: How jobs are tried and kept.
    """

    def __init__(self, store: Store, jobs: Jobs) -> None:
        self._store = store
        self._jobs = jobs
        self._queues: dict[str, bull.Queue] = {}

    async def admit(self, region: str) -> None:
        """Lets a job through, unless too many wait.

        Raises:
            ApiError: The queue takes no more.
            UnavailableError: Redis is away.
        """
        counts = await self._store.ask(self._queue(region).getJobCounts(*WAITING))
        if sum(counts.values()) > MOST_WAITING:
            raise ApiError(
                503,
                "SERVICE_UNAVAILABLE",
                f"Queue {queue_name(region)} takes no more jobs",
                retry_after_s=60,
            )

    async def add(self, data: JobData) -> None:
        """Adds a job; adding it twice is adding it once.

        Raises:
            UnavailableError: It may or may not be there.
        """
        said = asdict(data)
        assert len(json.dumps(said)) <= MOST_BYTES, "ids are short"
        queue = self._queue(data.region)
        with traced("add", queue_name(data.region)):
            await self._store.ask(queue.add(JOB_NAME, said, options(self._jobs, data.jobId)))

    async def state(self, region: str, job_id: str) -> str:
        """Where the job is; `unknown` if it is in no queue."""
        job = await self._store.ask(self._queue(region).getJob(job_id))
        return "unknown" if job is None else await self._store.ask(job.getState())

    async def again(self, data: JobData) -> None:
        """Puts a job into the queue that has been there before, or not.

        Raises:
            UnavailableError: It may or may not be there.
        """
        job = await self._store.ask(self._queue(data.region).getJob(data.jobId))
        if job is not None:
            # A new one, not a retry of the old: its data and options are today's.
            try:
                await self._store.ask(job.remove())
            except UnavailableError:
                raise
            except Exception as error:
                raise UnavailableError("redis", str(error)) from error
        await self.add(data)

    async def count(self, metrics: Metrics) -> None:
        """Brings the gauges of the queues that were used up to date."""
        for region in {HOME_REGION, *self._queues}:
            name = queue_name(region)
            queue = self._queue(region)
            show(metrics.queue_jobs, await self._store.ask(queue.getJobCounts(*STATES)), queue=name)
            metrics.queue_paused.labels(name).set(await self._store.ask(queue.isPaused()))

    def _queue(self, region: str) -> bull.Queue:
        if region not in self._queues:
            self._queues[region] = bull.queue(queue_name(region), self._store.client)
        return self._queues[region]
