"""What the HTTP programs have in common: their app, what it stands on, and who asks it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from smartbeak.access import roles
from smartbeak.access.limits import Limits
from smartbeak.access.tokens import Identity, Tokens, check_revoked
from smartbeak.data.database import COUNT_S, Database
from smartbeak.data.health import Health
from smartbeak.data.store import Store
from smartbeak.http import handlers
from smartbeak.process.metrics import Metrics
from smartbeak.process.releases import Release
from smartbeak.process.settings import Settings

VERSION = "1.0.0"
"""Version of what is served."""


class Application:
    """An app on the database and the store; its program adds routes and a gate.

    Args:
        settings: What the program was told.
        release: Which release it is.
        limits: How often a user may ask.
        title: Of the app's document.
        description: Of the app's document.
        redirect_slashes: Whether a path with a slash too many leads to the one without.
    """

    def __init__(
        self,
        settings: Settings,
        release: Release,
        limits: Limits,
        *,
        title: str,
        description: str,
        redirect_slashes: bool = True,
    ) -> None:
        self.metrics = Metrics()
        self.database = Database(settings, self.metrics)
        self.counting = Database(settings, self.metrics, COUNT_S, aside=True)
        self.store = Store(settings, self.metrics)
        self.health = Health(self.database, self.store, self.metrics, draining=not release.ready)
        self.metrics.refreshers.append(self.count)
        self._tokens = Tokens(settings)
        self.app = FastAPI(
            title=title,
            version=VERSION,
            description=description,
            lifespan=self._life,
            redirect_slashes=redirect_slashes,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            telemetry=handlers.UNTRACED,
        )
        self.app.state.limits = limits
        self.app.state.said = roles.said()
        handlers.add_errors(self.app)

    async def identify(self, token: str) -> Identity:
        """Who shows this token.

        Raises:
            ApiError: It is none, or it counts no longer.
        """
        identity = self._tokens.read(token)
        await check_revoked(self.store, identity)
        return identity

    async def count(self) -> None:
        """Brings the metrics up to date that are only counted when somebody asks."""
        self.database.count()

    @contextlib.asynccontextmanager
    async def _life(self, _: FastAPI) -> AsyncIterator[None]:
        await self.database.open()
        await self.counting.open()
        try:
            yield
        finally:
            await self.counting.close()
            await self.database.close()
            await self.store.close()
