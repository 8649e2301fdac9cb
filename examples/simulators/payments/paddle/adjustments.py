"""Adjustments: refunds and chargebacks: https://developer.paddle.com/api-reference/adjustments.

A refund waits until Paddle approves it; people do that, here after ten minutes, as in Paddle's
sandbox, or the control program. A chargeback is Paddle's own to make and to answer. Left out:
credits (of transactions that are paid by invoice), taxes, fees, and `adjusted_totals`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing, new_id
from simulators.payments.paddle import lists, parameters
from simulators.payments.paddle.desk import Desk
from simulators.payments.paddle.errors import PaddleError, invalid
from simulators.payments.paddle.lists import Page

APPROVED_S = 600
"""Seconds until a refund is approved by itself."""

_WAITS, _STATES = "pending_approval", ("pending_approval", "approved", "rejected", "reversed")
_ACTIONS = ("refund", "credit", "chargeback", "chargeback_reverse", "credit_reverse")


def create(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /adjustments`: gives all of a completed transaction back, or a part of its items."""
    fields: parameters.Fields = {
        **{"action": parameters.one_of("refund", "credit"), "reason": parameters.text},
        **{"transaction_id": parameters.text, "type": parameters.one_of("full", "partial")},
        "items": parameters.adjusted,
    }
    values = parameters.checked(sent, fields, ["action", "reason", "transaction_id"])
    made = desk.get("transaction", values["transaction_id"])
    if made["status"] != "completed" or values["action"] == "credit":
        words = f"The transaction being adjusted ({values['action']}) has a non supported status. "
        code = f"adjustment_transaction_invalid_status_for_{values['action']}"
        raise PaddleError(code, f"{words}ID: {made['id']}", group="adjustments")
    before = desk.ledger.find("adjustment", [("transaction_id", "=", made["id"])])
    if any(each["status"] == _WAITS for each in before):
        words = "You are unable to create further adjustments against this transaction as there "
        code = "adjustment_pending_refund_request"
        raise PaddleError(code, f"{words}is a pending refund request", group="adjustments")
    amounts = _amounts(made, values)
    left = _total(made) - sum(
        int(each["totals"]["total"]) for each in before if each["status"] == "approved"
    )
    if not 0 < sum(amounts.values()) <= left:
        # Paddle's own code for it is not published.
        words = f"Adjustment is greater than what is left of the transaction: {left}"
        raise PaddleError("adjustment_amount_above_remaining_allowed", words, group="adjustments")
    return _add(desk, made, values["action"], _WAITS, values["reason"], amounts)


def listed(desk: Desk, sent: Mapping[str, Any]) -> Page:
    """`GET /adjustments`."""
    words = {"status": parameters.one_of(*_STATES), "action": parameters.one_of(*_ACTIONS)}
    for name, kind in words.items():
        if name in sent:
            parameters.several(kind)(name, sent[name])
    names = ("id", "customer_id", "transaction_id", "subscription_id", "status", "action")
    return lists.listed(desk, "adjustment", sent, {name: name for name in names})


def decide(desk: Desk, key: str, status: str) -> Thing:
    """What Paddle's people say of a refund.

    Raises:
        PaddleError: Nothing waits for it.
    """
    adjustment = desk.get("adjustment", key)
    if adjustment["status"] != _WAITS:
        words = f"Adjustment {key} is {adjustment['status']}."
        raise PaddleError("adjustment_not_pending", words, group="adjustments")
    return desk.change(adjustment, {"status": status}, "adjustment.updated")


def charge_back(desk: Desk, key: str) -> Thing:
    """Has the cardholder's bank take a payment back; Paddle answers banks, not who sells."""
    made = desk.get("transaction", key)
    if made["status"] != "completed":
        raise PaddleError("transaction_not_completed", f"Transaction {key} is {made['status']}.")
    amounts = {each["id"]: int(each["totals"]["total"]) for each in made["details"]["line_items"]}
    return _add(desk, made, "chargeback", "approved", "chargeback", amounts)


def _amounts(made: Thing, values: Mapping[str, Any]) -> Mapping[str, int]:
    """How much of each item is given back."""
    whole = {each["id"]: int(each["totals"]["total"]) for each in made["details"]["line_items"]}
    if values.get("type") == "full":
        if "items" in values:
            raise invalid(items="must not be given when the type is full")
        return whole
    if "items" not in values:
        raise invalid(items="must be provided when the type is partial")
    amounts = {}
    for each in values["items"]:
        if each["item_id"] not in whole:
            raise invalid(items=f"item {each['item_id']} is none of the transaction")
        full = each["type"] == "full"
        amounts[each["item_id"]] = whole[each["item_id"]] if full else int(each["amount"])
    return amounts


def _add(
    desk: Desk, made: Thing, action: str, status: str, reason: str, amounts: Mapping[str, int]
) -> Thing:
    items = [
        {
            **{"id": new_id("adjitm_", 26).lower(), "item_id": key, "amount": str(amount)},
            **{"type": "partial", "proration": None, "totals": _totals(amount)},
        }
        for key, amount in amounts.items()
    ]
    total = sum(amounts.values())
    adjustment = desk.make(
        "adjustment",
        "adj_",
        {
            **{"action": action, "transaction_id": made["id"], "reason": reason, "items": items},
            **{name: made[name] for name in ("subscription_id", "customer_id")},
            **{"credit_applied_to_balance": None, "currency_code": made["currency_code"]},
            **{"status": status, "payout_totals": None, "tax_rates_used": []},
            "type": "full" if total == _total(made) else "partial",
            "totals": {
                **_totals(total),
                **{"fee": "0", "retained_fee": "0", "earnings": str(total)},
                "currency_code": made["currency_code"],
            },
        },
    )
    desk.emit("adjustment.created", adjustment)
    return adjustment


def _total(made: Thing) -> int:
    return int(made["details"]["totals"]["grand_total"])


def _totals(amount: int) -> Thing:
    return {"subtotal": str(amount), "tax": "0", "total": str(amount)}
