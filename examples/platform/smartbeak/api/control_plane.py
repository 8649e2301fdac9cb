"""The control plane: SmartBeak's HTTP API (`python3 -m smartbeak.api`)."""

from __future__ import annotations

import asyncio
import contextlib

from smartbeak.access.application import Application
from smartbeak.access.gate import Gate
from smartbeak.access.limits import Limits
from smartbeak.access.roles import PUBLIC
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
from smartbeak.data.payments import Payments
from smartbeak.data.queues import Queues
from smartbeak.http import handlers, probes
from smartbeak.process.errors import UnavailableError
from smartbeak.process.metrics import show
from smartbeak.process.releases import GOOD, Defects, Release
from smartbeak.process.settings import Settings


class ControlPlane(Application):
    """The program and all that it holds.

    Args:
        settings: What it was told.
        release: Which release it is.
    """

    def __init__(self, settings: Settings, release: Release = GOOD) -> None:
        super().__init__(
            settings,
            release,
            Limits(enabled=settings.limited, plans=release.plans),
            title="SmartBeak Control Plane API",
            description="Content, publishing and administration of the SmartBeak platform.",
        )
        database, store = self.database, self.store
        self._queues = queues = Queues(store, settings.jobs)
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
        stay = frozenset({"/health"}) if release.redirects else PUBLIC
        self.served = Gate(self.app, self.metrics, self.identify, settings.legacy_paths, stay=stay)

    async def count(self) -> None:
        """See `Application.count`."""
        await super().count()
        await asyncio.gather(self._count_queues(), self._count_jobs())

    async def _count_queues(self) -> None:
        with contextlib.suppress(UnavailableError):
            await self._queues.count(self.metrics)

    async def _count_jobs(self) -> None:
        with contextlib.suppress(UnavailableError):
            statuses, regions, ages = await self.counting.run(count_jobs)
            show(self.metrics.publishing_jobs, statuses)
            show(self.metrics.dead_letters, regions)
            show(self.metrics.oldest, ages)
