"""Routes that say how the API is: in a word to anybody, at length to those who run it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from smartbeak.access.dependencies import allow, answers
from smartbeak.data import sequences
from smartbeak.data.health import Health, status_of
from smartbeak.http.probes import unhealthy
from smartbeak.http.shapes import health as shapes
from smartbeak.http.shapes.base import Problem
from smartbeak.process.errors import UnavailableError
from smartbeak.process.logs import Log

log = Log("health")

_FULL: dict[int | str, dict[str, Any]] = {
    **answers(401, 403, 429),
    503: {
        "model": shapes.Sequences | Problem,
        "description": "A sequence is nearly used up, or PostgreSQL or Redis is away.",
    },
}


def routes(health: Health) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/health", tags=["health"])
    usual = answers(401, 403, 429, 503)

    @router.get("", response_model=shapes.Health, responses=unhealthy(shapes.Health))
    async def get_health(response: Response) -> dict[str, Any]:
        """Says how the process is. Queues in trouble only degrade it."""
        status = status_of(await health.check())
        response.status_code = 503 if status == "unhealthy" else 200
        return {"status": status, "timestamp": datetime.now(UTC)}

    @router.get(
        "/detailed", response_model=shapes.HealthDetails, responses=usual,
        dependencies=[allow("GET", "/health/detailed")],
    )  # fmt: skip
    async def get_details() -> dict[str, Any]:
        """Says what of the things it needs works, and why not."""
        found = await health.check()
        return {
            "status": status_of(found),
            "services": {name: each["status"] == "ok" for name, each in found.items()},
            "details": found,
        }

    @router.get(
        "/repositories", response_model=shapes.Repositories, responses=usual,
        dependencies=[allow("GET", "/health/repositories")],
    )  # fmt: skip
    async def get_repositories() -> dict[str, Any]:
        """Says how the process uses its connections to PostgreSQL."""
        stats = {health.database.key: health.database.stats()}
        # The platform counts objects of its code here, of a kind that this code has not.
        return {"pools": len(stats), "repositories": 0, "pool_stats": stats}

    @router.get(
        "/sequences", response_model=shapes.Sequences, responses=_FULL,
        dependencies=[allow("GET", "/health/sequences")],
    )  # fmt: skip
    async def get_sequences(response: Response) -> dict[str, Any]:
        """Says how much of each sequence is used up; without PostgreSQL, that none is healthy."""
        try:
            found = await health.database.run(sequences.read)
            healthy = sequences.healthy(found)
        except UnavailableError as error:
            log.warn("dependency away", dependency=error.service, error=error.cause)
            found, healthy = [], False
        response.status_code = 200 if healthy else 503
        return {"healthy": healthy, "sequences": found, "checked_at": datetime.now(UTC)}

    return router
