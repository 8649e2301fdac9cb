"""Refunds: https://docs.stripe.com/api/refunds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing
from simulators.payments.stripe import disputes, lists, parameters
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.errors import StripeError
from simulators.payments.stripe.parameters import merged

_REASON = parameters.one_of("duplicate", "fraudulent", "requested_by_customer")


def create(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/refunds`: of a charge, in whole or in part, never more than is left of it."""
    fields = {
        **{"charge": parameters.text, "payment_intent": parameters.text, "reason": _REASON},
        **{"amount": parameters.positive, "metadata": parameters.metadata},
    }
    values = parameters.checked(sent, fields)
    charge = _charge(desk, values)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["disputed"] and not disputes.won(desk, charge):
        words = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise StripeError(words, "charge_disputed")
    if not left:
        words = f"Charge {charge['id']} has already been refunded."
        raise StripeError(words, "charge_already_refunded")
    amount = values.get("amount", left)
    if amount > left:
        words = f"Refund amount (${_units(amount)}) is greater than unrefunded amount on charge "
        raise StripeError(f"{words}(${_units(left)})", param="amount")
    refund = desk.make(
        "refund",
        "re_",
        {
            **{"amount": amount, "charge": charge["id"], "currency": charge["currency"]},
            **{"metadata": values.get("metadata", {}), "reason": values.get("reason")},
            **{"payment_intent": charge["payment_intent"], "receipt_number": None},
            **{"status": "succeeded", "_customer": charge["customer"]},
        },
    )
    total = charge["amount_refunded"] + amount
    changes = {"amount_refunded": total, "refunded": total == charge["amount_captured"]}
    desk.change(charge, changes, "charge.refunded")
    return refund


def update(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/refunds/:id`: only its metadata."""
    values = parameters.checked(sent, {"metadata": parameters.metadata})
    refund = desk.get("refund", key)
    words = merged(refund["metadata"], values.get("metadata", {}))
    return desk.change(refund, {"metadata": words}, "charge.refund.updated")


def listed(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/refunds`."""
    fields = {
        **{"charge": parameters.text, "payment_intent": parameters.text},
        "created": parameters.moments,
    }
    return lists.listed(desk, "refund", "/v1/refunds", sent, fields)


def _charge(desk: Desk, values: Mapping[str, Any]) -> Thing:
    if bool(values.get("charge")) == bool(values.get("payment_intent")):
        words = "One of the following params should be provided for this request: payment_intent "
        raise StripeError(f"{words}or charge.", "parameter_missing")
    if values.get("charge"):
        charge = desk.get("charge", values["charge"], "charge")
    else:
        intent = desk.get("payment_intent", values["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            words = (
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            )
            raise StripeError(words)
        charge = desk.get("charge", intent["latest_charge"], "charge")
    if not charge["paid"]:
        raise StripeError(f"Charge {charge['id']} failed; it cannot be refunded.", param="charge")
    return charge


def _units(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
