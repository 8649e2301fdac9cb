"""What webhooks of Stripe and Paddle change: subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from smartbeak.data.database import Connection, fetch_one
from smartbeak.process.logs import Log

GRACE_DAYS = 7
"""Days that an organization can still read after a payment failed or its subscription ended."""

STRIPE_EVENTS = frozenset(
    {
        *("checkout.session.completed", "checkout.session.expired"),
        *("customer.created", "customer.updated", "customer.deleted"),
        *(f"customer.subscription.{what}" for what in ("created", "updated", "deleted")),
        "customer.subscription.trial_will_end",
        *(f"invoice.{what}" for what in ("created", "finalized", "paid", "upcoming", "updated")),
        *("invoice.payment_failed", "invoice.payment_succeeded"),
        *(f"payment_intent.{what}" for what in ("created", "succeeded", "payment_failed")),
        *(f"payment_method.{what}" for what in ("attached", "detached", "updated")),
        *("price.created", "price.updated"),
        *(f"product.{what}" for what in ("created", "updated", "deleted")),
    }
)
"""Events of Stripe that are taken; all others are ignored."""

PADDLE_EVENTS = frozenset(
    {
        *(f"subscription.{what}" for what in ("created", "updated", "canceled", "cancelled")),
        *("transaction.completed", "transaction.failed", "transaction.payment_failed"),
    }
)
"""Events of Paddle that are taken, as Paddle and as the platform spells them; all others are
ignored."""

_STATUSES = {
    "canceled": "cancelled",  # Stripe's spelling, and the table's
    **{
        status: status
        for status in (
            *("active", "past_due", "trialing", "incomplete", "incomplete_expired", "unpaid"),
            "paused",
        )
    },
}

_UNPAID = f"coalesce(grace_until, now() + interval '{GRACE_DAYS} days')"
"""Until when can be read once a payment failed; see `access.entitlements`."""

log = Log("billing")


class EventError(Exception):
    """An event that cannot be processed as it is."""


async def stripe(connection: Connection, kind: str, thing: Mapping[str, Any]) -> None:
    """Applies an event of Stripe; doing it twice is doing it once.

    Args:
        connection: To the database, in a transaction.
        kind: Type of the event.
        thing: What it is about.

    Raises:
        EventError: Something is missing in it.
    """
    if kind == "checkout.session.completed":
        await _checkout(connection, thing)
    elif kind in ("customer.subscription.created", "customer.subscription.updated"):
        await _subscription(connection, thing)
    elif kind == "customer.subscription.deleted":
        await _end(connection, "stripe_subscription_id", _text(thing, "id"))
    elif kind == "customer.deleted":
        await _end(connection, "stripe_customer_id", _text(thing, "id"))
    elif kind == "invoice.payment_failed":
        await _paid(connection, thing, "active", "past_due", _UNPAID)
    elif kind == "invoice.payment_succeeded":
        await _paid(connection, thing, "past_due", "active", "NULL")
    else:
        log.info("nothing to do", eventType=kind)


async def paddle(connection: Connection, kind: str, event: Mapping[str, Any]) -> None:
    """Applies an event of Paddle; doing it twice is doing it once.

    Args:
        connection: To the database, in a transaction.
        kind: Type of the event.
        event: The event.

    Raises:
        EventError: Something is missing in it.
    """
    data = event.get("data")
    about = data if isinstance(data, Mapping) else event
    custom = about.get("custom_data")
    org = _text(custom if isinstance(custom, Mapping) else event, "org_id")
    if kind in ("subscription.canceled", "subscription.cancelled"):
        await _plan(connection, org, "plan_free")
    elif kind == "subscription.created" or (
        kind == "subscription.updated" and about.get("status") == "active"
    ):
        await _plan(connection, org, "plan_pro")
    else:
        log.info("nothing to do", eventType=kind)


async def _checkout(connection: Connection, session: Mapping[str, Any]) -> None:
    about = session.get("metadata")
    org = _text(about if isinstance(about, Mapping) else {}, "orgId")
    customer, subscription = _text(session, "customer"), _text(session, "subscription")
    query = "SELECT 1 FROM organizations WHERE id = %s AND stripe_customer_id = %s"
    if await fetch_one(connection, query, org, customer) is None:
        raise EventError("orgId does not belong to the customer")
    plan = str(about.get("planId", "plan_pro")) if isinstance(about, Mapping) else "plan_pro"
    await _insert(connection, org, customer, subscription, "active", plan)


async def _subscription(connection: Connection, thing: Mapping[str, Any]) -> None:
    subscription, status = _text(thing, "id"), _STATUSES.get(_text(thing, "status"))
    if status is None:
        raise EventError(f"unknown status {thing.get('status')!r}")
    begins, ends = (_moment(thing.get(f"current_period_{name}")) for name in ("start", "end"))
    grace = "grace_until"
    if status in ("past_due", "unpaid"):
        grace = _UNPAID
    elif status in ("active", "trialing"):
        grace = "NULL"
    known = await fetch_one(
        connection,
        f"UPDATE subscriptions SET status = %s, updated_at = now(), grace_until = {grace}, "
        "current_period_start = coalesce(%s, current_period_start), "
        "current_period_end = coalesce(%s, current_period_end), "
        "plan_id = coalesce(%s, plan_id), "
        "cancelled_at = CASE WHEN %s = 'cancelled' THEN coalesce(cancelled_at, now()) END "
        "WHERE stripe_subscription_id = %s RETURNING id",
        *(status, begins, ends, await _plan_of(connection, thing), status, subscription),
    )
    if known is not None:
        return
    customer = _text(thing, "customer")
    query = "SELECT id FROM organizations WHERE stripe_customer_id = %s"
    org = await fetch_one(connection, query, customer)
    if org is None:
        log.warn("no organization for the customer", subscriptionId=subscription)
        return
    plan = await _plan_of(connection, thing) or "plan_pro"
    await _insert(connection, org["id"], customer, subscription, status, plan)


async def _plan_of(connection: Connection, thing: Mapping[str, Any]) -> str | None:
    """The plan of a subscription, as the metadata of its price says."""
    items = thing.get("items")
    data = items.get("data") if isinstance(items, Mapping) else None
    first = data[0] if isinstance(data, list) and data else None
    price = first.get("price") if isinstance(first, Mapping) else None
    about = price.get("metadata") if isinstance(price, Mapping) else None
    key = about.get("planId") if isinstance(about, Mapping) else None
    if not isinstance(key, str) or "\0" in key:
        return None
    row = await fetch_one(connection, "SELECT id FROM plans WHERE id = %s", key)
    return row["id"] if row else None


async def _insert(
    connection: Connection, org: str, customer: str, subscription: str, status: str, plan: str
) -> None:
    """Adds a subscription that is not there yet; an organization has one active one."""
    query = "SELECT 1 FROM subscriptions WHERE stripe_subscription_id = %s"
    if await fetch_one(connection, query, subscription) is not None:
        return
    if await fetch_one(connection, "SELECT 1 FROM plans WHERE id = %s", plan) is None:
        raise EventError(f"no plan {plan}")
    if status == "active":
        await connection.execute(
            "UPDATE subscriptions SET status = 'cancelled', cancelled_at = now(), "
            "updated_at = now() WHERE org_id = %s AND status = 'active'",
            (org,),
        )
    await connection.execute(
        "INSERT INTO subscriptions (id, org_id, plan_id, status, stripe_customer_id, "
        "stripe_subscription_id) VALUES (%s, %s, %s, %s, %s, %s)",
        (subscription, org, plan, status, customer, subscription),
    )


async def _end(connection: Connection, column: str, value: str) -> None:
    """Cancels what is still there; reading stays possible for a while."""
    await connection.execute(
        "UPDATE subscriptions SET status = 'cancelled', cancelled_at = now(), "
        f"updated_at = now(), grace_until = now() + interval '{GRACE_DAYS} days' "
        f"WHERE {column} = %s AND status <> 'cancelled'",
        (value,),
    )


async def _paid(
    connection: Connection, invoice: Mapping[str, Any], was: str, is_: str, grace: str
) -> None:
    await connection.execute(
        f"UPDATE subscriptions SET status = %s, updated_at = now(), grace_until = {grace} "
        "WHERE stripe_customer_id = %s AND status = %s",
        (is_, _text(invoice, "customer"), was),
    )


async def _plan(connection: Connection, org: str, plan: str) -> None:
    changed = await fetch_one(
        connection,
        "UPDATE subscriptions SET plan_id = %s, updated_at = now() "
        "WHERE org_id = %s AND status = 'active' RETURNING id",
        *(plan, org),
    )
    if changed is None:
        raise EventError("organization has no active subscription")


def _text(thing: Mapping[str, Any], name: str) -> str:
    value = thing.get(name)
    if not isinstance(value, str) or not value or "\0" in value:
        raise EventError(f"{name} is missing")
    return value


def _moment(seconds: object) -> datetime | None:
    if not isinstance(seconds, int) or not 0 <= seconds < 1 << 33:
        return None
    return datetime.fromtimestamp(seconds, UTC)
