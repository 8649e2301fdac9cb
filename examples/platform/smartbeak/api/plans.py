"""Routes of billing: the plan of an organization."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from smartbeak.access.dependencies import allow, answers, whoever
from smartbeak.access.tokens import Identity
from smartbeak.data.database import Database, fetch_one
from smartbeak.http.shapes.billing import ActivePlan

User = Annotated[Identity, Depends(whoever)]

_ACTIVE = """
SELECT plan.id, plan.name, plan.price_cents, plan.interval, plan.features, plan.max_domains,
       plan.max_content, subscription.id AS subscription_id,
       subscription.status AS subscription_status
FROM subscriptions AS subscription JOIN plans AS plan ON plan.id = subscription.plan_id
WHERE subscription.org_id = %s AND subscription.status = 'active'
"""


def routes(database: Database) -> APIRouter:
    """The routes.

    Args:
        database: Where plans and subscriptions are.
    """
    router = APIRouter(prefix="/v1/billing", tags=["billing"])

    @router.get(
        "/plan", response_model=ActivePlan | None, responses=answers(401, 403, 429, 503),
        dependencies=[allow("GET", "/v1/billing/plan")],
    )  # fmt: skip
    async def read_plan(user: User) -> Any:
        """Says which plan the organization has; null without an active subscription."""
        return await database.run(lambda connection: fetch_one(connection, _ACTIVE, user.org))

    return router
