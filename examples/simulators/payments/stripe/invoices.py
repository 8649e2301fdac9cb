"""Invoices of subscriptions: https://docs.stripe.com/api/invoices.

Left out: drafts (an invoice is final at once), taxes, discounts, invoices without a
subscription, sending by mail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulators.payments.ledger import Thing, new_id
from simulators.payments.stripe import cards, intents, lists, parameters
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.errors import StripeError

Line = tuple[str, int, Thing]
"""What is charged: words, amount in the smallest unit, price."""

_DAY_S = 24 * 3600
AGAIN_S = (3 * _DAY_S, 5 * _DAY_S, 7 * _DAY_S)
"""Seconds from each failed attempt at a renewal to the next one: an account without Stripe's own
choice of days sets up to three, https://docs.stripe.com/billing/revenue-recovery/smart-retries."""


def bill(
    desk: Desk, subscription: Thing, lines: Sequence[Line], reason: str, method: str | None
) -> StripeError | None:
    """Makes out an invoice and charges it.

    Args:
        desk: What there is.
        subscription: What for; its newest invoice is this one then.
        lines: What is charged.
        reason: Stripe's `billing_reason`.
        method: What is charged; the invoice stays open without it.

    Returns:
        Why it could not be charged; None if it was.
    """
    total = sum(amount for _, amount, _ in lines)
    key = new_id("in_")
    period = {
        "start": subscription["current_period_start"],
        "end": subscription["current_period_end"],
    }
    items = [
        {
            **{"id": new_id("il_"), "object": "line_item", "amount": amount, "description": words},
            **{"currency": subscription["currency"], "period": period, "price": price},
            **{"quantity": 1, "subscription": subscription["id"], "type": "subscription"},
        }
        for words, amount, price in lines
    ]
    invoice = desk.make(
        "invoice",
        "in_",
        {
            **{"id": key, "amount_due": max(total, 0), "amount_paid": 0, "total": total},
            **{"amount_remaining": max(total, 0), "attempt_count": 0, "attempted": False},
            **{
                "billing_reason": reason,
                "charge": None,
                "collection_method": "charge_automatically",
            },
            **{"currency": subscription["currency"], "customer": subscription["customer"]},
            "hosted_invoice_url": f"https://invoice.stripe.com/i/{key}",
            "invoice_pdf": f"https://pay.stripe.com/invoice/{key}/pdf",
            "lines": lists.shown(items, len(items) or 1, f"/v1/invoices/{key}/lines"),
            "next_payment_attempt": None,
            "number": f"{key[3:11].upper()}-{1 + len(_earlier(desk, subscription)):04}",
            **{"paid": False, "payment_intent": None, "status": "open", "subtotal": total},
            **{"period_start": period["start"], "period_end": period["end"]},
            "status_transitions": {"finalized_at": desk.now, "paid_at": None},
            "subscription": subscription["id"],
        },
    )
    desk.change(subscription, {"latest_invoice": key})
    desk.emit("invoice.created", invoice)
    desk.emit("invoice.finalized", invoice)
    if total <= 0:
        _settle(desk, invoice)
        return None
    return charge(desk, invoice, method)


def charge(desk: Desk, invoice: Thing, method: str | None) -> StripeError | None:
    """Charges an open invoice; see `bill`."""
    intent = desk.ledger.get(invoice["payment_intent"] or "", "payment_intent")
    if intent is None:
        values = {
            **{"amount": invoice["amount_remaining"], "currency": invoice["currency"]},
            **{"customer": invoice["customer"], "invoice": invoice["id"]},
            "description": "Subscription creation"
            if invoice["billing_reason"] == "subscription_create"
            else "Subscription update",
        }
        intent = intents.made(desk, values)
        desk.change(invoice, {"payment_intent": intent["id"]})
    refusal = None
    desk.change(invoice, {"attempt_count": invoice["attempt_count"] + 1, "attempted": True})
    if method:
        found = cards.of_customer(desk, method, invoice["customer"])
        desk.change(intent, {"payment_method": found["id"], "status": "requires_confirmation"})
    try:
        intents.pay(desk, intent)
    except StripeError as error:
        refusal = error
    desk.change(invoice, {"charge": intent["latest_charge"]})
    if intent["status"] == "succeeded":
        _settle(desk, invoice)
        return None
    made = invoice["attempt_count"]
    recurs = invoice["billing_reason"] == "subscription_cycle" and made <= len(AGAIN_S)
    desk.change(invoice, {"next_payment_attempt": desk.now + AGAIN_S[made - 1] if recurs else None})
    desk.emit("invoice.payment_failed", invoice)
    return refusal or StripeError("This payment requires additional user action.")


def listed(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/invoices`."""
    states = parameters.one_of("draft", "open", "paid", "uncollectible", "void")
    fields = {
        **{"customer": parameters.text, "subscription": parameters.text, "status": states},
        "created": parameters.moments,
    }
    return lists.listed(desk, "invoice", "/v1/invoices", sent, fields)


def _settle(desk: Desk, invoice: Thing) -> None:
    changes = {
        **{"amount_paid": invoice["amount_due"], "amount_remaining": 0, "paid": True},
        **{"status": "paid", "next_payment_attempt": None},
        "status_transitions": {**invoice["status_transitions"], "paid_at": desk.now},
    }
    desk.change(invoice, changes)
    desk.emit("invoice.paid", invoice)
    desk.emit("invoice.payment_succeeded", invoice)


def _earlier(desk: Desk, subscription: Thing) -> list[Thing]:
    return desk.ledger.find("invoice", [("subscription", "=", subscription["id"])])
