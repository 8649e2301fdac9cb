"""Dead letters, queues and switches."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool

from smartbeak.http.shapes.base import Instant, Ok, Shape

Region = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class DeadLetter(Shape):
    """A publishing job that was given up."""

    id: str
    job_id: str
    region: str
    error_message: str | None
    error_stack: str | None
    error_category: str
    job_data: Any
    retry_count: int
    created_at: Instant | None


class Retried(Shape):
    """Whether there was a dead letter to retry."""

    success: Literal[True] = True
    data: bool


class QueueMetrics(Shape):
    """How a queue is doing for one organization."""

    backlog: int
    error_rate: float
    concurrency: Literal["adaptive"] = "adaptive"


class AllQueueMetrics(Shape):
    """How the queues are doing."""

    publishing: QueueMetrics
    search: QueueMetrics


class Flag(Shape):
    """A switch of an organization."""

    key: str
    value: bool


class FlagValue(Shape):
    """What a switch is set to."""

    value: StrictBool


class FlagSet(Ok):
    """A switch that was set."""

    key: str
