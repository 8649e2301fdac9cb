"""Plans."""

from __future__ import annotations

from typing import Literal

from smartbeak.http.shapes.base import Row


class ActivePlan(Row):
    """The plan of an organization."""

    id: str
    name: str
    price_cents: int
    interval: str
    features: list[str]
    max_domains: int | None
    max_content: int | None
    subscription_id: str
    subscription_status: Literal["active"]
