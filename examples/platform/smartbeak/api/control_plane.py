"""The control plane: SmartBeak's HTTP API (`python3 -m smartbeak.api`)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from smartbeak.access import roles
from smartbeak.access.gate import Gate
from smartbeak.access.limits import Limits
from smartbeak.access.tokens import Identity, Tokens, check_revoked
from smartbeak.api import (
    admin,
    alerts,
    billing,
    content,
    media,
    notifications,
    plans,
    publishing,
    reports,
)
from smartbeak.api.admin import Admin, count_jobs
from smartbeak.api.alerts import Alerts
from smartbeak.api.billing import Billing
from smartbeak.api.content import Content
from smartbeak.api.media import Media
from smartbeak.api.notifications import Notifications
from smartbeak.api.publishing import Publishing
from smartbeak.data.database import Database
from smartbeak.data.health import Health
from smartbeak.data.payments import Payments
from smartbeak.data.queues import Queues
from smartbeak.data.store import Store
from smartbeak.http import handlers, probes
from smartbeak.process.errors import UnavailableError
from smartbeak.process.metrics import Metrics, show
from smartbeak.process.releases import GOOD, Defects, Release
from smartbeak.process.settings import Settings

VERSION = "1.0.0"
"""Version of the API."""


class ControlPlane:
    """The program and all that it holds.

    Args:
        settings: What it was told.
        release: Which release it is.
    """

    def __init__(self, settings: Settings, release: Release = GOOD) -> None:
        self._metrics = metrics = Metrics()
        self._database = database = Database(settings, metrics)
        self._store = store = Store(settings, metrics)
        self._queues = queues = Queues(store, settings.jobs)
        self._tokens = Tokens(settings)
        self.health = Health(database, store, metrics, draining=not release.ready)
        metrics.refreshers.append(self._count)
        self.app = FastAPI(
            title="SmartBeak Control Plane API",
            version=VERSION,
            description="Content, publishing and administration of the SmartBeak platform.",
            lifespan=self._life,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            telemetry=handlers.UNTRACED,
        )
        self.app.state.limits = Limits(enabled=settings.limited, plans=release.plans)
        self.app.state.said = roles.said()
        handlers.add_errors(self.app)
        jobs = Publishing(database, queues)
        self.app.include_router(probes.routes(self.health))
        self.app.include_router(reports.routes(self.health))
        self.app.include_router(content.routes(Content(database, store, slugs=release.slugs)))
        self.app.include_router(publishing.routes(jobs))
        self.app.include_router(admin.routes(Admin(database, jobs)))
        self.app.include_router(notifications.routes(Notifications(database)))
        self.app.include_router(alerts.routes(Alerts(database)))
        self.app.include_router(media.routes(Media(database, settings.bucket)))
        self.app.include_router(plans.routes(database))
        payments = Payments(settings.stripe_key)
        self.app.include_router(billing.routes(Billing(database, payments)))
        handlers.add_document(self.app)
        if release.errs or release.slow:
            self.app.add_middleware(Defects, release=release)
        self.served = Gate(self.app, metrics, self._identify, settings.legacy_paths)

    async def _identify(self, token: str) -> Identity:
        identity = self._tokens.read(token)
        await check_revoked(self._store, identity)
        return identity

    async def _count(self) -> None:
        self._database.count()
        with contextlib.suppress(UnavailableError):
            await self._queues.count(self._metrics)
        with contextlib.suppress(UnavailableError):
            statuses, regions, ages = await self._database.run(count_jobs)
            show(self._metrics.publishing_jobs, statuses)
            show(self._metrics.dead_letters, regions)
            show(self._metrics.oldest, ages)

    @contextlib.asynccontextmanager
    async def _life(self, _: FastAPI) -> AsyncIterator[None]:
        await self._database.open()
        try:
            yield
        finally:
            await self._database.close()
            await self._store.close()
