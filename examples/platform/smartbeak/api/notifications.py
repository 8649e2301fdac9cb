"""Routes of notifications: what became of an organization's, and one more try."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from psycopg.rows import DictRow

from smartbeak.access.dependencies import allow, answers, whoever
from smartbeak.access.tokens import Identity
from smartbeak.data.database import Database, fetch, fetch_one
from smartbeak.http.shapes.base import ID, Ok
from smartbeak.http.shapes.notifications import (
    NotificationLetter,
    NotificationMetrics,
    NotificationRow,
)
from smartbeak.process.errors import not_found

User = Annotated[Identity, Depends(whoever)]
NotificationId = Annotated[str, Path(pattern=ID)]

MOST_LISTED = 100
"""Notifications in a list."""

MOST_LETTERS = 50
"""Dead letters in a list."""

_LIST = """
SELECT id, org_id, user_id, channel, template, status, created_at FROM notifications
WHERE org_id = %s ORDER BY created_at DESC, id LIMIT %s
"""

# A dead letter does not say whose it is; its notification does.
_LETTERS = """
SELECT letter.id, letter.notification_id, letter.channel, letter.reason, letter.created_at
FROM notification_dlq AS letter
JOIN notifications AS notification ON notification.id = letter.notification_id
WHERE notification.org_id = %s ORDER BY letter.created_at DESC, letter.id LIMIT %s
"""

_METRICS = """
SELECT count(*) FILTER (WHERE status = 'delivered') AS delivered,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) AS total
FROM notifications WHERE org_id = %s
"""

# The token says that a worker has it in hand: with the old one, no worker would take it.
_RETRY = """
UPDATE notifications SET status = 'pending', delivery_token = NULL, updated_at = now()
WHERE id = %s AND org_id = %s AND status = 'failed' RETURNING id
"""

_CANCEL = """
UPDATE notifications SET status = 'cancelled', updated_at = now()
WHERE id = %s AND org_id = %s AND status = 'pending' RETURNING id
"""


class Notifications:
    """Notifications of all organizations.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def letters(self, user: Identity) -> list[DictRow]:
        """Dead letters of the organization's notifications, newest first."""
        return await self._database.run(
            lambda connection: fetch(connection, _LETTERS, user.org, MOST_LETTERS)
        )

    async def list(self, user: Identity) -> list[DictRow]:
        """The organization's notifications, newest first."""
        return await self._database.run(
            lambda connection: fetch(connection, _LIST, user.org, MOST_LISTED)
        )

    async def metrics(self, user: Identity) -> DictRow:
        """How many of the organization's notifications were delivered, and how many not."""
        row = await self._database.run(lambda connection: fetch_one(connection, _METRICS, user.org))
        assert row is not None, "counts are always there"
        return row

    async def retry(self, user: Identity, notification_id: str) -> None:
        """Makes a failed notification pending again; its dead letters stay."""
        await self._change(_RETRY, user, notification_id)

    async def cancel(self, user: Identity, notification_id: str) -> None:
        """Cancels a notification that is still pending."""
        await self._change(_CANCEL, user, notification_id)

    async def _change(self, query: str, user: Identity, notification_id: str) -> None:
        """Changes a state, if it is the right one at that very moment.

        Raises:
            ApiError: 404, whether it is not there, not the organization's, or in another state.
        """
        row = await self._database.run(
            lambda connection: fetch_one(connection, query, notification_id, user.org)
        )
        if row is None:
            raise not_found("Notification")


def routes(notifications: Notifications) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/admin/notifications", tags=["notifications"])
    reading = answers(401, 403, 429, 503)
    changing = answers(400, 401, 403, 404, 429, 503)

    @router.get(
        "", response_model=list[NotificationRow], responses=reading,
        dependencies=[allow("GET", "/v1/admin/notifications")],
    )  # fmt: skip
    async def list_notifications(user: User) -> list[DictRow]:
        """Lists the organization's notifications, newest first."""
        return await notifications.list(user)

    @router.get(
        "/dlq", response_model=list[NotificationLetter], responses=reading,
        dependencies=[allow("GET", "/v1/admin/notifications/dlq")],
    )  # fmt: skip
    async def list_notification_letters(user: User) -> list[DictRow]:
        """Lists dead letters of notifications, newest first."""
        return await notifications.letters(user)

    @router.get(
        "/metrics", response_model=NotificationMetrics, responses=reading,
        dependencies=[allow("GET", "/v1/admin/notifications/metrics")],
    )  # fmt: skip
    async def notification_metrics(user: User) -> DictRow:
        """Counts the organization's notifications."""
        return await notifications.metrics(user)

    @router.post(
        "/{id}/retry", response_model=Ok, responses=changing,
        dependencies=[allow("POST", "/v1/admin/notifications/{id}/retry")],
    )  # fmt: skip
    async def retry_notification(user: User, id: NotificationId) -> dict[str, Any]:
        """Makes a notification pending again; 404 as well where it has not failed."""
        await notifications.retry(user, id)
        return {}

    @router.post(
        "/{id}/cancel", response_model=Ok, responses=changing,
        dependencies=[allow("POST", "/v1/admin/notifications/{id}/cancel")],
    )  # fmt: skip
    async def cancel_notification(user: User, id: NotificationId) -> dict[str, Any]:
        """Cancels a notification; 404 as well where it is no longer pending."""
        await notifications.cancel(user, id)
        return {}

    return router
