"""Organizations that were charged twice through Paddle: found, and refunded exactly once.

Paddle has no idempotency keys. It refuses a second refund itself: while one waits for its
approval, and beyond what is left of a transaction afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from paddle_billing import Client
from paddle_billing.Entities.Shared import Action
from paddle_billing.Entities.Subscriptions import SubscriptionEffectiveFrom, SubscriptionStatus
from paddle_billing.Exceptions.ApiError import ApiError
from paddle_billing.Resources.Adjustments.Operations import CreateAdjustment, ListAdjustments
from paddle_billing.Resources.Shared.Operations import Pager
from paddle_billing.Resources.Subscriptions.Operations import (
    CancelSubscription,
    ListSubscriptions,
)
from paddle_billing.Resources.Transactions.Operations import ListTransactions

from smartbeak_ops import doubled, paddle_api
from smartbeak_ops.doubled import Outcome, money
from smartbeak_ops.paddle_books import org_of

State = Literal["to refund", "refunded", "not paid"]

_PAGE = 200
_BACK = ("pending_approval", "approved")
_ALREADY = ("adjustment_pending_refund_request", "adjustment_amount_above_remaining_allowed")
_ENDED = "subscription_update_when_canceled"


@dataclass(frozen=True, slots=True)
class Doubled:
    """A subscription that an organization has beside its first one to the same plan."""

    org: str
    plan: str
    keeps: str
    extra: str
    transaction: str
    """What was paid for the extra one; `-` for nothing."""

    cents: int
    currency: str
    state: State

    @property
    def line(self) -> str:
        """In one line; the transaction is last, as in a list for `refund`."""
        return (
            f"{self.state:9} {money(self.cents, self.currency)} {self.org} {self.plan} "
            f"keeps {self.keeps} extra {self.extra} {self.transaction}"
        )


def find(hours: float) -> list[Doubled]:
    """Looks for organizations with several live subscriptions to one plan, all this young.

    The platform does not note subscriptions of Paddle: the oldest of them stays.

    Args:
        hours: How young.

    Raises:
        ApiError, requests.RequestException: See `paddle_api.UNANSWERED`.
    """
    client = paddle_api.client()
    since = datetime.now(UTC) - timedelta(hours=hours)
    groups: dict[tuple[str, str], list[Any]] = {}
    asked = ListSubscriptions(Pager(per_page=_PAGE), statuses=[SubscriptionStatus("active")])
    for each in paddle_api.every(client.subscriptions.list(asked)):
        if each.created_at >= since:
            groups.setdefault((org_of(each.custom_data), _plan(each)), []).append(each)
    several = {key: group for key, group in groups.items() if key[0] and len(group) > 1}
    return [
        _doubled(client, org, plan, first.id, extra)
        for (org, plan), group in sorted(several.items())
        for first, *others in [sorted(group, key=lambda one: (one.created_at, one.id))]
        for extra in others
    ]


def refund(
    transactions: Sequence[str], *, hours: float, most: int, most_cents: int, dry_run: bool
) -> list[Outcome]:
    """Refunds these transactions and ends the subscriptions that they began.

    Args:
        transactions: Ids, as `find` shows them.
        hours: See `find`.
        most: So many at most.
        most_cents: So much money at most.
        dry_run: Only say what would be done.

    Raises:
        RefusedError: It is more than that.
        ApiError, requests.RequestException: See `paddle_api.UNANSWERED`.
    """
    client = paddle_api.client()
    found = {each.transaction: each for each in find(hours)}
    asked = list(dict.fromkeys(transactions))
    outcomes = [_before(client, each) for each in asked if each not in found]
    wanted = [found[each] for each in asked if each in found]
    cents = sum(each.cents for each in wanted if each.state == "to refund")
    doubled.within(len(wanted), cents, "usd", most, most_cents)
    return outcomes + [_refund(client, each, dry_run=dry_run) for each in wanted]


def _refund(client: Client, each: Doubled, *, dry_run: bool) -> Outcome:
    about = f"{each.transaction} {each.org}"
    if dry_run:
        again = each.state == "refunded"
        words = (
            "is refunded already" if again else f"{money(each.cents, each.currency)} would go back"
        )
        return Outcome(f"{about} {words}; {each.extra} would end", 0 if again else each.cents, True)
    cents = 0
    if each.state == "to refund":
        made = CreateAdjustment.full(Action("refund"), "charged twice", each.transaction)
        cents = each.cents if _asked(lambda: client.adjustments.create(made), _ALREADY) else 0
    now = CancelSubscription(SubscriptionEffectiveFrom.Immediately)
    _asked(lambda: client.subscriptions.cancel(each.extra, now), (_ENDED,))
    words = f"{money(cents, each.currency)} refunded" if cents else "was refunded already"
    return Outcome(f"{about} {words}; {each.extra} ended", cents, True)


def _asked(ask: Any, already: Sequence[str]) -> bool:
    """Asks for a change; False where the answer says that it was made before."""
    try:
        ask()
    except ApiError as error:
        if error.error_code not in already:
            raise
        return False
    return True


def _before(client: Client, key: str) -> Outcome:
    """A transaction that is none of those found: settled before, or somebody else's."""
    if _back(client, key):
        return Outcome(f"{key} was refunded already", 0, True)
    return Outcome(f"REFUSED: {key} was charged once, or longer ago: it is not a double", 0, False)


def _doubled(client: Client, org: str, plan: str, keeps: str, extra: Any) -> Doubled:
    asked = ListTransactions(Pager(per_page=_PAGE), subscription_ids=[extra.id])
    paid = [each for each in client.transactions.list(asked) if each.status.value == "completed"]
    if not paid:
        return Doubled(org, plan, keeps, extra.id, "-", 0, "usd", "not paid")
    (first, *_) = paid
    totals = first.details.totals
    cents, currency = int(totals.grand_total or 0), totals.currency_code.value.lower()
    back = _back(client, first.id)
    state: State = "refunded" if back else "to refund"
    return Doubled(org, plan, keeps, extra.id, first.id, 0 if back else cents, currency, state)


def _back(client: Client, key: str) -> bool:
    asked = ListAdjustments(Pager(per_page=_PAGE), transaction_ids=[key])
    return any(each.status.value in _BACK for each in client.adjustments.list(asked))


def _plan(each: Any) -> str:
    price = each.items[0].price
    data = price.custom_data.data if price.custom_data else {}
    return str(data.get("planId") or price.id)
