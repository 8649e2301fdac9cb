"""Notifications."""

from __future__ import annotations

from typing import Literal

from smartbeak.http.shapes.base import Instant, Row, Shape

NotificationStatus = Literal["pending", "sending", "delivered", "failed", "cancelled"]


class NotificationRow(Row):
    """A notification in a list."""

    id: str
    org_id: str
    user_id: str
    channel: str
    template: str
    status: NotificationStatus
    created_at: Instant | None


class NotificationLetter(Shape):
    """Why a notification was not delivered."""

    id: str
    notification_id: str
    channel: str
    reason: str
    created_at: Instant | None


class NotificationMetrics(Shape):
    """How many notifications there are, and what became of them."""

    delivered: int
    failed: int
    total: int
