"""The same customers through Paddle: they order, pay on its page, cancel, want money back."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from dataclasses import replace

from smartbeak_drills.places import PADDLE_PAGE
from smartbeak_drills.users import purchases
from smartbeak_drills.users.buyers import CENTS, Buyers
from smartbeak_drills.users.calls import Line
from smartbeak_drills.users.pace import keep_at
from smartbeak_drills.users.paddle import Paddle
from smartbeak_drills.users.purchases import FREE, Difference, Purchase

_TIMEOUT_S = 2.5
_SIGN_UP = """
WITH org AS (INSERT INTO organizations (id, name) VALUES ($1, $2) RETURNING id)
INSERT INTO subscriptions (id, org_id, plan_id, status)
SELECT 'row_' || id, id, 'plan_free', 'active' FROM org RETURNING id
"""


class PaddleBuyers(Buyers):
    """See `Buyers`; a customer is known by its organization, and the plan is of its row."""

    provider = "paddle"
    interval_s = 2.0
    ask_s = 3.0
    """Paddle's limit is 240 requests a minute."""

    _at_paddle: Paddle | None = None
    _asking_paddle: Paddle | None = None

    def _buy(self, stop: threading.Event) -> None:
        page = Line(PADDLE_PAGE, timeout_s=_TIMEOUT_S)
        self._at_paddle = Paddle()
        keep_at(lambda: self.order(page), self.journal, self.interval_s, stop)
        page.close()

    def order(self, page: Line) -> None:
        """One customer, from the sign-up to the payment; then what the one before wants.

        Raises:
            Trouble: A step failed; whoever had paid before is still accounted for.
        """
        assert self._at_paddle, "begun by _buy"
        number = self.journal.number() or 0
        org = f"org_{uuid.uuid4().hex[:8]}"
        with self._database() as session:
            session.run(_SIGN_UP, org, f"Example {org}")
        ordered = order(self._at_paddle, org)
        page.call("POST", f"/checkout/{ordered}", body={})
        bought = Purchase(org, org, "plan_pro", CENTS["plan_pro"])
        self.journal.confirm(number)
        self._note(number, bought)
        before, self._last = self._last, (number, bought)
        if before:
            self._afterwards(*before)

    def _afterwards(self, number: int, bought: Purchase) -> None:
        """Every fourth cancels, every fourth wants the money back as well."""
        turn = number % 4
        assert self._at_paddle, "begun by _buy"
        if turn < 2 or not self._has(bought):
            return
        paid = self._at_paddle.all("/transactions", status="completed")
        transaction = next(one for one in paid if one["custom_data"]["org_id"] == bought.org)
        with self._lock:
            # Until the answer is there it is open what they shall have.
            del self._bought[number]
        if turn == 3:
            asked = {"action": "refund", "type": "full", "reason": "requested by the customer"}
            self._at_paddle.post("/adjustments", {**asked, "transaction_id": transaction["id"]})
        key = transaction["subscription_id"]
        self._at_paddle.post(f"/subscriptions/{key}/cancel", {"effective_from": "immediately"})
        cents = 0 if turn == 3 else bought.cents
        self._note(number, replace(bought, plan=FREE, cents=cents))

    def _differing(self, wanted: Sequence[Purchase]) -> list[Difference]:
        if not wanted:
            return []
        if self._asking_paddle is None:
            self._asking_paddle = Paddle()
        with self._database() as session:
            return purchases.at_paddle(wanted, self._asking_paddle, session)


def order(paddle: Paddle, org: str) -> str:
    """Orders the plan that Paddle sells, for an organization; the transaction to be paid."""
    customer = paddle.post("/customers", {"email": f"{uuid.uuid4().hex[:8]}@example.com"})
    place = paddle.post(f"/customers/{customer['id']}/addresses", {"country_code": "US"})
    ordered = paddle.post(
        "/transactions",
        {
            **{"customer_id": customer["id"], "address_id": place["id"]},
            **{"items": [{"price_id": "pri_plan_pro", "quantity": 1}]},
            "custom_data": {"org_id": org},
        },
    )
    return str(ordered["id"])
