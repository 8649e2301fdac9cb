"""Customers who were charged twice for one plan: found among many, refunded exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import stripe

from smartbeak_ops import postgres, settings, stripe_api
from smartbeak_ops.refusal import RefusedError

State = Literal["to refund", "refunded", "disputed", "not paid", "unclear"]

_ROWS = """
SELECT stripe_subscription_id FROM subscriptions
WHERE status = 'active' AND stripe_customer_id = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class Doubled:
    """A subscription that a customer has beside the one that the platform knows."""

    customer: str
    plan: str
    keeps: str
    """The subscription that stays; empty where the platform does not say which."""

    extra: str
    charge: str
    """What was paid for the extra one; `-` for nothing."""

    cents: int
    """What can still be refunded of it."""

    currency: str
    state: State

    @property
    def line(self) -> str:
        """In one line; the charge is last, as in a list for `refund --from`."""
        return (
            f"{self.state:9} {money(self.cents, self.currency)} {self.customer} {self.plan} "
            f"keeps {self.keeps or '?'} extra {self.extra} {self.charge}"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one refund."""

    line: str
    cents: int
    """Refunded by this run, or by this dry run."""

    done: bool
    """Whether the customer has the money back and one subscription."""


def money(cents: int, currency: str) -> str:
    """An amount, e.g. `49.00 usd`."""
    return f"{cents // 100}.{cents % 100:02} {currency}"


def find(hours: float, tries: int = 2) -> list[Doubled]:
    """Looks for customers with several live subscriptions to one plan, all this young.

    Args:
        hours: How young.
        tries: How often what had no answer is asked for again.

    Raises:
        UnknownError: Stripe does not answer.
    """
    client = stripe_api.client(tries)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    try:
        found = client.v1.subscriptions.list(
            {
                "status": "active",
                "limit": 100,
                "created": {"gte": int(time.time() - hours * 3600)},
                "expand": ["data.latest_invoice.charge"],
            }
        )
        for each in found.auto_paging_iter():
            one = stripe_api.dump(each)
            price = one["items"]["data"][0]["price"]
            plan = price["metadata"].get("planId") or price["id"]
            groups.setdefault((one["customer"], plan), []).append(one)
    except stripe.StripeError as error:
        raise stripe_api.unanswered(error) from None
    several = {key: group for key, group in groups.items() if len(group) > 1}
    known = _known([customer for customer, _ in several])
    return [
        doubled
        for (customer, plan), group in sorted(several.items())
        for doubled in _doubled(customer, plan, group, known)
    ]


def refund(
    charges: Sequence[str], *, hours: float, most: int, most_cents: int, dry_run: bool
) -> list[Outcome]:
    """Refunds these charges and ends the subscriptions that they were for.

    Each refund has a key that is made of the charge alone: asked for by two people, or again
    after an interruption, it is one refund.

    Args:
        charges: Ids, as `find` shows them.
        hours: See `find`.
        most: So many charges at most.
        most_cents: So much money at most.
        dry_run: Only say what would be done.

    Raises:
        RefusedError: It is more than that, or a charge is none that was found.
        UnknownError: Stripe does not answer.
    """
    found = {each.charge: each for each in find(hours)}
    strangers = [charge for charge in dict.fromkeys(charges) if charge not in found]
    client = stripe_api.client()
    outcomes = [_before(client, charge) for charge in strangers]
    wanted = [found[charge] for charge in dict.fromkeys(charges) if charge in found]
    cents = sum(each.cents for each in wanted if each.state == "to refund")
    within(len(wanted), cents, wanted[0].currency if wanted else "usd", most, most_cents)
    return outcomes + [_refund(client, each, dry_run=dry_run) for each in wanted]


def within(count: int, cents: int, currency: str, most: int, most_cents: int) -> None:
    """Refuses what is more than finance signed.

    Raises:
        RefusedError: It is.
    """
    if count > most or cents > most_cents:
        raise RefusedError(
            f"{count} charges and {money(cents, currency)}: "
            f"at most {most} and {money(most_cents, currency)} at once"
        )


def _refund(client: stripe.StripeClient, each: Doubled, *, dry_run: bool) -> Outcome:
    about = f"{each.charge} {each.customer}"
    if each.state not in ("to refund", "refunded"):
        return Outcome(f"REFUSED: {about} is {each.state}: finance decides", 0, False)
    again = each.state == "refunded"
    if dry_run:
        words = (
            "is refunded already" if again else f"{money(each.cents, each.currency)} would go back"
        )
        return Outcome(f"{about} {words}; {each.extra} would end", each.cents, True)
    cents = 0
    if not again:
        cents = _asked(
            lambda: client.v1.refunds.create(
                {"charge": each.charge, "reason": "duplicate"},
                {"idempotency_key": f"duplicate:{each.charge}"},
            ),
            "charge_already_refunded",
            each.cents,
        )
    _asked(lambda: client.v1.subscriptions.cancel(each.extra), "resource_missing", 0)
    words = f"{money(cents, each.currency)} refunded" if cents else "was refunded already"
    return Outcome(f"{about} {words}; {each.extra} ended", cents, True)


def _asked(ask: Callable[[], object], already: str, cents: int) -> int:
    """Asks for a change; cents, or 0 where the answer says that it was made before."""
    try:
        ask()
    except stripe.InvalidRequestError as error:
        if error.code != already:
            raise stripe_api.unanswered(error) from None
        return 0
    except stripe.StripeError as error:
        raise stripe_api.unanswered(error) from None
    return cents


def _before(client: stripe.StripeClient, charge: str) -> Outcome:
    """A charge that is none of those found: settled before, or somebody else's."""
    try:
        known = stripe_api.dump(client.v1.charges.retrieve(charge))
    except stripe.InvalidRequestError:
        return Outcome(f"REFUSED: {charge} is no charge of this account", 0, False)
    except stripe.StripeError as error:
        raise stripe_api.unanswered(error) from None
    if known["refunded"]:
        return Outcome(f"{charge} {known['customer']} was refunded already", 0, True)
    words = "was charged once, or longer ago: it is not a double"
    return Outcome(f"REFUSED: {charge} {known['customer']} {words}", 0, False)


def _doubled(
    customer: str, plan: str, group: Sequence[dict[str, Any]], known: set[str]
) -> list[Doubled]:
    kept = [each["id"] for each in group if each["id"] in known]
    keeps = kept[0] if len(kept) == 1 else ""
    found = []
    for each in group:
        if each["id"] == keeps:
            continue
        invoice = each["latest_invoice"] or {}
        charge = invoice.get("charge") or {}
        left = charge.get("amount_captured", 0) - charge.get("amount_refunded", 0)
        state: State = "to refund"
        if not keeps or invoice.get("billing_reason") not in (None, "subscription_create"):
            state = "unclear"
        elif not charge.get("paid"):
            state = "not paid"
        elif charge["refunded"]:
            state = "refunded"
        elif charge["disputed"]:
            state = "disputed"
        found.append(
            Doubled(
                customer,
                plan,
                keeps,
                each["id"],
                charge.get("id", "-"),
                left,
                each["currency"],
                state,
            )
        )
    return found


def _known(customers: Sequence[str]) -> set[str]:
    """Subscriptions that the platform calls active, of these customers."""
    if not customers:
        return set()
    with postgres.Server(settings.read().database) as server:
        rows = server.rows(_ROWS, [list(customers)])
        return {str(row["stripe_subscription_id"]) for row in rows}
