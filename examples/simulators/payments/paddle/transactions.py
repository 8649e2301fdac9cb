"""Transactions, and what a paid one begins: https://developer.paddle.com/api-reference/transactions.

Left out: what the checkout's page shows (a customer pays, or is declined, by posting to it), taxes,
discounts, one-time prices, and collection by invoice.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing, new_id
from simulators.payments.paddle import lists, parameters
from simulators.payments.paddle.desk import Desk
from simulators.payments.paddle.errors import PaddleError
from simulators.payments.paddle.lists import Page
from simulators.payments.periods import later

ERROR_CODES = (
    *("authentication_failed", "blocked_by_policy", "blocked_card", "canceled", "declined"),
    *("declined_not_retryable", "expired_card", "fraud", "invalid_payment_details"),
    *("issuer_unavailable", "not_enough_balance", "psp_error", "transaction_not_permitted"),
)
"""Why a payment was declined: `error_code` of
https://developer.paddle.com/api-reference/transactions."""

PATIENCE_S = 30 * 24 * 3600
"""Seconds that a subscription stays past due before it is canceled:
https://developer.paddle.com/build/retain/configure-payment-recovery-dunning."""


def create(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /transactions`: ready to be paid once it has a customer and an address."""
    fields: parameters.Fields = {
        **{"items": parameters.items, "customer_id": parameters.text},
        **{"address_id": parameters.text, "custom_data": parameters.custom},
        "collection_mode": parameters.one_of("automatic"),
    }
    values = parameters.checked(sent, fields, ["items"])
    for name, kind in (("customer_id", "customer"), ("address_id", "address")):
        if name in values:
            desk.get(kind, values[name])
    items = [
        {"price": desk.get("price", each["price_id"]), "quantity": each["quantity"]}
        for each in values["items"]
    ]
    ready = {"customer_id", "address_id"} <= set(values)
    made = _make(desk, items, {**values, "status": "ready" if ready else "draft"}, "api")
    desk.emit("transaction.created", made)
    if ready:
        desk.emit("transaction.ready", made)
    return made


def listed(desk: Desk, sent: Mapping[str, Any]) -> Page:
    """`GET /transactions`."""
    names = ("id", "customer_id", "origin", "status", "subscription_id")
    moments = ("billed_at", "created_at", "updated_at")
    return lists.listed(desk, "transaction", sent, {n: n for n in names}, moments=moments)


def pay(desk: Desk, key: str) -> Thing:
    """Has the customer pay: the transaction completes, and its subscription begins or goes on.

    Raises:
        PaddleError: It cannot be paid.
    """
    made = _open(desk, key)
    if made["status"] == "past_due":
        subscription = desk.get("subscription", made["subscription_id"])
        _complete(desk, made, subscription)
        changes = {"status": "active", "_declines": ""}
        desk.change(subscription, changes, "subscription.updated")
        return made
    ends = later(desk.now, 1, made["items"][0]["price"]["billing_cycle"]["interval"])
    subscription = desk.make("subscription", "sub_", _subscription(desk, made, ends))
    _complete(desk, made, subscription)
    desk.emit("subscription.created", subscription)
    desk.emit("subscription.activated", subscription)
    return made


def decline(desk: Desk, key: str, code: str) -> Thing:
    """Declines a customer: once at the checkout, or a subscription's card from now on.

    Args:
        desk: What there is.
        key: Of a transaction or of a subscription.
        code: Why, of `ERROR_CODES`.

    Raises:
        PaddleError: It is neither.
    """
    subscription = desk.ledger.get(key, "subscription")
    if subscription is not None:
        return desk.change(subscription, {"_declines": code})
    made = _open(desk, key)
    return _refuse(desk, made, code)


def renew(desk: Desk, key: str) -> Thing:
    """Lets a subscription's period end: it is paid for the next, is past due, or ends."""
    subscription = desk.get("subscription", key)
    if subscription["status"] != "active":
        words = f"Subscription {key} is {subscription['status']} and has no next period."
        raise PaddleError("subscription_not_active", words, group="subscriptions")
    if subscription["scheduled_change"]:
        return end(desk, subscription)
    starts = subscription["current_billing_period"]["ends_at"]
    ends = later(starts, 1, subscription["billing_cycle"]["interval"])
    items = [
        {"price": each["price"], "quantity": each["quantity"]} for each in subscription["items"]
    ]
    about = {name: subscription[name] for name in ("customer_id", "address_id", "custom_data")}
    made = _make(desk, items, {**about, "status": "ready"}, "subscription_recurring")
    period = {"starts_at": starts, "ends_at": ends}
    changes = {"current_billing_period": period, "next_billed_at": ends}
    if not subscription.get("_declines"):
        desk.change(subscription, changes, "subscription.updated")
        _complete(desk, made, subscription)
        return subscription
    owed = {
        **{"status": "past_due", "billed_at": desk.now, "subscription_id": key},
        "billing_period": period,
    }
    desk.change(made, owed, "transaction.billed", "transaction.past_due")
    _refuse(desk, made, subscription["_declines"])
    changes |= {"status": "past_due", "_until": desk.now + PATIENCE_S}
    return desk.change(subscription, changes, "subscription.updated", "subscription.past_due")


def end(desk: Desk, subscription: Thing) -> Thing:
    """Ends a subscription at once and for good."""
    ended = {
        **{"status": "canceled", "canceled_at": desk.now, "next_billed_at": None},
        **{"scheduled_change": None, "current_billing_period": None},
    }
    return desk.change(subscription, ended, "subscription.updated", "subscription.canceled")


def _open(desk: Desk, key: str) -> Thing:
    made = desk.get("transaction", key)
    if made["status"] not in ("ready", "past_due"):
        words = f"Transaction {key} is {made['status']}, and only a ready one can be paid."
        raise PaddleError("transaction_not_ready", words, group="transactions")
    return made


def _refuse(desk: Desk, made: Thing, code: str) -> Thing:
    payments = [*made["payments"], _payment(desk, made, "error", code)]
    return desk.change(made, {"payments": payments}, "transaction.payment_failed")


def _complete(desk: Desk, made: Thing, subscription: Thing) -> None:
    fields = {
        **{"status": "completed", "billed_at": desk.now, "subscription_id": subscription["id"]},
        "payments": [*made["payments"], _payment(desk, made, "captured", None)],
        "billing_period": made["billing_period"] or subscription["current_billing_period"],
    }
    desk.change(made, fields, "transaction.paid", "transaction.completed")


def _payment(desk: Desk, made: Thing, status: str, code: str | None) -> Thing:
    return {
        **{"payment_attempt_id": str(uuid.uuid4()), "stored_payment_method_id": str(uuid.uuid4())},
        "payment_method_id": new_id("paymtd_", 26).lower(),
        **{"amount": made["details"]["totals"]["total"], "status": status, "error_code": code},
        **{"method_details": {"type": "card", "card": None}, "created_at": desk.now},
        "captured_at": None if code else desk.now,
    }


def _make(desk: Desk, items: list[Thing], values: Mapping[str, Any], origin: str) -> Thing:
    about = {name: values.get(name) for name in ("customer_id", "address_id", "custom_data")}
    key = new_id("txn_", 26).lower()
    return desk.make(
        "transaction",
        "txn_",
        {
            **{"id": key, **about},
            **dict.fromkeys(("business_id", "discount_id", "invoice_id", "invoice_number")),
            **dict.fromkeys(("billing_details", "billing_period", "billed_at", "subscription_id")),
            **{"status": values["status"], "origin": origin, "collection_mode": "automatic"},
            **{"currency_code": "USD", "payments": []},
            "checkout": {"url": f"https://pay.paddle.io/checkout/{key}"},
            "items": [{**each, "proration": None} for each in items],
            "details": _details(items),
        },
    )


def _details(items: list[Thing]) -> Thing:
    lines = []
    for each in items:
        unit, count = int(each["price"]["unit_price"]["amount"]), each["quantity"]
        lines.append(
            {
                **{"id": new_id("txnitm_", 26).lower(), "price_id": each["price"]["id"]},
                **{"quantity": count, "proration": None, "tax_rate": "0"},
                **{"unit_totals": _totals(unit), "totals": _totals(unit * count)},
                "product": each["price"]["_product"],
            }
        )
    total = sum(int(line["totals"]["total"]) for line in lines)
    return {
        "totals": {
            **_totals(total),
            **{"credit": "0", "balance": "0", "grand_total": str(total), "fee": None},
            **{"earnings": None, "currency_code": "USD", "credit_to_balance": "0"},
            "grand_total_tax": "0",
        },
        **{"tax_rates_used": [], "line_items": lines, "adjusted_totals": None},
        **{"payout_totals": None, "adjusted_payout_totals": None},
    }


def _totals(amount: int) -> Thing:
    return {"subtotal": str(amount), "discount": "0", "tax": "0", "total": str(amount)}


def _subscription(desk: Desk, made: Thing, ends: int) -> Thing:
    items = [
        {
            **{"status": "active", "quantity": each["quantity"], "recurring": True},
            **{"created_at": desk.now, "updated_at": desk.now, "previously_billed_at": desk.now},
            **{"next_billed_at": ends, "trial_dates": None, "price": each["price"]},
            "product": each["price"]["_product"],
        }
        for each in made["items"]
    ]
    return {
        **{name: made[name] for name in ("customer_id", "address_id", "custom_data")},
        **dict.fromkeys(("business_id", "paused_at", "canceled_at", "discount", "import_meta")),
        **{"status": "active", "currency_code": "USD", "collection_mode": "automatic"},
        **{"started_at": desk.now, "first_billed_at": desk.now, "next_billed_at": ends},
        **{"billing_details": None, "scheduled_change": None, "management_urls": None},
        **{"billing_cycle": made["items"][0]["price"]["billing_cycle"], "items": items},
        "current_billing_period": {"starts_at": desk.now, "ends_at": ends},
    }
