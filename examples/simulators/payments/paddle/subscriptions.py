"""Subscriptions: https://developer.paddle.com/api-reference/subscriptions.

Left out: pauses, changes of items, trials, and that a period ends by itself: the control program
lets one end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing
from simulators.payments.paddle import lists, parameters, transactions
from simulators.payments.paddle.desk import Desk
from simulators.payments.paddle.errors import PaddleError
from simulators.payments.paddle.lists import Page

_NOW, _LATER = "immediately", "next_billing_period"


def listed(desk: Desk, sent: Mapping[str, Any]) -> Page:
    """`GET /subscriptions`."""
    fields = {name: name for name in ("id", "customer_id", "status", "address_id")}
    more = {"price_id": "items[0].price.id"}
    moments = ("next_billed_at",)
    return lists.listed(desk, "subscription", sent, {**fields, **more}, moments=moments)


def cancel(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /subscriptions/:id/cancel`: at the end of the period unless asked otherwise."""
    values = parameters.checked(sent, {"effective_from": parameters.one_of(_NOW, _LATER)})
    subscription = desk.get("subscription", key)
    if subscription["status"] == "canceled":
        words = "Subscription is canceled, so it cannot be updated."
        code = "subscription_update_when_canceled"
        raise PaddleError(code, words, group="subscriptions")
    if values.get("effective_from") == _NOW:
        return transactions.end(desk, subscription)
    ends = subscription["current_billing_period"]["ends_at"]
    change = {"action": "cancel", "effective_at": ends, "resume_at": None}
    return desk.change(subscription, {"scheduled_change": change}, "subscription.updated")
