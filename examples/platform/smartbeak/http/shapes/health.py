"""How a process is."""

from __future__ import annotations

from typing import Any, Literal

from smartbeak.http.shapes.base import Instant, Shape


class Health(Shape):
    """How the process is, for load balancers."""

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: Instant


class Ready(Shape):
    """Whether the process takes requests."""

    ready: bool
    timestamp: Instant


class Alive(Shape):
    """Whether the process is stuck."""

    alive: bool
    timestamp: Instant


class Services(Shape):
    """Which of the things it needs work."""

    database: bool
    redis: bool
    queues: bool


class HealthDetails(Shape):
    """How the process is, for those who run it."""

    status: Literal["healthy", "degraded", "unhealthy"]
    services: Services
    details: dict[str, dict[str, Any]]


class PoolStats(Shape):
    """How the connections of a pool are used."""

    total: int
    idle: int
    waiting: int


class Repositories(Shape):
    """How the process reaches its databases."""

    pools: int
    repositories: int
    pool_stats: dict[str, PoolStats]


class Sequence(Shape):
    """How much of a sequence is used up."""

    name: str
    current_value: int
    max_value: int
    utilization_percent: float
    status: Literal["OK", "WARNING", "CRITICAL"]


class Sequences(Shape):
    """Whether all sequences have room."""

    healthy: bool
    sequences: list[Sequence]
    checked_at: Instant
