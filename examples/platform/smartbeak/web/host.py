"""The web host: webhooks and the ways to Stripe (`python3 -m smartbeak.web`)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from smartbeak.access import roles
from smartbeak.access.gate import Gate
from smartbeak.access.limits import Limits
from smartbeak.access.tokens import Identity, Tokens, check_revoked
from smartbeak.data.database import Database
from smartbeak.data.health import Health
from smartbeak.data.payments import Payments
from smartbeak.data.store import Store
from smartbeak.http import handlers, probes
from smartbeak.process.metrics import Metrics
from smartbeak.process.releases import GOOD, Release
from smartbeak.process.settings import Settings
from smartbeak.web import checkout, deliveries
from smartbeak.web.checkout import Desk
from smartbeak.web.once import Once
from smartbeak.web.webhooks import Webhooks

VERSION = "1.0.0"
"""Version of what is served."""


class WebHost:
    """The program and all that it holds.

    Args:
        settings: What it was told.
        release: Which release it is.
    """

    def __init__(self, settings: Settings, release: Release = GOOD) -> None:
        metrics = Metrics()
        self._database = database = Database(settings, metrics)
        self._store = store = Store(settings, metrics)
        self.health = Health(database, store, metrics, draining=not release.ready)
        metrics.refreshers.append(self._count)
        self.app = FastAPI(
            title="SmartBeak web host",
            version=VERSION,
            description="Where the providers of payments and accounts deliver their events, and "
            "users are led to Stripe.",
            lifespan=self._life,
            redirect_slashes=False,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            telemetry=handlers.UNTRACED,
        )
        self.app.state.limits = Limits(enabled=settings.limited)
        self.app.state.said = roles.said()
        handlers.add_errors(self.app)
        webhooks = Webhooks(settings.secrets, database, Once(store), metrics)
        self.app.include_router(deliveries.routes(webhooks))
        desk = Desk(database, Payments(settings.stripe_key), settings.app_url)
        self.app.include_router(checkout.routes(desk))
        self.app.include_router(probes.routes(self.health))
        handlers.add_document(self.app)
        self._tokens = Tokens(settings)
        self.served = Gate(self.app, metrics, self._identify, guarded=checkout.GUARDED)

    async def _identify(self, token: str) -> Identity:
        identity = self._tokens.read(token)
        await check_revoked(self._store, identity)
        return identity

    async def _count(self) -> None:
        self._database.count()

    @contextlib.asynccontextmanager
    async def _life(self, _: FastAPI) -> AsyncIterator[None]:
        await self._database.open()
        try:
            yield
        finally:
            await self._database.close()
            await self._store.close()
