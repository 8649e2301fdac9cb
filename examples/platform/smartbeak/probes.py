"""Routes that say how the process is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from smartbeak import shapes
from smartbeak.access import allow, answers
from smartbeak.clock import MOST_LAG_S, lag
from smartbeak.health import Health, status_of
from smartbeak.metrics import CONTENT_TYPE

_METRICS: dict[int | str, dict[str, Any]] = {
    200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}
}


def routes(health: Health) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["health"])

    @router.get("/health", response_model=shapes.Health, responses=unhealthy(shapes.Health))
    async def get_health(response: Response) -> dict[str, Any]:
        """Says how the process is. Queues in trouble only degrade it."""
        status = status_of(await health.check())
        response.status_code = 503 if status == "unhealthy" else 200
        return {"status": status, "timestamp": datetime.now(UTC)}

    @router.get(
        "/health/detailed",
        response_model=shapes.HealthDetails,
        responses=answers(401, 403, 429, 503),
        dependencies=[allow("GET", "/health/detailed")],
    )
    async def get_details() -> dict[str, Any]:
        """Says what of the things it needs works, and why not."""
        found = await health.check()
        return {
            "status": status_of(found),
            "services": {name: each["status"] == "ok" for name, each in found.items()},
            "details": found,
        }

    for add in (add_ready, add_alive, add_metrics):
        add(router, health)
    return router


def add_ready(router: APIRouter, health: Health) -> None:
    """Adds the readiness probe."""

    @router.get("/readyz", response_model=shapes.Ready, responses=unhealthy(shapes.Ready))
    async def get_ready(response: Response) -> dict[str, Any]:
        """Says whether the process takes requests: not while it ends or lacks a dependency."""
        ready = await health.ready()
        response.status_code = 200 if ready else 503
        return {"ready": ready, "timestamp": datetime.now(UTC)}


def add_alive(router: APIRouter, health: Health) -> None:
    """Adds the liveness probe."""

    @router.get("/livez", response_model=shapes.Alive, responses=unhealthy(shapes.Alive))
    async def get_alive(response: Response) -> dict[str, Any]:
        """Says whether the process is stuck; what it needs does not matter here."""
        alive = await lag() < MOST_LAG_S
        response.status_code = 200 if alive else 503
        return {"alive": alive, "timestamp": datetime.now(UTC)}


def add_metrics(router: APIRouter, health: Health) -> None:
    """Adds what Prometheus reads."""

    @router.get("/metrics", response_class=Response, responses=_METRICS)
    async def get_metrics() -> Response:
        """Shows what the process counts."""
        return Response(await health.metrics.page(), media_type=CONTENT_TYPE)


def unhealthy(shape: type[shapes.Shape]) -> dict[int | str, dict[str, Any]]:
    """The answer of a probe when it says no."""
    return {503: {"model": shape, "description": "It is not."}}
