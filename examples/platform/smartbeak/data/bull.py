"""BullMQ's classes, with the types that the library does not ship."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, cast

import bullmq
from bullmq.custom_errors import (
    DelayedError,
    UnrecoverableError,
)

from smartbeak.data.store import Client

__all__ = ["DelayedError", "Job", "Queue", "UnrecoverableError", "Worker", "queue", "worker"]

Options = Mapping[str, Any]
"""Options in BullMQ's own words."""


class Job(Protocol):
    """A job of a queue."""

    id: str
    name: str
    data: Any
    opts: dict[str, Any]
    attemptsMade: int
    failedReason: str | None

    async def retry(self, state: str = ..., opts: Options = ...) -> None:
        """Puts a finished job back into the queue."""

    async def remove(self) -> None:
        """Takes it out of the queue."""

    async def getState(self) -> str:
        """`waiting`, `prioritized`, `delayed`, `active`, `completed`, `failed`, `unknown`."""

    async def moveToDelayed(self, timestamp: int, token: str) -> None:
        """Puts it off; the processor raises DelayedError then."""


class Queue(Protocol):
    """A queue, from the side that fills it."""

    async def add(self, name: str, data: Any, opts: Options) -> Job:
        """Adds a job."""

    async def getJob(self, job_id: str) -> Job | None:
        """The job with this id."""

    async def getJobCounts(self, *types: str) -> dict[str, int]:
        """How many jobs there are, by state."""

    async def isPaused(self) -> bool:
        """Whether no job is begun."""


class Worker(Protocol):
    """A queue, from the side that empties it."""

    async def run(self) -> None:
        """Works until it is closed."""

    async def close(self, force: bool = ...) -> None:
        """Ends; waits for the jobs in hand unless forced."""

    async def runStalledJobsCheck(self) -> None:
        """Takes jobs from workers that said nothing for too long."""

    def on(self, event: str, function: Callable[..., Any]) -> Any:
        """Calls a function at each event of this name."""


Processor = Callable[[Job, str], Awaitable[Any]]
"""Works on a job; the text is the token of the job's lock."""


def queue(name: str, client: Client) -> Queue:
    """The queue of this name."""
    return cast(Queue, bullmq.Queue(name, {"connection": client}))


def worker(name: str, processor: Processor, client: Client, options: Options) -> Worker:
    """A worker for the queue of this name; it begins with `run`."""
    return cast(
        Worker,
        bullmq.Worker(name, processor, {**options, "connection": client, "autorun": False}),
    )
