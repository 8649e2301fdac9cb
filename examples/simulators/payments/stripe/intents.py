"""Payment intents and the charges they make: https://docs.stripe.com/api/payment_intents.

Left out: capture by hand, other methods than cards, and that a bank takes its time: a
charge succeeds or fails at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing, new_id
from simulators.payments.stripe import cards, disputes, lists, parameters, radar
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.errors import StripeError
from simulators.payments.stripe.parameters import merged

_LEAST = 50
_ADDRESS = ("line1", "line2", "city", "state", "postal_code", "country")
_TO_CONFIRM: parameters.Fields = {
    "payment_method": parameters.text,
    "off_session": parameters.flag,
    "return_url": parameters.text,
}
_TO_CHANGE: parameters.Fields = {
    "amount": parameters.positive,
    "currency": parameters.currency,
    "customer": parameters.text,
    "description": parameters.text,
    "metadata": parameters.metadata,
    "payment_method": parameters.text,
    "receipt_email": parameters.text,
    "shipping": parameters.group(
        {
            **{"name": parameters.text, "phone": parameters.text},
            "address": parameters.group(dict.fromkeys(_ADDRESS, parameters.text)),
        }
    ),
    "setup_future_usage": parameters.one_of("on_session", "off_session"),
}
_AUTOMATIC = parameters.group(
    {"enabled": parameters.flag, "allow_redirects": parameters.one_of("always", "never")}
)
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/payment_intents`."""
    values = parameters.checked(
        sent,
        {
            **_TO_CHANGE,
            **_TO_CONFIRM,
            "confirm": parameters.flag,
            "automatic_payment_methods": _AUTOMATIC,
            "payment_method_types": parameters.many(parameters.one_of("card")),
        },
        ["amount", "currency"],
    )
    if values["amount"] < _LEAST:
        words = f"Amount must be at least $0.50 {values['currency']}"
        raise StripeError(words, "amount_too_small", "amount")
    confirm = values.pop("confirm", False)
    for name in ("off_session", "return_url"):
        if values.pop(name, None) is not None and not confirm:
            raise StripeError(f"{name} is only allowed with confirm=true.", param=name)
    intent = made(desk, values)
    return pay(desk, intent) if confirm else intent


def made(desk: Desk, values: Mapping[str, Any]) -> Thing:
    """A new intent, not confirmed yet."""
    if values.get("customer"):
        desk.get("customer", values["customer"], "customer")
    method = values.get("payment_method")
    if method:
        method = cards.of_customer(desk, method, values.get("customer"))["id"]
    key = new_id("pi_")
    empty = dict.fromkeys(("customer", "description", "invoice", "last_payment_error"))
    intent = desk.make(
        "payment_intent",
        "pi_",
        {
            **empty,
            **{"amount_received": 0, "canceled_at": None, "capture_method": "automatic"},
            **{"latest_charge": None, "next_action": None, "payment_method_types": ["card"]},
            **{"client_secret": f"{key}_secret_{new_id('', 25)}", "cancellation_reason": None},
            **values,
            **{"id": key, "payment_method": method},
            "status": "requires_confirmation" if method else "requires_payment_method",
        },
    )
    desk.emit("payment_intent.created", intent)
    return intent


def update(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/payment_intents/:id`."""
    values = parameters.checked(sent, _TO_CHANGE)
    intent = desk.get("payment_intent", key)
    if intent["status"] not in _OPEN and set(values) - {"metadata", "description"}:
        words = f"This PaymentIntent's {next(iter(values))} could not be updated because it has a "
        raise _unexpected(f"{words}status of {intent['status']}.", intent)
    if "metadata" in values:
        values["metadata"] = merged(intent["metadata"], values["metadata"])
    if values.get("payment_method"):
        customer = values.get("customer", intent["customer"])
        method = cards.of_customer(desk, values["payment_method"], customer)
        values |= {"payment_method": method["id"], "status": "requires_confirmation"}
    return desk.change(intent, values)


def confirm(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/payment_intents/:id/confirm`."""
    values = parameters.checked(sent, _TO_CONFIRM)
    intent = desk.get("payment_intent", key)
    if values.get("payment_method"):
        method = cards.of_customer(desk, values["payment_method"], intent["customer"])
        desk.change(intent, {"payment_method": method["id"]})
    return pay(desk, intent)


def cancel(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/payment_intents/:id/cancel`."""
    why = parameters.one_of("duplicate", "fraudulent", "requested_by_customer", "abandoned")
    values = parameters.checked(sent, {"cancellation_reason": why})
    intent = desk.get("payment_intent", key)
    if intent["status"] not in _OPEN:
        words = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
        )
        raise _unexpected(words, intent)
    changes = {"status": "canceled", "canceled_at": desk.now, **values}
    return desk.change(intent, changes, "payment_intent.canceled")


def pay(desk: Desk, intent: Thing) -> Thing:
    """Charges an intent.

    Raises:
        StripeError: It was declined, or is in a state that does not allow it.
    """
    if intent["status"] not in _OPEN:
        already = "already " if intent["status"] == "succeeded" else ""
        words = f"You cannot confirm this PaymentIntent because it has {already}a status of "
        raise _unexpected(f"{words}{intent['status']}.", intent)
    if not intent["payment_method"]:
        words = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise _unexpected(words, intent)
    method = desk.get("payment_method", intent["payment_method"], "payment_method")
    card = cards.behaviour(method)
    if radar.blocks(desk, method["card"]):
        card = cards.LISTED
    if card.asks:
        asked = {"status": "requires_action", "next_action": {"type": "use_stripe_sdk"}}
        return desk.change(intent, asked, "payment_intent.requires_action")
    charge = _charge(desk, intent, method, card)
    if card.code:
        error = cards.refusal(card, charge=charge["id"]).error
        changes = {
            **{"status": "requires_payment_method", "last_payment_error": error},
            **{"latest_charge": charge["id"], "payment_method": None},
        }
        desk.change(intent, changes)
        desk.emit("charge.failed", charge)
        desk.emit("payment_intent.payment_failed", intent)
        raise cards.refusal(card, charge=charge["id"], payment_intent=dict(intent))
    amount = intent["amount"]
    changes = {"status": "succeeded", "amount_received": amount, "latest_charge": charge["id"]}
    desk.change(intent, changes)
    desk.emit("charge.succeeded", charge)
    desk.emit("payment_intent.succeeded", intent)
    if card.disputed:
        disputes.begin(desk, charge)
    return intent


def listed(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/payment_intents`: it has no filter on the status; searching has."""
    fields = {"customer": parameters.text, "created": parameters.moments}
    return lists.listed(desk, "payment_intent", "/v1/payment_intents", sent, fields)


def charges(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/charges`."""
    fields = {
        **{"customer": parameters.text, "created": parameters.moments},
        "payment_intent": parameters.text,
    }
    return lists.listed(desk, "charge", "/v1/charges", sent, fields)


def _charge(desk: Desk, intent: Thing, method: Thing, card: cards.Card) -> Thing:
    outcome = {"network_status": "approved_by_network", "reason": None, "type": "authorized"}
    if card.blocked:
        outcome = {
            **{"network_status": "not_sent_to_network", "reason": card.blocked},
            "type": "blocked",
        }
    elif card.code:
        outcome = {
            **{"network_status": "declined_by_network", "reason": card.decline},
            "type": "issuer_declined",
        }
    paid = not card.code
    return desk.make(
        "charge",
        "ch_",
        {
            **{name: intent[name] for name in ("amount", "currency", "customer", "description")},
            **{"invoice": intent["invoice"], "metadata": intent["metadata"]},
            **{"amount_captured": intent["amount"] if paid else 0, "amount_refunded": 0},
            **{"captured": paid, "disputed": False, "paid": paid, "refunded": False},
            **{"failure_code": card.code or None, "outcome": outcome},
            "failure_message": card.message if card.code else None,
            **{"payment_intent": intent["id"], "payment_method": method["id"]},
            "payment_method_details": {"type": "card", "card": method["card"]},
            "status": "succeeded" if paid else "failed",
        },
    )


def _unexpected(words: str, intent: Thing) -> StripeError:
    return StripeError(words, "payment_intent_unexpected_state", payment_intent=dict(intent))
