"""Disputes (chargebacks) and what answers them: https://docs.stripe.com/disputes/api.

Left out: files as evidence, inquiries before a dispute, balance transactions, and the fee.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing
from simulators.payments.stripe import lists, parameters
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.errors import StripeError
from simulators.payments.stripe.parameters import merged

REASONS = (
    *("bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated"),
    *("debit_not_authorized", "duplicate", "fraudulent", "general", "incorrect_account_details"),
    *("insufficient_funds", "noncompliant", "product_not_received", "product_unacceptable"),
    *("subscription_canceled", "unrecognized"),
)

ANSWER_S = 7 * 24 * 3600
"""Seconds in which a dispute can be answered; how long a bank gives differs, from 7 days on."""

_TEXTS = (
    *("access_activity_log", "billing_address", "cancellation_policy_disclosure"),
    *("cancellation_rebuttal", "customer_email_address", "customer_name", "customer_purchase_ip"),
    *("duplicate_charge_explanation", "duplicate_charge_id", "product_description"),
    *("refund_policy_disclosure", "refund_refusal_explanation", "service_date"),
    "uncategorized_text",
)
_LONGEST_TEXT, _LONGEST_ALL = 20_000, 150_000
_OPEN, _OVER = "needs_response", ("won", "lost")


def _words(name: str, sent: Any) -> str | None:
    if not isinstance(sent, str) or len(sent) > _LONGEST_TEXT:
        words = f"Invalid string; must be at most {_LONGEST_TEXT} characters"
        raise StripeError(words, param=name)
    return sent or None


def begin(desk: Desk, charge: Thing, reason: str = "fraudulent") -> Thing:
    """Has the cardholder dispute a charge: the money is gone until somebody wins it back.

    Raises:
        StripeError: There is nothing to dispute.
    """
    left = charge["amount_captured"] - charge["amount_refunded"]
    if not charge["paid"] or charge["disputed"] or not left:
        raise StripeError(f"Charge {charge['id']} cannot be disputed.")
    desk.change(charge, {"disputed": True})
    dispute = desk.make(
        "dispute",
        "dp_",
        {
            **{name: charge[name] for name in ("currency", "payment_intent")},
            **{"amount": left, "charge": charge["id"], "evidence": dict.fromkeys(_TEXTS)},
            **{"reason": reason, "is_charge_refundable": False, "status": _OPEN},
            "evidence_details": {
                **{"due_by": desk.now + ANSWER_S, "has_evidence": False},
                **{"past_due": False, "submission_count": 0},
            },
        },
    )
    desk.emit("charge.dispute.created", dispute)
    desk.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def update(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/disputes/:id`: evidence; it goes to the bank at once, and once, unless staged."""
    fields: parameters.Fields = {
        "evidence": parameters.group(dict.fromkeys(_TEXTS, _words)),
        **{"submit": parameters.flag, "metadata": parameters.metadata},
    }
    values = parameters.checked(sent, fields)
    dispute = desk.get("dispute", key)
    changes: dict[str, Any] = {}
    if "metadata" in values:
        changes["metadata"] = merged(dispute["metadata"], values["metadata"])
    if "evidence" in values or "submit" in values:
        changes |= _answered(dispute, values)
    return desk.change(dispute, changes, "charge.dispute.updated")


def close(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/disputes/:id/close`: gives in; there is no way back."""
    parameters.checked(sent, {})
    dispute = desk.get("dispute", key)
    if dispute["status"] != _OPEN:
        words = "already closed" if dispute["status"] in _OVER else "under review"
        raise StripeError(f"This dispute is {words}.")
    return desk.change(dispute, {"status": "lost"}, "charge.dispute.closed")


def decide(desk: Desk, key: str, won: bool) -> Thing:
    """What the bank says of an answer: the money comes back, or does not."""
    dispute = desk.get("dispute", key)
    if dispute["status"] != "under_review":
        raise StripeError(f"A dispute that is {dispute['status']} is not the bank's to decide.")
    desk.change(dispute, {"status": "won" if won else "lost"}, "charge.dispute.closed")
    if won:
        desk.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def overdue(desk: Desk, dispute: Thing) -> None:
    """Ends a dispute that nobody answered in time."""
    details = {**dispute["evidence_details"], "past_due": True}
    changes = {"status": "lost", "evidence_details": details}
    desk.change(dispute, changes, "charge.dispute.closed")


def listed(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/disputes`."""
    fields = {
        **{"charge": parameters.text, "payment_intent": parameters.text},
        "created": parameters.moments,
    }
    return lists.listed(desk, "dispute", "/v1/disputes", sent, fields)


def won(desk: Desk, charge: Thing) -> bool:
    """Whether a charge that was disputed is ours again."""
    found = desk.ledger.find("dispute", [("charge", "=", charge["id"])])
    return all(dispute["status"] == "won" for dispute in found)


def _answered(dispute: Thing, values: Mapping[str, Any]) -> dict[str, Any]:
    """What evidence changes.

    Raises:
        StripeError: It comes a second time, too late, or is too long.
    """
    if dispute["status"] != _OPEN:
        words = f"This dispute has a status of {dispute['status']} and cannot be updated."
        raise StripeError(words)
    given = {**dispute["evidence"], **(values.get("evidence") or {})}
    if sum(len(text or "") for text in given.values()) > _LONGEST_ALL:
        words = f"Evidence is limited to {_LONGEST_ALL} characters in all."
        raise StripeError(words, param="evidence")
    details = {**dispute["evidence_details"], "has_evidence": any(given.values())}
    changes: dict[str, Any] = {"evidence": given, "evidence_details": details}
    if values.get("submit", True):
        if not details["has_evidence"]:
            raise StripeError("There is no evidence to submit.", param="evidence")
        details["submission_count"] += 1
        changes["status"] = "under_review"
    return changes
