"""Routes of billing that need Stripe: subscribing, and the organization's invoices."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from smartbeak.access.dependencies import allow, answers, whoever
from smartbeak.access.tokens import Identity
from smartbeak.data.database import Connection, Database, fetch_one
from smartbeak.data.payments import Payments, shown
from smartbeak.http.shapes.base import Ok
from smartbeak.http.shapes.invoices import Invoices, Subscribe
from smartbeak.process.errors import conflict, invalid, not_found
from smartbeak.process.logs import Log

User = Annotated[Identity, Depends(whoever)]

_MOST_LISTED, _MOST_EXPORTED = 50, 100
_COLUMNS = ("Invoice Number", "Date", "Amount", "Currency", "Status", "Description")

_STATE = """
SELECT organization.stripe_customer_id AS customer,
       (SELECT id FROM plans WHERE id = %s) AS plan,
       count(subscription.id) AS made,
       bool_or(subscription.status = 'active') AS active
FROM organizations AS organization
LEFT JOIN subscriptions AS subscription ON subscription.org_id = organization.id
WHERE organization.id = %s GROUP BY organization.id
"""

_SUBSCRIBED = """
INSERT INTO subscriptions (id, org_id, plan_id, status, stripe_customer_id,
    stripe_subscription_id, current_period_start, current_period_end)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING
"""

log = Log("billing")


class Billing:
    """What organizations buy.

    Args:
        database: Where subscriptions are.
        payments: The way to Stripe.
    """

    def __init__(self, database: Database, payments: Payments) -> None:
        self._database = database
        self._payments = payments

    async def subscribe(self, user: Identity, plan: str) -> None:
        """Subscribes an organization to a plan.

        However often it is asked for, one subscription is made: the key that Stripe
        remembers says for whom, to what, and the how many-th it is. A process that dies
        between Stripe and the row leaves a subscription that its webhook brings.
        """
        price = await self._payments.price(plan)

        async def look(connection: Connection) -> DictRow | None:
            return await fetch_one(connection, _STATE, plan, user.org)

        state = await self._database.run(look)
        if state is None or state["plan"] is None:
            raise not_found("Plan")
        if state["active"]:
            raise conflict("Organization already has an active subscription")
        customer = state["customer"] or await self._customer(user.org)
        made = await self._payments.ask(
            lambda client: client.v1.subscriptions.create_async(
                {
                    "customer": customer,
                    "items": [{"price": price}],
                    "payment_behavior": "error_if_incomplete",
                    "metadata": {"orgId": user.org, "planId": plan},
                },
                {"idempotency_key": f"subscribe:{user.org}:{plan}:{state['made']}"},
            )
        )
        period = shown(made, "current_period_start", "current_period_end").values()
        row = (made.id, user.org, plan, made.status, customer, made.id, *map(_moment, period))

        async def note(connection: Connection) -> None:
            await connection.execute(_SUBSCRIBED, row)

        try:
            await self._database.run(note)
        except UniqueViolation:
            raise conflict("Organization already has an active subscription") from None
        log.info("subscribed", orgId=user.org, planId=plan, subscriptionId=made.id)

    async def invoices(self, user: Identity, most: int, **asked: Any) -> list[Any]:
        """Invoices of the organization, newest first; none without a customer at Stripe."""
        query = "SELECT stripe_customer_id AS customer FROM organizations WHERE id = %s"
        row = await self._database.run(lambda connection: fetch_one(connection, query, user.org))
        if row is None or not row["customer"]:
            return []
        wanted: Any = {"customer": row["customer"], "limit": most, **asked}
        found = await self._payments.ask(lambda client: client.v1.invoices.list_async(wanted))
        return list(found.data)

    async def _customer(self, org: str) -> str:
        """Makes the organization a customer of Stripe; asked twice, it is the same one."""
        made = await self._payments.ask(
            lambda client: client.v1.customers.create_async(
                {"metadata": {"orgId": org}}, {"idempotency_key": f"customer:{org}"}
            )
        )

        async def note(connection: Connection) -> DictRow | None:
            return await fetch_one(
                connection,
                "UPDATE organizations SET stripe_customer_id = coalesce(stripe_customer_id, %s) "
                "WHERE id = %s RETURNING stripe_customer_id",
                *(made.id, org),
            )

        row = await self._database.run(note)
        assert row is not None, "whoever is signed in has an organization"
        return str(row["stripe_customer_id"])


def routes(billing: Billing) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/billing", tags=["billing"])

    @router.post(
        "/subscribe", response_model=Ok,
        responses=answers(400, 401, 402, 403, 404, 409, 413, 429, 503),
        dependencies=[allow("POST", "/v1/billing/subscribe")],
    )  # fmt: skip
    async def subscribe(user: User, wanted: Subscribe) -> dict[str, Any]:
        """Subscribes the organization to a plan, and charges its customer at Stripe."""
        await billing.subscribe(user, wanted.plan_id)
        return {}

    @router.get(
        "/invoices", response_model=Invoices, responses=answers(400, 401, 403, 429, 503),
        dependencies=[allow("GET", "/v1/billing/invoices")],
    )  # fmt: skip
    async def list_invoices(user: User) -> dict[str, Any]:
        """Lists the organization's paid invoices, live from Stripe."""
        found = await billing.invoices(user, _MOST_LISTED, status="paid")
        return {"invoices": [_invoice(each) for each in found]}

    @router.get(
        "/invoices/export", response_class=Response,
        responses={
            **answers(400, 401, 403, 404, 429, 503),
            200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "CSV"},
        },
        dependencies=[allow("GET", "/v1/billing/invoices/export")],
    )  # fmt: skip
    async def export_invoices(
        user: User, form: Annotated[Literal["csv", "pdf"], Query(alias="format")] = "csv"
    ) -> Response:
        """Exports the organization's invoices. Of the two forms only CSV is there."""
        if form != "csv":
            raise invalid("Unsupported format. Use csv.")
        found = await billing.invoices(user, _MOST_EXPORTED)
        if not found:
            raise not_found("Billing data")
        named = {"Content-Disposition": 'attachment; filename="invoices.csv"'}
        return Response(_csv(found), media_type="text/csv", headers=named)

    return router


def _invoice(found: Any) -> dict[str, Any]:
    same = ("id", "number", "amount_paid", "amount_due", "currency", "status", "description")
    moments = shown(found, "created", "due_date", "period_start", "period_end")
    times = {name: _moment(value) for name, value in moments.items()}
    return {
        **shown(found, *same, "hosted_invoice_url", "invoice_pdf"),
        **{"created_at": times.pop("created"), **times},
    }


def _csv(found: list[Any]) -> str:
    text = io.StringIO()
    table = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writerow(_COLUMNS)
    for each in found:
        field = shown(each, "number", "created", "amount_paid", "currency", "status", "description")
        created = _moment(field["created"])
        field["created"] = created.isoformat() if created else ""
        field["amount_paid"] = f"{int(field['amount_paid'] or 0) / 100:.2f}"
        table.writerow([_harmless(value) for value in field.values()])
    return text.getvalue()


def _harmless(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if re.match(r"[=+\-@\t\r|]", text) else text


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None
