"""Routes of the web host that lead a user to Stripe: to buy, and to manage what was bought."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from smartbeak.access.dependencies import allow, answers, whoever
from smartbeak.access.tokens import Identity
from smartbeak.data.database import Database, fetch_one
from smartbeak.data.payments import Payments, plan_of
from smartbeak.http.shapes.invoices import Checkout, Portal, Session
from smartbeak.process.errors import ApiError, UnavailableError, invalid
from smartbeak.process.logs import Log

User = Annotated[Identity, Depends(whoever)]

CHECKOUT, PORTAL = "/api/stripe/create-checkout-session", "/api/stripe/portal"

GUARDED = frozenset({CHECKOUT, PORTAL})
"""Paths that ask for a token; webhooks have signatures instead."""

log = Log("checkout")


class Desk:
    """Leads users to Stripe.

    Args:
        database: Where organizations and plans are.
        payments: The way to Stripe.
        origin: Where users come from, and go back to.
    """

    def __init__(self, database: Database, payments: Payments, origin: str) -> None:
        self._database = database
        self._payments = payments
        self._origin = origin

    async def checkout(self, user: Identity, wanted: Checkout) -> dict[str, Any]:
        """A page to pay a subscription on.

        The session names customer and organization, so that its webhook can be applied.
        """
        success = self._back(wanted.success_url, "/portfolio?session_id={CHECKOUT_SESSION_ID}")
        cancel = self._back(wanted.cancel_url, "/pricing")
        price = await self._payments.ask(
            lambda client: client.v1.prices.retrieve_async(wanted.price_id)
        )
        query = "SELECT id FROM plans WHERE id = %s"
        plan = plan_of(price)
        if await self._database.run(lambda link: fetch_one(link, query, plan)) is None:
            raise invalid("Invalid payment request. Please check your plan selection.")
        customer = await self._customer(user.org)
        if customer is None:
            raise ApiError(400, "MISSING_CUSTOMER_ID", "The organization is no customer yet")
        about = {"orgId": user.org, "userId": user.user, "planId": plan}
        asked: Any = {
            "mode": "subscription",
            "payment_method_types": ["card"],
            "line_items": [{"price": price.id, "quantity": 1}],
            "success_url": success,
            "cancel_url": cancel,
            "customer": customer,
            "client_reference_id": user.org,
            "metadata": about,
            "subscription_data": {"metadata": about},
        }
        session = await self._payments.ask(
            lambda client: client.v1.checkout.sessions.create_async(asked)
        )
        if not session.url:
            raise UnavailableError("stripe", "a session without an address")
        log.info("checkout created", sessionId=session.id, orgId=user.org, planId=plan)
        return {"url": session.url, "session_id": session.id}

    async def portal(self, user: Identity, wanted: Portal) -> str:
        """Address of the page where the organization manages its subscription."""
        back, customer = self._back(wanted.return_url, "/billing"), await self._customer(user.org)
        if wanted.customer_id is not None and wanted.customer_id != customer:
            raise ApiError(404, "CUSTOMER_NOT_FOUND", "Customer not found")
        if customer is None:
            raise ApiError(400, "MISSING_CUSTOMER_ID", "The organization is no customer yet")
        made = await self._payments.ask(
            lambda client: client.v1.billing_portal.sessions.create_async(
                {"customer": customer, "return_url": back}
            )
        )
        return made.url

    async def _customer(self, org: str) -> str | None:
        query = "SELECT stripe_customer_id FROM organizations WHERE id = %s"
        row = await self._database.run(lambda connection: fetch_one(connection, query, org))
        return row["stripe_customer_id"] if row else None

    def _back(self, asked: str | None, otherwise: str) -> str:
        """Where the user goes afterwards: nowhere but to the platform."""
        if asked is None:
            return self._origin + otherwise
        if asked != self._origin and not asked.startswith(
            tuple(f"{self._origin}{c}" for c in "/?#")
        ):
            raise invalid("An address to return to must belong to the platform")
        return asked


def routes(desk: Desk) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["checkout"])

    @router.post(
        CHECKOUT, response_model=Session, responses=answers(400, 401, 402, 403, 413, 429, 503),
        dependencies=[allow("POST", CHECKOUT)],
    )  # fmt: skip
    async def create_checkout_session(user: User, wanted: Checkout) -> dict[str, Any]:
        """Makes a page of Stripe on which the organization buys a subscription."""
        return await desk.checkout(user, wanted)

    @router.post(
        PORTAL, status_code=303, response_class=Response,
        responses={
            **answers(400, 401, 402, 403, 404, 413, 429, 503),
            303: {"description": "To the page of Stripe."},
        },
        dependencies=[allow("POST", PORTAL)],
    )  # fmt: skip
    async def open_portal(user: User, wanted: Portal) -> Response:
        """Leads to the page of Stripe on which the subscription is managed."""
        return Response(status_code=303, headers={"Location": await desk.portal(user, wanted)})

    return router
