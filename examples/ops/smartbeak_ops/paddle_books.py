"""What organizations pay at Paddle, beside what the platform gives them for it.

Paddle's events change the plan of an organization's active row, and nothing else; who pays
through Paddle has no `stripe_subscription_id`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from paddle_billing.Entities.Shared import TransactionStatus
from paddle_billing.Resources.Shared.Operations import Pager
from paddle_billing.Resources.Subscriptions.Operations import ListSubscriptions
from paddle_billing.Resources.Transactions.Operations import ListTransactions

from smartbeak_ops import paddle_api, postgres, settings

FREE = "plan_free"
"""What an organization has without a subscription."""

_PAGE = 200
_ROWS = """
SELECT org_id AS org, plan_id AS plan, price_cents AS cents,
       stripe_subscription_id IS NOT NULL AS stripe
FROM subscriptions JOIN plans ON plans.id = plan_id
WHERE status = 'active' AND org_id = ANY (%s)
"""


@dataclass(slots=True)
class Account:
    """One organization that Paddle knows.

    Attributes:
        org: Its id; empty where Paddle was not told it.
        plan: What it pays for at Paddle, as the price's own data says.
        pays: Cents a month at Paddle.
        here: Plan of its active row; empty without one.
        has: Cents a month of that plan.
        stripe: Whether that row is Stripe's to change.
        taken: Cents of its completed transactions in the window.
        count: How many these are.
        twice: How many of them are for a period that another one is for as well.
    """

    org: str
    plan: str = FREE
    pays: int = 0
    here: str = ""
    has: int = 0
    stripe: bool = False
    taken: int = 0
    count: int = 0
    twice: int = 0

    @property
    def differs(self) -> bool:
        """Whether the platform gives another plan than is paid."""
        return self.here != self.plan

    @property
    def line(self) -> str:
        """For a file that psql copies in, columns parted by bars."""
        return f"{self.org}|{self.plan}|{self.here}"

    @property
    def words(self) -> str:
        """For finance."""
        taken = f"taken {self.taken / 100:.2f} in {self.count}"
        twice = f" ({self.twice} TWICE)" if self.twice else ""
        return (
            f"{self.org or 'no organization'}: {taken}{twice}, "
            f"pays {self.pays / 100:.2f} a month, has {self.has / 100:.2f}"
        )


def accounts(known: settings.Settings) -> list[Account]:
    """Every organization that has or had a subscription at Paddle, by its id.

    Raises:
        UnknownError: There is no key of Paddle's API here.
        ServiceError: The database does not answer.
    """
    found: dict[str, Account] = {}
    for each in paddle_api.client().subscriptions.list(ListSubscriptions(Pager(per_page=_PAGE))):
        org = _org(each.custom_data)
        one = found.setdefault(org, Account(org))
        if each.status.value in ("active", "trialing"):
            price = each.items[0].price
            data = price.custom_data.data if price.custom_data else {}
            one.plan = str(data.get("planId", ""))
            one.pays += int(price.unit_price.amount) * each.items[0].quantity
    with postgres.Server(known.database) as server:
        for row in server.rows(_ROWS, [list(found)]):
            one = found[row["org"]]
            one.here, one.has, one.stripe = row["plan"], row["cents"], row["stripe"]
    return sorted(found.values(), key=lambda one: one.org)


def with_payments(known: Iterable[Account], since: datetime, until: datetime) -> list[Account]:
    """The same with what was taken in a window, by organization.

    Args:
        known: What `accounts` found; its accounts are written into.
        since: Begin of the window.
        until: Its end, which is not in it.
    """
    by_org = {one.org: one for one in known}
    periods = set[tuple[str, str]]()
    asked = ListTransactions(Pager(per_page=_PAGE), statuses=[TransactionStatus("completed")])
    for each in paddle_api.client().transactions.list(asked):
        if each.billed_at is None or not since <= each.billed_at < until:
            continue
        org = _org(each.custom_data)
        one = by_org.setdefault(org, Account(org))
        one.taken += int(each.details.totals.grand_total or 0)
        one.count += 1
        begins = each.billing_period.starts_at.isoformat() if each.billing_period else each.id
        period = (str(each.subscription_id), begins)
        one.twice += period in periods
        periods.add(period)
    return sorted(by_org.values(), key=lambda one: one.org)


def _org(custom: Any) -> str:
    data = custom.data if custom else {}
    return str(data.get("org_id", "")) if isinstance(data, dict) else ""
