"""Looks at Stripe: whether it and the platform say the same of each subscription."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartbeak_ops import postgres, redisdb, settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.looks.seen import Look, Seen, span

if TYPE_CHECKING:
    from stripe import StripeClient

MOST_LOOKED_AT = 500
"""Subscriptions that `sb look` compares, the newest; `sb show differing` compares all."""

TOLERANCE_S = 300
"""Age from which the platform refuses an event, however often it is sent."""

_PAGE = 100
_ON_ITS_WAY_S = 1.0
_STATUSES = {"canceled": "cancelled"}
"""What Stripe calls otherwise than the table."""

_BEFORE_FIRST = ("incomplete", "incomplete_expired", "cancelled")
"""Statuses of which no row needs to be there."""

_PAYING, _LOCKED = ("active", "trialing"), ("past_due", "unpaid")
"""Who has paid at Stripe, and who only reads here once the grace is over."""

_ROWS = """
SELECT stripe_subscription_id AS id, status, plan_id AS plan,
       extract(epoch FROM updated_at)::float AS updated
FROM subscriptions WHERE stripe_subscription_id = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class Differing:
    """A subscription of which the platform says something else than Stripe.

    Attributes:
        id: At Stripe.
        customer: At Stripe.
        status: At Stripe, in the table's spelling.
        plan: At Stripe, as the metadata of its price says; empty if it does not.
        starts: Of the period, in seconds since 1970.
        ends: The same.
        here: Status of the row; empty where there is none.
        plan_here: Plan of the row.
        updated: When the row was written last, in seconds since 1970; 0 without one.
    """

    id: str
    customer: str
    status: str
    plan: str
    starts: int
    ends: int
    here: str
    plan_here: str
    updated: float

    @property
    def line(self) -> str:
        """For a file that psql copies in, columns parted by bars."""
        known = (self.id, self.customer, self.status, self.plan, self.starts, self.ends)
        return "|".join(map(str, (*known, self.here, self.plan_here)))

    @property
    def locked(self) -> bool:
        """Whether somebody who has paid is past due or read-only here."""
        return self.status in _PAYING and self.here in _LOCKED


def looks(known: settings.Settings) -> list[Look]:
    """Stripe, from the operator's machine, where it can be reached by name."""
    return [Look("compared", lambda seen: _compare(seen, known))]


def differing(known: settings.Settings, most: int = 0) -> tuple[int, list[Differing]]:
    """How many subscriptions were compared, and those that differ.

    A page at a time: it holds no more than that and what differs.

    Args:
        known: Where the platform's database is.
        most: How many to compare, the newest; all of them with 0.

    Raises:
        UnknownError: There is no key of Stripe's API here.
        ServiceError: The database does not answer.
    """
    from smartbeak_ops import stripe_api

    client = stripe_api.client(tries=0)
    count, found = 0, list[Differing]()
    with postgres.Server(known.database) as server:
        for page in _pages(client, most):
            rows = {row["id"]: row for row in server.rows(_ROWS, [[each.id for each in page]])}
            count += len(page)
            found += [each for each in map(lambda s: _compared(s, rows), page) if each]
    return count, found


def _pages(client: StripeClient, most: int) -> Iterator[list[Any]]:
    asked: Any = {"status": "all", "limit": _PAGE}
    left = most
    while True:
        page = client.v1.subscriptions.list(asked)
        yield page.data
        left -= len(page.data)
        if not page.has_more or (most and left <= 0):
            return
        asked = {**asked, "starting_after": page.data[-1].id}


def _compared(subscription: Any, rows: dict[str, dict[str, Any]]) -> Differing | None:
    row = rows.get(subscription.id, {})
    status = _STATUSES.get(subscription.status, subscription.status)
    price = subscription["items"].data[0].price
    plan = str(getattr(price.metadata, "planId", ""))
    if not row and status in _BEFORE_FIRST:
        return None
    if row and row["status"] == status and (status == "cancelled" or row["plan"] == plan):
        return None
    return Differing(
        id=subscription.id,
        customer=str(subscription.customer),
        status=status,
        plan=plan,
        starts=subscription.current_period_start,
        ends=subscription.current_period_end,
        here=row.get("status", ""),
        plan_here=row.get("plan", ""),
        updated=row.get("updated") or 0.0,
    )


def _compare(seen: Seen, known: settings.Settings) -> None:
    if not settings.secret("stripe-key").exists():
        return
    import stripe

    from smartbeak_ops import stripe_api

    try:
        count, found = differing(known, MOST_LOOKED_AT)
        if found:
            # An event may be on its way right now.
            time.sleep(_ON_ITS_WAY_S)
            still = {each.id for each in found}
            count, found = differing(known, MOST_LOOKED_AT)
            found = [each for each in found if each.id in still]
        seen.say(
            f"compared: {count} subscriptions with Stripe, {len(found)} differ here",
            compared__differ=len(found),
            compared__locked=bool(found) and all(each.locked for each in found),
        )
        if seen.facts["compared.locked"]:
            seen.lines.append("compared: all of them have paid, and are past due here")
        client = stripe_api.client(tries=0)
        undelivered = client.v1.events.list({"delivery_success": False, "limit": _PAGE}).data
        _events(seen, undelivered)
        if found:
            _reasons(seen, known, client, found, {event.id for event in undelivered})
    except stripe.StripeError as error:
        seen.blind("compared", stripe_api.unanswered(error).reason)
    except ServiceError as error:
        seen.blind("compared", f"the platform says {error.said}")


def _events(seen: Seen, undelivered: Sequence[Any]) -> None:
    """How many events wait or were given up; those that the platform would still take are young."""
    now = time.time()
    overdue = [event for event in undelivered if now - event.created > TOLERANCE_S]
    oldest = max((now - event.created for event in overdue), default=0.0)
    seen.know(compared__overdue=len(overdue), compared__oldest_s=oldest)
    if overdue:
        more = " or more" if len(undelivered) == _PAGE else ""
        seen.lines.append(
            f"compared: {len(overdue)}{more} events are too old to be taken, "
            f"the oldest {span(oldest)} ago"
        )


def _reasons(
    seen: Seen,
    known: settings.Settings,
    client: StripeClient,
    found: Sequence[Differing],
    undelivered: set[str],
) -> None:
    """Whether an event that was delivered says what the row does not."""
    about: dict[str, list[Any]] = {}
    asked: Any = {"type": "customer.subscription.*", "limit": _PAGE}
    for said in client.v1.events.list(asked).data:
        about.setdefault(said.data.object["id"], []).append(said)
    newest = {each.id: about[each.id][0] for each in found if each.id in about}
    store = redisdb.Store.at(known.redis)
    noted = store.together(*(("EXISTS", f"stripe:processed:{e.id}") for e in newest.values()))
    seen_here = {key for key, is_there in zip(newest, noted, strict=True) if is_there}
    marked = overtaken = 0
    for each in found:
        event = newest.get(each.id)
        if event is None or event.id in undelivered or each.id not in seen_here:
            continue
        older = {_STATUSES.get(e.data.object["status"], e.data.object["status"])
                 for e in about[each.id][1:]}  # fmt: skip
        if each.updated < event.created:
            marked += 1
        elif each.here in older:
            overtaken += 1
    seen.know(compared__marked=marked, compared__overtaken=overtaken)
    if marked:
        seen.lines.append(f"compared: {marked} events marked as seen here, and not applied")
    if overtaken:
        seen.lines.append(f"compared: {overtaken} rows hold what an older event said")
