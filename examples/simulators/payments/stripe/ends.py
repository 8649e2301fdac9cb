"""What ends by itself at Stripe: sessions, trials, periods, open invoices, disputes.

Three days before a trial ends, Stripe says so.

Left out: what an account can choose otherwise. Here a subscription whose renewal was declined four
times is canceled.
"""

from __future__ import annotations

from collections.abc import Iterator

from simulators.payments.clock import Due
from simulators.payments.ledger import Thing
from simulators.payments.stripe import checkout, disputes, subscriptions
from simulators.payments.stripe.desk import Desk

_FIRST_PAYMENT_S = 23 * 3600
"""Seconds after which a subscription expires whose first payment never came."""


def due(desk: Desk) -> Iterator[Due]:
    """All that will end by itself; what is over already is not among it."""
    for session in desk.ledger.find("checkout.session", [("status", "=", "open")]):
        yield _due(desk, session, session["expires_at"])
    for dispute in desk.ledger.find("dispute", [("status", "=", "needs_response")]):
        yield _due(desk, dispute, dispute["evidence_details"]["due_by"])
    for invoice in desk.ledger.find("invoice", [("status", "=", "open")]):
        if invoice.get("next_payment_attempt"):
            yield _due(desk, invoice, invoice["next_payment_attempt"])
    for one in desk.ledger.find("subscription", [("status", "=", "incomplete")]):
        yield _due(desk, one, one["created"] + _FIRST_PAYMENT_S)
    # The periods of the first rows were over before anything passed.
    live = ("status", "IN", ["active", "trialing"])
    for one in desk.ledger.find("subscription", [live, ("current_period_end", ">=", desk.now)]):
        yield _due(desk, one, one["current_period_end"])
    untold = [("status", "=", "trialing"), ("_told", "IS", None)]
    for one in desk.ledger.find("subscription", untold):
        yield _notice(desk, one)


def _due(desk: Desk, thing: Thing, moment: int) -> Due:
    return Due(moment, lambda: _END[thing["object"]](desk, thing["id"]))


def _notice(desk: Desk, trial: Thing) -> Due:
    moment = trial["trial_end"] - subscriptions.NOTICE_S
    return Due(moment, lambda: subscriptions.will_end(desk, trial["id"]))


def _subscription(desk: Desk, key: str) -> None:
    if desk.get("subscription", key)["status"] == "incomplete":
        subscriptions.expire(desk, key)
    else:
        subscriptions.renew(desk, key)


def _invoice(desk: Desk, key: str) -> None:
    """Charges an open invoice again; after the last time its subscription ends."""
    invoice = desk.get("invoice", key)
    desk.change(invoice, {"next_payment_attempt": None})
    if desk.get("subscription", invoice["subscription"])["status"] != "past_due":
        return
    if not subscriptions.again(desk, invoice) and not invoice["next_payment_attempt"]:
        subscriptions.cancel(desk, invoice["subscription"], {})


_END = {
    "checkout.session": checkout.current,
    "dispute": lambda desk, key: disputes.overdue(desk, desk.get("dispute", key)),
    "invoice": _invoice,
    "subscription": _subscription,
}
