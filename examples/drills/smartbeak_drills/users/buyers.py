"""What customers do: they subscribe, pay, upgrade, cancel, and ask for their money back.

They buy through the platform and pay on Stripe's page; the rest they do at Stripe, as in
its billing portal. A purchase counts as acknowledged when Stripe took the money; as lost
when the customer does not have what was paid for, or has less of it; as doubled when it was
paid or is there twice.

Who wants something else waits until the platform gives what was paid for: no provider promises
an order, and an event that is sent again late would undo a newer one.
"""

from __future__ import annotations

import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from drillbook.inside.account import Count, Work, count_of
from drillbook.inside.journal import Journal
from drillbook.inside.trouble import Trouble
from smartbeak_drills.places import STRIPE_PAGE
from smartbeak_drills.session import Session
from smartbeak_drills.users import purchases
from smartbeak_drills.users.calls import Line
from smartbeak_drills.users.pace import keep_at
from smartbeak_drills.users.purchases import Difference, Purchase
from smartbeak_drills.users.roster import Roster, User
from smartbeak_drills.users.stripe import Stripe

CENTS = {"plan_pro": 4900, "plan_scale": 19900}
"""What the plans cost a month."""

PATIENCE_S = 3.0
"""Seconds without a purchase before customers call buying impossible."""

LATE_S = 2.5
"""Seconds after which what was paid for must be there; on an idle stack it takes 0.3 s."""

_TIMEOUT_S = 2.5
_DRAIN_S = 24.0
_ACCOUNT_S = 20.0
"""Seconds to wait for Stripe and the table when the account is made up."""

_AGAIN_S = 0.3
_CARD = "pm_card_visa"
_HAS = "SELECT plan_id FROM subscriptions WHERE status = 'active' AND org_id = $1"
_SIGN_UP = """
WITH org AS (
  INSERT INTO organizations (id, name, stripe_customer_id) VALUES ($1, $2, $3) RETURNING id
), owner AS (
  INSERT INTO users (id, email) VALUES ($4, $5) RETURNING id
)
INSERT INTO memberships (user_id, org_id, role) SELECT owner.id, org.id, 'owner' FROM org, owner
RETURNING role
"""


class Buyers:
    """New customers, one after another, each with what it wants in the end.

    Args:
        url: Of the web host.
        roster: Signs them in.
        database: Connects to the database.
    """

    kind = "purchases"
    provider = "stripe"
    interval_s = 0.8
    """Between the beginnings of two purchases."""

    ask_s = 1.0
    """Between two questions of the oracle, whose limit customers share."""

    def __init__(self, url: str, roster: Roster, database: Callable[[], Session]) -> None:
        self.journal = Journal()
        self.journal.begin_after(0)
        self._url = url
        self._roster = roster
        self._database = database
        self._stripe = Stripe()
        self._asking = Stripe()
        """Another connection: the oracle asks in a thread of its own."""
        self._lock = threading.Lock()
        self._bought: dict[int, tuple[float, Purchase]] = {}
        """When, and what, by number."""
        self._last: tuple[int, Purchase] | None = None
        """Who bought last, and has not done anything with it yet."""

    @property
    def works(self) -> Sequence[Work]:
        """See `drillbook.inside.account.Client`."""
        return (self._buy,)

    def trouble(self) -> str:
        """Why customers cannot buy; empty while they can."""
        return self.journal.kept_trouble(PATIENCE_S)

    def differences(self) -> list[Difference]:
        """What is wrong with what was bought long enough ago, by whomever.

        Raises:
            Trouble: Stripe or the database cannot be asked.
        """
        limit = time.monotonic() - LATE_S
        with self._lock:
            wanted = [bought for at, bought in self._bought.values() if at < limit]
        return self._differing([*wanted, *purchases.read()])

    def buy(self, line: Line, page: Line) -> None:
        """One customer, from the sign-up to the payment; then what the one before wants.

        Raises:
            Trouble: A step failed; whoever had paid before is still accounted for.
        """
        number = self.journal.number() or 0
        customer, user = self._sign_up()
        answer = line.call(
            "POST", "/api/stripe/create-checkout-session", token=self._roster.sign_in(user),
            body={"priceId": "price_plan_pro"},
        )  # fmt: skip
        path = urllib.parse.urlsplit(str(answer.body["url"])).path
        page.send(path, urllib.parse.urlencode({"payment_method": _CARD}).encode(), {})
        bought = Purchase(customer, user.org, "plan_pro", CENTS["plan_pro"])
        self.journal.confirm(number)
        self._note(number, bought)
        before, self._last = self._last, (number, bought)
        if before:
            self._afterwards(*before)

    def settle(self) -> float | None:
        """See `drillbook.inside.account.Client`."""
        deadline = time.monotonic() + _DRAIN_S
        late = False
        while time.monotonic() < deadline:
            try:
                if not self._differing(self._wanted()):
                    return time.monotonic() if late else None
            except Trouble as error:
                self.journal.fail(error.text, seen=error.seen)
            late = True
            time.sleep(_AGAIN_S)
        return None

    def count(self) -> Count:
        """See `drillbook.inside.account.Client`."""
        with self._lock:
            numbers = {bought.customer: number for number, (_, bought) in self._bought.items()}
        differences = self._found()
        if differences is None:
            return count_of(self.kind, self.journal, None)
        found = {each.customer: each for each in differences}
        doubled = {customer for customer, each in found.items() if each.doubled}
        present = [number for customer, number in numbers.items() if customer not in found]
        present += 2 * [numbers[customer] for customer in doubled if customer in numbers]
        # Whose last answer never came is not accounted for, but was not lost either.
        present += self.journal.numbers() - set(numbers.values())
        losses = self.journal.compare(present, self.interval_s)
        others = len(doubled - set(numbers))
        losses = replace(losses, doubled=losses.doubled + others)
        return count_of(self.kind, self.journal, losses, (self.provider,))

    def _buy(self, stop: threading.Event) -> None:
        line, page = Line(self._url, timeout_s=_TIMEOUT_S), Line(STRIPE_PAGE, timeout_s=_TIMEOUT_S)
        keep_at(lambda: self.buy(line, page), self.journal, self.interval_s, stop)
        line.close()
        page.close()

    def _sign_up(self) -> tuple[str, User]:
        """A new customer of Stripe and the owner of its organization."""
        name = uuid.uuid4().hex[:8]
        user = User(f"user_{name}", f"org_{name}", "owner")
        fields = {"metadata[orgId]": user.org, "email": f"{user.id}@example.com"}
        customer = str(self._stripe.post("customers", fields)["id"])
        with self._database() as session:
            session.run(
                _SIGN_UP, user.org, f"Example {name}", customer, user.id, f"{user.id}@example.com"
            )
        return customer, user

    def _afterwards(self, number: int, bought: Purchase) -> None:
        """What some of them do with it: every fourth upgrades, cancels, or wants the money back."""
        turn = number % 4
        if turn == 0 or not self._has(bought):
            return
        (subscription,) = self._stripe.all("subscriptions", customer=bought.customer)
        key = subscription["id"]
        with self._lock:
            # Until the answer is there it is open what they shall have.
            del self._bought[number]
        if turn == 1:
            item = subscription["items"]["data"][0]["id"]
            changed = self._stripe.post(
                f"subscriptions/{key}",
                {
                    **{"items[0][id]": item, "items[0][price]": "price_plan_scale"},
                    "proration_behavior": "always_invoice",
                },
                f"upgrade:{key}",
            )
            invoice = next(self._stripe.all("invoices", subscription=key))
            assert changed["latest_invoice"] == invoice["id"], "nobody else buys for them"
            cents = bought.cents + int(invoice["amount_paid"])
            bought = replace(bought, plan="plan_scale", cents=cents)
        else:
            if turn == 3:
                charge = next(self._stripe.all("charges", customer=bought.customer))["id"]
                fields = {"charge": charge, "reason": "requested_by_customer"}
                self._stripe.post("refunds", fields, f"refund:{charge}")
            self._stripe.delete(f"subscriptions/{key}")
            bought = replace(bought, plan="", cents=0 if turn == 3 else bought.cents)
        self._note(number, bought)

    def _has(self, bought: Purchase) -> bool:
        """Whether the platform gives what was paid for."""
        with self._database() as session:
            return [tuple(row) for row in session.run(_HAS, bought.org)] == [("plan_pro",)]

    def _found(self) -> list[Difference] | None:
        """All that differs; None if Stripe or the database cannot be asked."""
        deadline = time.monotonic() + _ACCOUNT_S
        while True:
            try:
                return self._differing(self._wanted())
            except Trouble as error:
                self.journal.fail(error.text, seen=error.seen)
                if time.monotonic() > deadline:
                    return None
            time.sleep(_AGAIN_S)

    def _note(self, number: int, bought: Purchase) -> None:
        with self._lock:
            self._bought[number] = time.monotonic(), bought

    def _wanted(self) -> list[Purchase]:
        with self._lock:
            return [*(bought for _, bought in self._bought.values()), *purchases.read()]

    def _differing(self, wanted: Sequence[Purchase]) -> list[Difference]:
        if not wanted:
            return []
        with self._database() as session:
            return purchases.differences(wanted, self._asking, session)
