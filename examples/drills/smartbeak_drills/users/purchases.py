"""What customers bought, and whether Stripe and the platform agree on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from smartbeak_drills.agreed import BOUGHT
from smartbeak_drills.session import Session
from smartbeak_drills.users.paddle import Paddle
from smartbeak_drills.users.stripe import Stripe

_LIVE = ("active", "trialing", "past_due", "unpaid")
_ROWS = """
SELECT org_id, stripe_subscription_id, plan_id FROM subscriptions
WHERE status = 'active' AND org_id = ANY (string_to_array($1, ','))
"""
_PLANS = """
SELECT org_id, plan_id FROM subscriptions
WHERE status = 'active' AND org_id = ANY (string_to_array($1, ','))
"""

FREE = "plan_free"
"""What an organization has without a subscription at Paddle."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """What one customer wanted in the end."""

    customer: str
    """Id at Stripe."""

    org: str
    plan: str
    """The plan they shall have; empty where they cancelled."""

    cents: int
    """What they shall have paid, refunds taken off."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is wrong with one purchase."""

    customer: str
    cents: int
    """Paid too much; below zero, too little."""

    text: str

    @property
    def doubled(self) -> bool:
        """Whether there is too much of something."""
        return self.cents > 0 or self.text.startswith("have 2")


def note(bought: Iterable[Purchase]) -> None:
    """Adds purchases to those that are watched."""
    with Path(BOUGHT).open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(each)) + "\n" for each in bought)


def read() -> list[Purchase]:
    """All purchases that were noted; the newest word on each customer counts."""
    try:
        lines = Path(BOUGHT).read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return []
    found = [Purchase(**json.loads(line)) for line in lines if line.endswith("\n")]
    return list({each.customer: each for each in found}.values())


def differences(bought: Sequence[Purchase], stripe: Stripe, session: Session) -> list[Difference]:
    """Where Stripe, the platform and the customers' own word do not agree.

    Raises:
        Trouble: One of the two cannot be asked.
    """
    paid: Counter[str] = Counter()
    for charge in stripe.all("charges"):
        if charge["paid"]:
            paid[charge["customer"]] += charge["amount"] - charge["amount_refunded"]
    live: dict[str, list[tuple[str, str]]] = {}
    for each in stripe.all("subscriptions"):
        if each["status"] in _LIVE:
            plan = each["items"]["data"][0]["price"]["metadata"].get("planId", "")
            live.setdefault(each["customer"], []).append((each["id"], plan))
    rows: dict[str, list[tuple[str, str]]] = {}
    for org, subscription, plan in session.run(_ROWS, ",".join(each.org for each in bought)):
        rows.setdefault(str(org), []).append((str(subscription), str(plan)))
    found = []
    for wanted in bought:
        text = _difference(
            wanted, paid[wanted.customer], live.get(wanted.customer, []), rows.get(wanted.org, [])
        )
        if text:
            found.append(Difference(wanted.customer, paid[wanted.customer] - wanted.cents, text))
    return found


def at_paddle(bought: Sequence[Purchase], paddle: Paddle, session: Session) -> list[Difference]:
    """The same for what was bought through Paddle, by organization.

    Raises:
        Trouble: One of the two cannot be asked.
    """
    paid: Counter[str] = Counter()
    orgs: dict[str, str] = {}
    for each in paddle.all("/transactions", status="completed"):
        orgs[each["id"]] = each["custom_data"]["org_id"]
        paid[orgs[each["id"]]] += int(each["details"]["totals"]["grand_total"])
    for each in paddle.all("/adjustments", status="pending_approval,approved"):
        paid[orgs[each["transaction_id"]]] -= int(each["totals"]["total"])
    live: Counter[str] = Counter()
    for each in paddle.all("/subscriptions", status="active,past_due"):
        live[each["custom_data"]["org_id"]] += 1
    names = ",".join(each.org for each in bought)
    rows = {str(org): str(plan) for org, plan in session.run(_PLANS, names)}
    found = []
    for wanted in bought:
        off = paid[wanted.org] - wanted.cents
        text = ""
        if off:
            text = "paid too much" if off > 0 else "got back too much"
        elif live[wanted.org] != (wanted.plan != FREE):
            text = f"have {live[wanted.org]} subscriptions at Paddle"
        elif rows.get(wanted.org) != wanted.plan:
            text = "have another plan on the platform than at Paddle"
        if text:
            found.append(Difference(wanted.customer, off, text))
    return found


def summed(found: Sequence[Difference]) -> str:
    """All of it in one line; empty if nothing differs."""
    if not found:
        return ""
    kinds = Counter(each.text for each in found)
    cents = sum(abs(each.cents) for each in found)
    words = "; ".join(f"{count} {text}" for text, count in sorted(kinds.items()))
    return f"{len(found)} customers and {cents / 100:.2f} usd are off: {words}"


def _difference(
    wanted: Purchase, paid: int, live: list[tuple[str, str]], rows: list[tuple[str, str]]
) -> str:
    if paid != wanted.cents:
        return "paid too much" if paid > wanted.cents else "got back too much"
    count = 1 if wanted.plan else 0
    if len(live) != count:
        return f"have {len(live)} subscriptions at Stripe"
    if len(rows) != count:
        return f"have {len(rows)} on the platform"
    if count and live[0][1] != wanted.plan:
        return "have another plan at Stripe"
    if count and rows[0] != live[0]:
        return "have another subscription on the platform than at Stripe"
    return ""
