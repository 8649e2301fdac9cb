"""Routes of usage alerts: what an organization wants to be told of."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import DictRow

from smartbeak.access.dependencies import allow, answers, whoever
from smartbeak.access.tokens import Identity
from smartbeak.data.database import Connection, Database, fetch
from smartbeak.http.shapes.alerts import ActiveAlerts, AlertMade, NewAlert
from smartbeak.process.errors import forbidden

User = Annotated[Identity, Depends(whoever)]

MOST_LISTED = 200
"""Alerts in a list."""

_ACTIVE = """
SELECT id, org_id, metric, threshold, triggered, created_at FROM usage_alerts
WHERE org_id = %s AND triggered = false ORDER BY created_at DESC, id LIMIT %s
"""


class Alerts:
    """Usage alerts of all organizations.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, user: Identity) -> list[DictRow]:
        """The organization's alerts that have not been triggered, newest first."""
        return await self._database.run(
            lambda connection: fetch(connection, _ACTIVE, user.org, MOST_LISTED)
        )

    async def create(self, user: Identity, new: NewAlert) -> None:
        """Adds an alert; there may be several of one metric.

        Raises:
            ApiError: 403, the organization is gone.
        """

        async def work(connection: Connection) -> None:
            await connection.execute(
                "INSERT INTO usage_alerts (id, org_id, metric, threshold) VALUES (%s, %s, %s, %s)",
                (str(uuid.uuid4()), user.org, new.metric, new.threshold),
            )

        try:
            await self._database.run(work)
        except ForeignKeyViolation:
            raise forbidden() from None


def routes(alerts: Alerts) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/alerts", tags=["alerts"])

    @router.get(
        "", response_model=ActiveAlerts, responses=answers(401, 403, 429, 503),
        dependencies=[allow("GET", "/v1/alerts")],
    )  # fmt: skip
    async def list_alerts(user: User) -> dict[str, Any]:
        """Lists the organization's alerts that have not been triggered, newest first."""
        return {"alerts": await alerts.list(user)}

    @router.post(
        "", response_model=AlertMade, responses=answers(400, 401, 403, 413, 429, 503),
        dependencies=[allow("POST", "/v1/alerts")],
    )  # fmt: skip
    async def create_alert(user: User, new: NewAlert) -> dict[str, Any]:
        """Adds an alert that is due when a metric reaches a threshold."""
        await alerts.create(user, new)
        return {"metric": new.metric, "threshold": new.threshold}

    return router
