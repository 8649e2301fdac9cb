"""What the oracles of payments look at."""

from __future__ import annotations

import time
from collections.abc import Callable

from smartbeak_drills.agreed import PAYERS
from smartbeak_drills.session import Session
from smartbeak_drills.users import purchases
from smartbeak_drills.users.buyers import Buyers
from smartbeak_drills.users.paddle import Paddle
from smartbeak_drills.users.stripe import Stripe
from smartbeak_drills.users.webhooks import PATIENCE_S, Webhooks

_LOOK_S = 0.3
_ASK_S = 1.0
"""Between two questions to Stripe, whose limit customers share."""

_ENTITLED = """
SELECT count(*) FROM subscriptions
WHERE status = 'active' AND stripe_subscription_id = ANY (string_to_array($1, ','))
"""


_KEPT = """
SELECT stripe_subscription_id, status, plan_id FROM subscriptions
WHERE stripe_subscription_id IS NOT NULL
"""


_PLANS = "SELECT org_id, plan_id FROM subscriptions WHERE status = 'active'"


class WebhooksTaken:
    """Events of Stripe and Paddle are taken."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        return self._webhooks.journal.kept_trouble(PATIENCE_S)


class Entitled:
    """Who pays has what they pay for: each of the watched subscriptions is active."""

    def __init__(self, database: Callable[[], Session]) -> None:
        self._database = database
        self._next = 0.0
        self._said = "nothing was looked at yet"

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LOOK_S
            with self._database() as session:
                ((count,),) = session.run(_ENTITLED, ",".join(PAYERS))
            missing = len(PAYERS) - int(str(count))
            self._said = f"{missing} of {len(PAYERS)} payers have no active subscription"
            if not missing:
                self._said = ""
        return self._said


class Settled:
    """Customers buy, and who bought paid once, to the cent, and has it once, on both sides."""

    def __init__(self, buyers: Buyers) -> None:
        self._buyers = buyers
        self._next = 0.0
        self._said = "nothing was looked at yet"

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        trouble = self._buyers.trouble()
        if trouble:
            return trouble
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._buyers.ask_s
            self._said = purchases.summed(self._buyers.differences())
        return self._said


class Agreed:
    """Stripe and the platform say the same of every subscription: its status and its plan."""

    def __init__(self, database: Callable[[], Session]) -> None:
        self._database = database
        self._stripe = Stripe()
        self._next = 0.0
        self._said = "nothing was looked at yet"

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LOOK_S
            self._said = self._compared()
        return self._said

    def _compared(self) -> str:
        with self._database() as session:
            rows = {str(key): (str(status), str(plan)) for key, status, plan in session.run(_KEPT)}
        count = off = 0
        for each in self._stripe.all("subscriptions", status="all"):
            count += 1
            status = "cancelled" if each["status"] == "canceled" else each["status"]
            plan = each["items"]["data"][0]["price"]["metadata"].get("planId", "")
            here = rows.get(each["id"])
            ended = status == "cancelled" and (here is None or here[0] == status)
            off += not ended and here != (status, plan)
        return f"{off} of {count} subscriptions are not as Stripe has them" if off else ""


class Answered:
    """Every dispute is answered, or given in to and what it was for has ended; see `Agreed`."""

    def __init__(self, database: Callable[[], Session]) -> None:
        self._agreed = Agreed(database)
        self._stripe = Stripe()
        self._next = 0.0
        self._said = "nothing was looked at yet"

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _ASK_S
            self._said = self._counted()
        return self._said or self._agreed.look()

    def _counted(self) -> str:
        found = list(self._stripe.all("disputes"))
        waiting = sum(each["status"] == "needs_response" for each in found)
        if waiting:
            return f"{waiting} disputes wait for an answer"
        lost = {each["charge"] for each in found if each["status"] == "lost"}
        has_it_back = {
            each["customer"] for each in self._stripe.all("charges") if each["id"] in lost
        }
        live = sum(each["customer"] in has_it_back for each in self._stripe.all("subscriptions"))
        return f"{live} customers have their money back and a subscription" if live else ""


class Paddled:
    """Paddle and the platform say the same of every organization: which plan it pays."""

    def __init__(self, database: Callable[[], Session]) -> None:
        self._database = database
        self._paddle = Paddle()
        self._next = 0.0
        self._said = "nothing was looked at yet"

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _ASK_S
            self._said = self._compared()
        return self._said

    def _compared(self) -> str:
        paid: dict[str, str] = {}
        for each in self._paddle.all("/subscriptions"):
            org = each["custom_data"]["org_id"]
            if each["status"] in ("active", "past_due"):
                paid[org] = each["items"][0]["price"]["custom_data"]["planId"]
            else:
                paid.setdefault(org, "plan_free")
        with self._database() as session:
            has = {str(org): str(plan) for org, plan in session.run(_PLANS)}
        off = sum(has.get(org) != plan for org, plan in paid.items())
        if off:
            return f"{off} of {len(paid)} organizations have another plan than they pay at Paddle"
        return ""
