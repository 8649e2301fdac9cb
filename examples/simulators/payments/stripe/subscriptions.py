"""Subscriptions and their legal transitions: https://docs.stripe.com/billing/subscriptions/overview.

Left out: several items, schedules, meters, collection by invoice. A period ends when the control
program says so, or has enough time pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing, new_id
from simulators.payments.periods import later
from simulators.payments.stripe import cards, catalog, invoices, lists, parameters
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.errors import NotSimulatedError, StripeError
from simulators.payments.stripe.parameters import merged

_STATUSES = (
    *("active", "past_due", "unpaid", "canceled", "incomplete", "incomplete_expired"),
    *("trialing", "paused"),
)
_FINAL = ("canceled", "incomplete_expired")
NOTICE_S = 3 * 24 * 3600
"""Seconds before the end of a trial at which Stripe says that it ends; of a shorter one at once."""

_ITEM: parameters.Fields = {
    "id": parameters.text,
    "price": parameters.text,
    "quantity": parameters.positive,
}
_PRORATION = parameters.one_of("none", "always_invoice", "create_prorations")
_FIELDS: parameters.Fields = {
    "items": parameters.many(parameters.group(_ITEM)),
    "default_payment_method": parameters.text,
    "cancel_at_period_end": parameters.flag,
    "description": parameters.text,
    "metadata": parameters.metadata,
    "proration_behavior": _PRORATION,
    "payment_behavior": parameters.one_of(
        "allow_incomplete", "default_incomplete", "error_if_incomplete"
    ),
}


def create(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/subscriptions`."""
    fields = {
        **_FIELDS,
        **{"customer": parameters.text, "trial_period_days": parameters.positive},
        "off_session": parameters.flag,
    }
    values = parameters.checked(sent, fields, ["customer", "items"])
    customer = desk.get("customer", values["customer"], "customer")
    item = _only_item(values["items"])
    price = catalog.charged(desk, item.get("price") or "", "items[0][price]")
    if price["type"] != "recurring":
        words = "The price specified is set to `type=one_time` but this field only accepts prices "
        raise StripeError(f"{words}with `type=recurring`.", param="items[0][price]")
    behaviour = values.get("payment_behavior", "allow_incomplete")
    method = values.get("default_payment_method")
    if method:
        method = cards.of_customer(desk, method, customer["id"])["id"]
    chosen = method or customer["invoice_settings"]["default_payment_method"]
    days = values.get("trial_period_days")
    if not chosen and not days and behaviour != "default_incomplete":
        words = "This customer has no attached payment source or default payment method. Please "
        raise StripeError(f"{words}consider adding a default payment method.", "resource_missing")
    ends = desk.now + days * 24 * 3600 if days else _period_end(desk.now, price)
    subscription = desk.make(
        "subscription",
        "sub_",
        {
            **{"billing_cycle_anchor": ends if days else desk.now, "cancel_at": None},
            **{"cancel_at_period_end": False, "canceled_at": None, "ended_at": None},
            **{"collection_method": "charge_automatically", "currency": price["currency"]},
            **{"current_period_start": desk.now, "current_period_end": ends},
            **{"customer": customer["id"], "default_payment_method": method},
            **{"description": values.get("description"), "latest_invoice": None},
            **{"metadata": values.get("metadata", {}), "pause_collection": None},
            **{"start_date": desk.now, "status": "incomplete", "_owed": 0},
            **{"trial_start": desk.now if days else None, "trial_end": ends if days else None},
        },
    )
    subscription["items"] = {
        **lists.shown(
            [_item(desk, subscription, price, item.get("quantity", 1))], 1, "/v1/subscription_items"
        ),
        "total_count": 1,
    }
    desk.ledger.save(subscription)
    if days:
        desk.change(subscription, {"status": "trialing"})
        desk.emit("customer.subscription.created", subscription)
        if ends - desk.now < NOTICE_S:
            will_end(desk, subscription["id"])
        return subscription
    charged = None if behaviour == "default_incomplete" else chosen
    lines = [_line(subscription)]
    refusal = invoices.bill(desk, subscription, lines, "subscription_create", charged)
    if refusal and behaviour == "error_if_incomplete":
        refusal.keeps = False
        raise refusal
    desk.change(subscription, {"status": "incomplete" if refusal else "active"})
    desk.emit("customer.subscription.created", subscription)
    return subscription


def will_end(desk: Desk, key: str) -> None:
    """Tells once that a trial ends soon."""
    subscription = desk.change(desk.get("subscription", key), {"_told": True})
    desk.emit("customer.subscription.trial_will_end", subscription)


def update(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/subscriptions/:id`."""
    values = parameters.checked(sent, _FIELDS)
    subscription = desk.get("subscription", key)
    if subscription["status"] in _FINAL and set(values) - {"metadata"}:
        words = "A canceled subscription can only update its cancellation_details and metadata."
        raise StripeError(words)
    items = values.pop("items", None)
    behaviour = values.pop("proration_behavior", "create_prorations")
    values.pop("payment_behavior", None)
    if "metadata" in values:
        values["metadata"] = merged(subscription["metadata"], values["metadata"])
    if values.get("default_payment_method"):
        method = cards.of_customer(desk, values["default_payment_method"], subscription["customer"])
        values["default_payment_method"] = method["id"]
    if "cancel_at_period_end" in values:
        ends = values["cancel_at_period_end"]
        values["cancel_at"] = subscription["current_period_end"] if ends else None
        values["canceled_at"] = desk.now if ends else None
    before = {name: subscription.get(name) for name in values}
    if items:
        before["items"] = subscription["items"]
        values["items"], owed = _changed(desk, subscription, _only_item(items), behaviour)
        subscription.update(values)
        if behaviour == "always_invoice":
            price = values["items"]["data"][0]["price"]
            line = ("Remaining time on the new price", owed, price)
            paid_by = _method(desk, subscription)
            invoices.bill(desk, subscription, [line], "subscription_update", paid_by)
        elif behaviour == "create_prorations":
            values["_owed"] = subscription["_owed"] + owed
    desk.change(subscription, values)
    desk.emit("customer.subscription.updated", subscription, before)
    return subscription


def cancel(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`DELETE /v1/subscriptions/:id`: at once and for good."""
    parameters.checked(sent, {"invoice_now": parameters.flag, "prorate": parameters.flag})
    subscription = desk.get("subscription", key)
    if subscription["status"] in _FINAL:
        raise StripeError(f"No such subscription: '{key}'", "resource_missing", "id", status=404)
    ended = {"status": "canceled", "canceled_at": desk.now, "ended_at": desk.now}
    desk.change(subscription, ended)
    desk.emit("customer.subscription.deleted", subscription)
    return subscription


def pay_invoice(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/invoices/:id/pay`: what was past due or incomplete is active then."""
    fields = {"payment_method": parameters.text, "off_session": parameters.flag}
    values = parameters.checked(sent, fields)
    invoice = desk.get("invoice", key)
    if invoice["status"] != "open":
        raise StripeError(f"Invoice is already {invoice['status']}", "invoice_already_paid")
    refusal = _charged(desk, invoice, values.get("payment_method"))
    if refusal:
        raise refusal
    return invoice


def again(desk: Desk, invoice: Thing) -> bool:
    """Stripe's own attempt at an open invoice; whether it is paid now."""
    return _charged(desk, invoice, None) is None


def renew(desk: Desk, key: str) -> Thing:
    """Lets a subscription's period end: it is charged for the next, or ends if it was told so."""
    subscription = desk.get("subscription", key)
    if subscription["status"] not in ("active", "trialing", "past_due"):
        raise StripeError(f"A subscription that is {subscription['status']} has no next period.")
    if subscription["cancel_at_period_end"]:
        desk.change(subscription, {"status": "canceled", "ended_at": desk.now})
        desk.emit("customer.subscription.deleted", subscription)
        return subscription
    starts = subscription["current_period_end"]
    price = subscription["items"]["data"][0]["price"]
    before = {name: subscription[name] for name in ("current_period_start", "current_period_end")}
    period = {
        **{"current_period_start": starts, "current_period_end": _period_end(starts, price)},
    }
    lines = [_line({**subscription, **period})]
    if subscription["_owed"]:
        lines.append(("Proration of an earlier change", subscription["_owed"], price))
    desk.change(subscription, {**period, "_owed": 0})
    paid_by = _method(desk, subscription)
    refusal = invoices.bill(desk, subscription, lines, "subscription_cycle", paid_by)
    desk.change(subscription, {"status": "past_due" if refusal else "active"})
    desk.emit("customer.subscription.updated", subscription, before)
    return subscription


def expire(desk: Desk, key: str) -> Thing:
    """Ends a subscription whose first payment never came, as Stripe does after 23 hours."""
    subscription = desk.get("subscription", key)
    if subscription["status"] != "incomplete":
        raise StripeError(f"A subscription that is {subscription['status']} does not expire.")
    changes = {"status": "incomplete_expired", "ended_at": desk.now}
    return desk.change(subscription, changes, "customer.subscription.updated")


def listed(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/subscriptions`: without a status, those that are not canceled."""
    states = parameters.one_of(*_STATUSES, "all", "ended")
    sent = dict(sent)
    wanted = states("status", sent.pop("status")) if "status" in sent else ""
    where: list[lists.Filter] = []
    if wanted == "ended":
        where = [("ended_at", "IS NOT", None)]
    elif wanted not in ("all", ""):
        where = [("status", "=", wanted)]
    elif not wanted:
        where = [("status", "<>", "canceled")]
    if "price" in sent:
        where.append(("items.data[0].price.id", "=", parameters.text("price", sent.pop("price"))))
    fields = {
        **{"customer": parameters.text, "created": parameters.moments},
        **{"current_period_end": parameters.moments, "current_period_start": parameters.moments},
    }
    return lists.listed(desk, "subscription", "/v1/subscriptions", sent, fields, where)


def _charged(desk: Desk, invoice: Thing, method: str | None) -> StripeError | None:
    subscription = desk.get("subscription", invoice["subscription"], "subscription")
    refusal = invoices.charge(desk, invoice, method or _method(desk, subscription))
    if refusal is None and subscription["status"] in ("incomplete", "past_due", "unpaid"):
        desk.change(subscription, {"status": "active"}, "customer.subscription.updated")
    return refusal


def _only_item(items: list[Thing]) -> Thing:
    if len(items) != 1:
        raise NotSimulatedError("a subscription with several items")
    return items[0]


def _item(desk: Desk, subscription: Thing, price: Thing, quantity: int) -> Thing:
    return {
        **{"id": new_id("si_", 14), "object": "subscription_item", "created": desk.now},
        **{"metadata": {}, "price": price, "quantity": quantity},
        "subscription": subscription["id"],
    }


def _changed(desk: Desk, subscription: Thing, asked: Thing, behaviour: str) -> tuple[Thing, int]:
    """The items after a change of the price, and what is owed for the rest of the period."""
    item = subscription["items"]["data"][0]
    if asked.get("id") not in (None, item["id"]):
        raise StripeError(
            f"No such subscription item: '{asked['id']}'", "resource_missing", "items[0][id]"
        )
    if asked.get("id") is None:
        raise NotSimulatedError("a second item of a subscription")
    price = item["price"]
    if asked.get("price"):
        price = catalog.charged(desk, asked["price"], "items[0][price]")
    quantity = asked.get("quantity", item["quantity"])
    begins, ends = (subscription[f"current_period_{name}"] for name in ("start", "end"))
    left = min(max(ends - desk.now, 0), ends - begins)
    rise = price["unit_amount"] * quantity - item["price"]["unit_amount"] * item["quantity"]
    owed = 0 if behaviour == "none" else rise * left // max(ends - begins, 1)
    changed = {**item, "price": price, "quantity": quantity}
    return {**subscription["items"], "data": [changed]}, owed


def _line(subscription: Thing) -> invoices.Line:
    item = subscription["items"]["data"][0]
    words = f"{item['quantity']} × {item['price']['product']}"
    return words, item["price"]["unit_amount"] * item["quantity"], item["price"]


def _method(desk: Desk, subscription: Thing) -> str | None:
    customer = desk.get("customer", subscription["customer"], "customer")
    found: str | None = (
        subscription["default_payment_method"]
        or customer["invoice_settings"]["default_payment_method"]
    )
    return found


def _period_end(begins: int, price: Thing) -> int:
    every = price["recurring"]
    return later(begins, every["interval_count"], every["interval"])
