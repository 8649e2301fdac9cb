"""Checkout sessions and the page behind them: https://docs.stripe.com/api/checkout/sessions.

Left out: everything that the page shows; a customer pays by posting a payment method to it.
Also the billing portal's sessions, whose page is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing, new_id
from simulators.payments.stripe import (
    cards,
    catalog,
    customers,
    intents,
    lists,
    parameters,
    subscriptions,
)
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.errors import NotSimulatedError, StripeError

PAGE = "/c/pay/"
"""Path of the page, on checkout.stripe.com."""

_LIVES_S = 24 * 3600
_SHORTEST_S = 30 * 60
_LINE = parameters.group(
    {"price": parameters.text, "quantity": parameters.positive}, ["price", "quantity"]
)
_FIELDS: parameters.Fields = {
    "mode": parameters.one_of("payment", "subscription", "setup"),
    "line_items": parameters.many(_LINE),
    "success_url": parameters.text,
    "cancel_url": parameters.text,
    "customer": parameters.text,
    "customer_email": parameters.text,
    "client_reference_id": parameters.text,
    "expires_at": parameters.whole,
    "allow_promotion_codes": parameters.flag,
    "payment_method_types": parameters.many(parameters.one_of("card")),
    "metadata": parameters.metadata,
    "subscription_data": parameters.group({"metadata": parameters.metadata}),
}


def create(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/checkout/sessions`."""
    values = parameters.checked(sent, _FIELDS, ["mode", "line_items", "success_url"])
    if values["mode"] == "setup" or len(values["line_items"]) != 1:
        raise NotSimulatedError("a session that sets up, or with several lines")
    line = values["line_items"][0]
    price = catalog.charged(desk, line["price"], "line_items[0][price]")
    if (price["type"] == "recurring") != (values["mode"] == "subscription"):
        kind = "recurring" if values["mode"] == "subscription" else "one-time"
        words = f"You must provide at least one {kind} price in `{values['mode']}` mode."
        raise StripeError(words, param="line_items")
    if values.get("customer"):
        desk.get("customer", values["customer"], "customer")
    expires = values.get("expires_at", desk.now + _LIVES_S)
    if not desk.now + _SHORTEST_S <= expires <= desk.now + _LIVES_S:
        words = (
            "The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from "
        )
        raise StripeError(f"{words}Checkout Session creation.", param="expires_at")
    key = new_id("cs_test_", 58)
    total = price["unit_amount"] * line["quantity"]
    return desk.make(
        "checkout.session",
        "cs_test_",
        {
            **dict.fromkeys(("cancel_url", "client_reference_id", "customer", "customer_email")),
            **{name: value for name, value in values.items() if name not in _HIDDEN},
            **{"id": key, "amount_subtotal": total, "amount_total": total, "invoice": None},
            **{"currency": price["currency"], "expires_at": expires, "payment_intent": None},
            **{"payment_status": "unpaid", "status": "open", "subscription": None},
            "url": f"https://checkout.stripe.com{PAGE}{key}",
            **{"_price": price["id"], "_quantity": line["quantity"]},
            "_about": (values.get("subscription_data") or {}).get("metadata", {}),
        },
    )


_HIDDEN = ("line_items", "subscription_data", "allow_promotion_codes")


def expire(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/checkout/sessions/:id/expire`: ends a session; nothing makes it longer."""
    parameters.checked(sent, {})
    session = current(desk, key)
    if session["status"] != "open":
        words = 'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
        raise StripeError(f"{words}Session has a status of `{session['status']}`.")
    changes = {"status": "expired", "url": None}
    desk.change(session, changes)
    desk.emit("checkout.session.expired", session)
    return session


def current(desk: Desk, key: str) -> Thing:
    """A session, expired if its time is over."""
    session = desk.get("checkout.session", key)
    if session["status"] == "open" and session["expires_at"] <= desk.now:
        desk.change(session, {"status": "expired", "url": None})
        desk.emit("checkout.session.expired", session)
    return session


def listed(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/checkout/sessions`."""
    for session in desk.ledger.find(
        "checkout.session", [("status", "=", "open"), ("expires_at", "<=", desk.now)]
    ):
        current(desk, session["id"])
    fields = {
        **{"customer": parameters.text, "payment_intent": parameters.text},
        **{"subscription": parameters.text, "created": parameters.moments},
        "status": parameters.one_of("open", "complete", "expired"),
    }
    return lists.listed(desk, "checkout.session", "/v1/checkout/sessions", sent, fields)


def lines(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/checkout/sessions/:id/line_items`."""
    parameters.checked(sent, {"limit": parameters.whole})
    session = desk.get("checkout.session", key)
    price = desk.get("price", session["_price"])
    item = {
        **{"id": f"li_{key[-14:]}", "object": "item", "amount_total": session["amount_total"]},
        **{"currency": price["currency"], "price": price, "quantity": session["_quantity"]},
    }
    return lists.shown([item], 1, f"/v1/checkout/sessions/{key}/line_items")


def pay(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """What a customer does on the page: pays with a payment method.

    Raises:
        StripeError: The session is over, or the card was declined; then it stays open.
    """
    fields = {"payment_method": parameters.text, "email": parameters.text}
    values = parameters.checked(sent, fields, ["payment_method"])
    session = current(desk, key)
    if session["status"] != "open":
        raise StripeError(f"This session is {session['status']}.", status=410)
    if not session["customer"]:
        email = values.get("email") or session["customer_email"]
        customer = customers.create(desk, {"email": email or "customer@example.com"})
        desk.change(session, {"customer": customer["id"]})
    if session["mode"] == "subscription":
        made = _subscribe(desk, session, values["payment_method"])
    else:
        made = _charge(desk, session, values["payment_method"])
    changes = {"status": "complete", "payment_status": "paid", "url": None, **made}
    desk.change(session, changes)
    desk.emit("checkout.session.completed", session)
    return session


def portal(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/billing_portal/sessions`."""
    fields = {"customer": parameters.text, "return_url": parameters.text}
    values = parameters.checked(sent, fields, ["customer"])
    desk.get("customer", values["customer"], "customer")
    key = new_id("bps_")
    made = {**values, "id": key, "url": f"https://billing.stripe.com/p/session/{key}"}
    return desk.make("billing_portal.session", "bps_", made)


def _subscribe(desk: Desk, session: Thing, method: str) -> Thing:
    wanted = {
        **{"customer": session["customer"], "default_payment_method": method},
        "items": {"0": {"price": session["_price"], "quantity": str(session["_quantity"])}},
        **{"metadata": session["_about"], "payment_behavior": "error_if_incomplete"},
    }
    tried: list[Thing] = []
    try:
        with desk.ledger.tentative():
            try:
                subscription = subscriptions.create(desk, wanted)
            except StripeError as error:
                charge = desk.ledger.get(error.error.get("charge", ""), "charge")
                tried = [error.error["payment_intent"], charge] if charge else []
                raise
    except StripeError as error:
        # There is no subscription, but that the card was declined can be seen.
        for thing in tried:
            desk.ledger.add({**thing, "invoice": None})
        error.keeps = bool(tried)
        raise
    return {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}


def _charge(desk: Desk, session: Thing, method: str) -> Thing:
    found = cards.of_customer(desk, method, session["customer"])
    values = {name: session[name] for name in ("currency", "customer", "metadata")}
    wanted = {**values, "amount": session["amount_total"], "payment_method": found["id"]}
    intent = intents.pay(desk, intents.made(desk, wanted))
    return {"payment_intent": intent["id"]}
