"""Subscribing, and invoices of Stripe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from smartbeak.http.shapes.base import Id, Instant, Shape


class Subscribe(Shape):
    """The plan that an organization wants."""

    plan_id: Id


class Invoice(Shape):
    """An invoice. Amounts are in the smallest unit of the currency."""

    id: str
    number: str | None
    amount_paid: int
    amount_due: int
    currency: str
    status: str | None
    hosted_invoice_url: str | None
    invoice_pdf: str | None
    created_at: Instant | None
    due_date: Instant | None
    description: str | None
    period_start: Instant | None
    period_end: Instant | None


class Invoices(Shape):
    """Paid invoices of an organization, the newest first."""

    invoices: list[Invoice]


class Checkout(Shape):
    """What is to be bought, and where the customer goes afterwards."""

    price_id: Annotated[str, Field(pattern=r"^price_[A-Za-z0-9_]{1,120}$")]
    success_url: Annotated[str | None, Field(max_length=2000)] = None
    cancel_url: Annotated[str | None, Field(max_length=2000)] = None


class Session(Shape):
    """A page of Stripe to pay on."""

    url: str
    session_id: str


class Portal(Shape):
    """Whose subscription is to be managed."""

    customer_id: Annotated[str | None, Field(pattern=r"^cus_[A-Za-z0-9_]{1,120}$")] = None
    return_url: Annotated[str | None, Field(max_length=2000)] = None
