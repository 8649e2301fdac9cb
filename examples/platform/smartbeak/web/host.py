"""The web host: webhooks and the ways to Stripe (`python3 -m smartbeak.web`)."""

from __future__ import annotations

from smartbeak.access.application import Application
from smartbeak.access.gate import Gate
from smartbeak.access.limits import Limits
from smartbeak.data.payments import Payments
from smartbeak.http import handlers, probes
from smartbeak.process.releases import GOOD, Release
from smartbeak.process.settings import Settings
from smartbeak.web import checkout, deliveries
from smartbeak.web.checkout import Desk
from smartbeak.web.once import Once
from smartbeak.web.webhooks import Webhooks


class WebHost(Application):
    """The program and all that it holds.

    Args:
        settings: What it was told.
        release: Which release it is.
    """

    def __init__(self, settings: Settings, release: Release = GOOD) -> None:
        super().__init__(
            settings,
            release,
            Limits(enabled=settings.limited),
            title="SmartBeak web host",
            description="Where the providers of payments and accounts deliver their events, and "
            "users are led to Stripe.",
            redirect_slashes=False,
        )
        webhooks = Webhooks(settings.secrets, self.database, Once(self.store), self.metrics)
        self.app.include_router(deliveries.routes(webhooks))
        desk = Desk(self.database, Payments(settings.stripe_key), settings.app_url)
        self.app.include_router(checkout.routes(desk))
        self.app.include_router(probes.routes(self.health))
        handlers.add_document(self.app)
        self.served = Gate(self.app, self.metrics, self.identify, guarded=checkout.GUARDED)
