"""Routes by which machines look after a process, the same for every HTTP program."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from smartbeak.data.health import Health
from smartbeak.http.shapes import health as shapes
from smartbeak.http.shapes.base import Shape
from smartbeak.process.clock import MOST_LAG_S, lag
from smartbeak.process.metrics import CONTENT_TYPE

_METRICS: dict[int | str, dict[str, Any]] = {
    200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}
}


def routes(health: Health) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["health"])

    @router.get("/readyz", response_model=shapes.Ready, responses=unhealthy(shapes.Ready))
    async def get_ready(response: Response) -> dict[str, Any]:
        """Says whether the process takes requests: not while it ends or lacks a dependency."""
        ready = await health.ready()
        response.status_code = 200 if ready else 503
        return {"ready": ready, "timestamp": datetime.now(UTC)}

    @router.get("/livez", response_model=shapes.Alive, responses=unhealthy(shapes.Alive))
    async def get_alive(response: Response) -> dict[str, Any]:
        """Says whether the process is stuck; what it needs does not matter here."""
        alive = await lag() < MOST_LAG_S
        response.status_code = 200 if alive else 503
        return {"alive": alive, "timestamp": datetime.now(UTC)}

    @router.get("/metrics", response_class=Response, responses=_METRICS)
    async def get_metrics() -> Response:
        """Shows what the process counts."""
        return Response(await health.metrics.page(), media_type=CONTENT_TYPE)

    return router


def unhealthy(shape: type[Shape]) -> dict[int | str, dict[str, Any]]:
    """The answer of a probe when it says no."""
    return {503: {"model": shape, "description": "It is not."}}
