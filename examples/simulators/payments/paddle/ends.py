"""What ends by itself at Paddle: periods, patience with who is past due, and reviews of refunds."""

from __future__ import annotations

from collections.abc import Iterator

from simulators.payments.clock import Due
from simulators.payments.ledger import Thing
from simulators.payments.paddle import adjustments, transactions
from simulators.payments.paddle.desk import Desk


def due(desk: Desk) -> Iterator[Due]:
    """All that will end by itself."""
    for one in desk.ledger.find("subscription", [("status", "=", "active")]):
        yield _due(desk, one, one["current_billing_period"]["ends_at"])
    for one in desk.ledger.find("subscription", [("status", "=", "past_due")]):
        yield _due(desk, one, one["_until"])
    for one in desk.ledger.find("adjustment", [("status", "=", "pending_approval")]):
        yield _due(desk, one, one["created_at"] + adjustments.APPROVED_S)


def _due(desk: Desk, thing: Thing, moment: int) -> Due:
    return Due(moment, lambda: _END[thing["object"], thing["status"]](desk, thing["id"]))


def _end(desk: Desk, key: str) -> Thing:
    return transactions.end(desk, desk.get("subscription", key))


def _approve(desk: Desk, key: str) -> Thing:
    return adjustments.decide(desk, key, "approved")


_END = {
    ("subscription", "active"): transactions.renew,
    ("subscription", "past_due"): _end,
    ("adjustment", "pending_approval"): _approve,
}
