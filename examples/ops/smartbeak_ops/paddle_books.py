"""What organizations pay at Paddle, beside what the platform gives them for it.

Paddle's events change the plan of an organization's active row, and nothing else; who pays
through Paddle has no `stripe_subscription_id`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from paddle_billing.Entities.Shared import TransactionStatus
from paddle_billing.Resources.Adjustments.Operations import ListAdjustments
from paddle_billing.Resources.Shared.Operations import Comparator, DateComparison, Pager
from paddle_billing.Resources.Subscriptions.Operations import ListSubscriptions
from paddle_billing.Resources.Transactions.Operations import ListTransactions

from smartbeak_ops import paddle_api, postgres, settings

FREE = "plan_free"
"""What an organization has without a subscription."""

LIVE = ("active", "trialing", "past_due")
"""Who is past due keeps the plan while Paddle tries the card again, for 30 days."""

_BACK = ("refund", "chargeback")
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
        back: Cents that were refunded or taken back by a bank in the window.
        days: Cents taken and given back by day.
        extra: Cents a month of live subscriptions beside an older one to the same plan, of the
            last day.
        subscriptions: Its subscriptions at Paddle, the oldest first.
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
    back: int = 0
    days: dict[str, list[int]] = field(default_factory=dict)
    extra: int = 0
    subscriptions: list[str] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Whether the platform gives another plan than is paid."""
        return self.here != self.plan

    @property
    def off(self) -> bool:
        """Whether something is not as it should be, to the cent."""
        return self.differs or self.twice > 0 or self.pays != self.has

    def note(self, at: datetime, taken: int, back: int) -> None:
        """Adds money to a day."""
        day = self.days.setdefault(at.astimezone(UTC).date().isoformat(), [0, 0])
        day[0] += taken
        day[1] += back
        self.taken += taken
        self.back += back

    @property
    def line(self) -> str:
        """For a file that psql copies in, columns parted by bars."""
        return f"{self.org}|{self.plan}|{self.here}"

    @property
    def words(self) -> str:
        """For finance."""
        taken = f"taken {self.taken / 100:.2f} in {self.count}"
        taken += f", back {self.back / 100:.2f}" if self.back else ""
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
    plans = set[tuple[str, str]]()
    young = datetime.now(UTC) - timedelta(days=1)
    asked = ListSubscriptions(Pager(per_page=_PAGE))  # the oldest first
    for each in paddle_api.every(paddle_api.client().subscriptions.list(asked)):
        org = org_of(each.custom_data)
        one = found.setdefault(org, Account(org))
        one.subscriptions.append(each.id)
        if each.status.value in LIVE:
            price = each.items[0].price
            data = price.custom_data.data if price.custom_data else {}
            one.plan = str(data.get("planId", ""))
            cents = int(price.unit_price.amount) * each.items[0].quantity
            one.pays += cents
            if (org, one.plan) in plans and each.created_at >= young:
                one.extra += cents
            plans.add((org, one.plan))
    with postgres.Server(known.database) as server:
        for row in server.rows(_ROWS, [list(found)]):
            one = found[row["org"]]
            one.here, one.has, one.stripe = row["plan"], row["cents"], row["stripe"]
    return sorted(found.values(), key=lambda one: one.org)


def with_payments(known: Iterable[Account], since: datetime, until: datetime) -> list[Account]:
    """The same with what was taken and given back in a window, by organization.

    Args:
        known: What `accounts` found; its accounts are written into.
        since: Begin of the window.
        until: Its end, which is not in it.
    """
    by_org = {one.org: one for one in known}
    periods = set[tuple[str, str]]()
    orgs = {key: one.org for one in by_org.values() for key in one.subscriptions}
    asked = ListTransactions(
        Pager(per_page=_PAGE),
        billed_at=DateComparison(since, Comparator.GTE),
        statuses=[TransactionStatus("completed")],
    )
    for each in paddle_api.every(paddle_api.client().transactions.list(asked)):
        if each.billed_at is None or each.billed_at >= until:
            continue
        org = org_of(each.custom_data)
        one = by_org.setdefault(org, Account(org))
        one.note(each.billed_at, int(each.details.totals.grand_total or 0), 0)
        one.count += 1
        begins = each.billing_period.starts_at.isoformat() if each.billing_period else each.id
        period = (str(each.subscription_id), begins)
        one.twice += period in periods
        periods.add(period)
    given_back = ListAdjustments(Pager(per_page=_PAGE))
    for each in paddle_api.every(paddle_api.client().adjustments.list(given_back)):
        given = each.action.value in _BACK and each.status.value in ("pending_approval", "approved")
        if given and since <= each.created_at < until:
            org = orgs.get(str(each.subscription_id), "")
            one = by_org.setdefault(org, Account(org))
            one.note(each.created_at, 0, int(each.totals.total))
    return sorted(by_org.values(), key=lambda one: one.org)


def org_of(custom: Any) -> str:
    """The organization that a subscription or transaction is for; empty without one."""
    data = custom.data if custom else {}
    return str(data.get("org_id", "")) if isinstance(data, dict) else ""
