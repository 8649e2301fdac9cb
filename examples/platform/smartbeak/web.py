"""The web host: webhooks (`python3 -m smartbeak.web`)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from smartbeak import serving
from smartbeak.clock import MOST_LAG_S, instant, lag
from smartbeak.database import Database
from smartbeak.errors import ApiError, not_found
from smartbeak.gate import Gate
from smartbeak.health import Health
from smartbeak.metrics import CONTENT_TYPE, Metrics
from smartbeak.once import Once
from smartbeak.settings import Settings
from smartbeak.store import Store
from smartbeak.webhooks import PROVIDERS, Webhooks

_ANY = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class WebHost:
    """The program and all that it holds.

    Args:
        settings: What it was told.
    """

    def __init__(self, settings: Settings) -> None:
        self._metrics = Metrics()
        self._database = Database(settings, self._metrics)
        self._store = Store(settings, self._metrics)
        self.health = Health(self._database, self._store, self._metrics)
        self._webhooks = Webhooks(
            settings.secrets, self._database, Once(self._store), self._metrics
        )
        routes = [
            Route("/api/webhooks/{provider}", self._take, methods=_ANY),
            Route("/readyz", self._ready),
            Route("/livez", self._alive),
            Route("/metrics", self._show),
        ]
        router = Router(routes, redirect_slashes=False, default=_missing, lifespan=self._life)
        self.served = Gate(router, self._metrics)

    async def _take(self, request: Request) -> Response:
        """Takes a webhook."""
        provider = request.path_params["provider"]
        if provider not in PROVIDERS:
            raise not_found("Route")
        if request.method != "POST":
            raise ApiError(405, "METHOD_NOT_ALLOWED", "Method not allowed")
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        return JSONResponse(await self._webhooks.take(provider, headers, body))

    async def _ready(self, _: Request) -> Response:
        """Says whether the process takes webhooks."""
        ready = await self.health.ready()
        said = {"ready": ready, "timestamp": instant(datetime.now(UTC))}
        return JSONResponse(said, 200 if ready else 503)

    async def _alive(self, _: Request) -> Response:
        """Says whether the process is stuck."""
        alive = await lag() < MOST_LAG_S
        said = {"alive": alive, "timestamp": instant(datetime.now(UTC))}
        return JSONResponse(said, 200 if alive else 503)

    async def _show(self, _: Request) -> Response:
        """Shows what the process counts."""
        self._database.count()
        return Response(await self._metrics.page(), media_type=CONTENT_TYPE)

    @contextlib.asynccontextmanager
    async def _life(self, _: object) -> AsyncIterator[None]:
        await self._database.open()
        try:
            yield
        finally:
            await self._database.close()
            await self._store.close()


async def _missing(*_: object) -> None:
    raise not_found("Route")


def main() -> None:
    """Serves webhooks until a signal ends it."""
    settings = serving.start("web")
    host = WebHost(settings)

    def ending() -> None:
        host.health.draining = True

    serving.run(serving.Server(host.served, settings.host, settings.port, ending))


if __name__ == "__main__":
    main()
