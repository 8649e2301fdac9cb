"""The web host: what webhooks change, once, and what is not lost."""

from __future__ import annotations

import json
import time

import pytest

from tests.stack.box import FACTS, Box, Call, eventually
from tests.stack.webhooks.sender import WEB, Sender, subscription


def test_an_event_is_applied_once_and_remembered_for_a_day(box: Box, sender: Sender) -> None:
    cancel = sender.stripe("customer.subscription.deleted", {"id": "sub_example2"})
    first, second = sender.send(cancel, cancel)
    assert first.body == {"received": True, "type": "customer.subscription.deleted"}
    assert second.body == {"received": True, "idempotent": True}
    assert subscription(box, 2) == ["cancelled|plan_pro|t"]
    assert isinstance(cancel.body, bytes)
    key = f"stripe:processed:{json.loads(cancel.body)['id']}"
    fact = FACTS["redis-keys"]["stripe:processed:<event id>"]
    assert box.redis(f"TYPE {key}") == [fact["type"]]
    assert fact["seconds"] - 600 <= int(box.redis(f"TTL {key}")[0]) <= fact["seconds"]


@pytest.mark.parametrize(
    ("before", "sent", "kept", "grace"),
    [
        ("active", "past_due", "past_due", "t"),
        ("past_due", "canceled", "cancelled", "t"),
        ("active", "canceled", "cancelled", "f"),
        ("canceled", "trialing", "trialing", "f"),
        ("trialing", "unpaid", "unpaid", "t"),
        ("unpaid", "active", "active", "f"),
    ],
)
def test_a_status_of_stripe_becomes_one_of_the_table(
    box: Box, sender: Sender, before: str, sent: str, kept: str, grace: str
) -> None:
    for status in (before, sent):
        thing = {"id": "sub_example3", "status": status, "current_period_end": 1_900_000_000}
        (answer,) = sender.send(sender.stripe("customer.subscription.updated", thing))
        assert answer.status == 200, answer.text
    assert subscription(box, 3) == [f"{kept}|plan_pro|{grace}"]
    query = (
        "SELECT extract(epoch FROM current_period_end)::bigint, cancelled_at IS NOT NULL "
        "FROM subscriptions WHERE org_id = 'org_3'"
    )
    assert box.sql(query) == [f"1900000000|{'t' if kept == 'cancelled' else 'f'}"]


def test_a_payment_that_fails_and_then_works_changes_the_status_and_back(
    box: Box, sender: Sender
) -> None:
    invoice = {"id": "in_1", "customer": "cus_example5"}
    sender.send(sender.stripe("invoice.payment_failed", invoice))
    assert subscription(box, 5) == ["past_due|plan_free|t"]
    sender.send(sender.stripe("invoice.payment_succeeded", invoice))
    assert subscription(box, 5) == ["active|plan_free|f"]


def test_a_checkout_replaces_the_active_subscription(box: Box, sender: Sender) -> None:
    session = {
        **{"customer": "cus_example1", "subscription": "sub_new"},
        "metadata": {"orgId": "org_1", "planId": "plan_pro"},
    }
    (answer,) = sender.send(sender.stripe("checkout.session.completed", session))
    assert answer.status == 200, answer.text
    assert subscription(box, 1) == ["cancelled|plan_scale|f", "active|plan_pro|f"]
    foreign = {**session, "customer": "cus_example4", "subscription": "sub_other"}
    (refused,) = sender.send(sender.stripe("checkout.session.completed", foreign))
    assert (refused.status, refused.body["error"]) == (
        400,
        "orgId does not belong to the customer",
    )


def test_what_failed_can_be_sent_again(box: Box, sender: Sender) -> None:
    thing = {"id": "sub_none", "customer": "cus_late", "status": "active"}
    thing["current_period_end"] = 0  # type: ignore[assignment]
    event = sender.stripe("checkout.session.completed", {"customer": "cus_late"})
    (first,) = sender.send(event)
    assert first.status == 400
    assert isinstance(event.body, bytes)
    key = f"stripe:processed:{json.loads(event.body)['id']}"
    assert box.redis(f"EXISTS {key}") == ["0"]
    # Another begins with it right now: the sender comes again later.
    box.redis(f"SET {key} processing EX 60")
    (busy,) = sender.send(event)
    assert (busy.status, busy.code) == (503, "SERVICE_UNAVAILABLE")
    # What a process had in hand when it died is free again after a while.
    box.redis(f"PEXPIRE {key} 1")
    eventually(lambda: sender.send(event)[0].status, 400)


def test_events_that_are_too_old_or_of_no_interest(sender: Sender) -> None:
    old = sender.stripe("invoice.paid", {}, created=int(time.time()) - 301)
    unknown = sender.stripe("charge.expired", {}, created=int(time.time()) - 301)
    first, second = sender.send(old, unknown)
    assert (first.status, first.body["error"]) == (400, "Event timestamp too old")
    assert second.body == {"received": True, "ignored": True, "eventType": "charge.expired"}


def test_another_version_of_stripes_api_is_taken_with_a_warning(box: Box, sender: Sender) -> None:
    (answer,) = sender.send(sender.stripe("invoice.paid", {}, api_version="2020-01-01"))
    assert answer.status == 200
    line = box.said("web", "API version mismatch")[-1]
    assert (line["level"], line["received"]) == ("warn", "2020-01-01")


def test_paddle_moves_an_organization_between_plans(box: Box, sender: Sender) -> None:
    upgrade = sender.paddle("subscription.created", "org_5")
    first, second = sender.send(upgrade, upgrade)
    assert first.body == {"received": True, "type": "subscription.created"}
    assert second.body == {"received": True, "duplicate": True}
    assert subscription(box, 5) == ["active|plan_pro|f"]
    paused = sender.paddle("subscription.updated", "org_5", status="paused")
    cancelled = sender.paddle("subscription.cancelled", "org_5")
    assert [answer.status for answer in sender.send(paused)] == [200]
    assert subscription(box, 5) == ["active|plan_pro|f"]
    assert [answer.status for answer in sender.send(cancelled)] == [200]
    assert subscription(box, 5) == ["active|plan_free|f"]


def test_paddles_own_shape_and_spelling_are_taken(box: Box, sender: Sender) -> None:
    about = {"id": "sub_01", "status": "active", "custom_data": {"org_id": "org_5"}}
    bought = sender.paddle("subscription.updated", "", data=about)
    canceled = sender.paddle("subscription.canceled", "", data={**about, "status": "canceled"})
    assert [answer.status for answer in sender.send(bought)] == [200]
    assert subscription(box, 5) == ["active|plan_pro|f"]
    assert [answer.status for answer in sender.send(canceled)] == [200]
    assert subscription(box, 5) == ["active|plan_free|f"]


def test_paddle_for_nobody_is_refused_and_not_remembered(box: Box, sender: Sender) -> None:
    event = sender.paddle("subscription.created", "org_none")
    first, second = sender.send(event, event)
    assert (first.status, second.status) == (400, 400)
    assert box.redis("--scan --pattern 'webhook:paddle:event:*' | wc -l") >= ["0"]


def test_clerk_makes_changes_and_forgets_users(box: Box, sender: Sender) -> None:
    email = {"email_addresses": [{"email_address": "new@example.com"}]}
    made = sender.clerk("user.created", {"id": "user_new", **email})
    first, second = sender.send(made, made)
    assert first.body == {"received": True}
    assert second.body == {"received": True, "duplicate": True}
    joined = {
        **{"id": "orgmem_1", "organization_id": "org_2", "role": "org:admin"},
        "public_user_data": {"user_id": "user_new"},
    }
    changed = {"id": "user_new", "email_addresses": [{"email_address": "other@example.com"}]}
    sender.send(
        sender.clerk("organizationMembership.created", joined),
        sender.clerk("user.updated", changed),
    )
    query = (
        "SELECT email, role FROM users LEFT JOIN memberships ON user_id = id WHERE id = 'user_new'"
    )
    assert box.sql(query) == ["other@example.com|admin"]
    sender.send(sender.clerk("organizationMembership.deleted", joined))
    assert box.sql(query) == ["other@example.com|"]
    sender.send(
        sender.clerk("organizationMembership.created", {**joined, "role": "org:something"}),
        sender.clerk("user.deleted", {"id": "user_new", "deleted": True}),
    )
    assert box.sql(query) == ["deleted_user_new@anonymized.local|"]


def test_a_membership_of_nobody_knows_whom_makes_a_user_and_of_no_organization_is_refused(
    box: Box, sender: Sender
) -> None:
    data = {"id": "m", "organization_id": "org_3", "public_user_data": {"user_id": "user_early"}}
    nowhere = {**data, "organization_id": "org_none"}
    first, second = sender.send(
        sender.clerk("organizationMembership.created", data),
        sender.clerk("organizationMembership.created", nowhere),
    )
    assert (first.status, second.status) == (200, 400)
    assert box.sql("SELECT role FROM memberships WHERE user_id = 'user_early'") == ["viewer"]


@pytest.mark.parametrize("kind", ["user.created", "organizationMembership.created"])
def test_a_nul_in_an_event_is_refused(sender: Sender, kind: str) -> None:
    data = {"id": "user_x\0", "organization_id": "org_1\0", "email_addresses": []}
    (answer,) = sender.send(sender.clerk(kind, data))
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


def test_an_email_that_somebody_else_has_is_an_error_and_not_remembered(
    box: Box, sender: Sender
) -> None:
    taken = {"email_addresses": [{"email_address": "user1@example.com"}]}
    event = sender.clerk("user.created", {"id": "user_twice", **taken})
    first, second = sender.send(event, event)
    assert [(a.status, a.code) for a in (first, second)] == [(500, "PROCESSING_ERROR")] * 2


def test_the_same_event_at_the_same_time_is_applied_once(box: Box, sender: Sender) -> None:
    event = sender.clerk(
        "user.created",
        {"id": "user_race", "email_addresses": [{"email_address": "race@example.com"}]},
    )
    headers = " ".join(f"-H '{name}: {value}'" for name, value in (event.headers or {}).items())
    assert isinstance(event.body, bytes)
    answered = box.shell(
        "ops",
        "cat >/tmp/event && seq 20 | xargs -P 10 -I{} curl -sS -o /dev/null -w '%{http_code} ' "
        f"{headers} --data-binary @/tmp/event {WEB}{event.path}",
        event.body.decode(),
    ).split()
    assert len(answered) == 20 and set(answered) <= {"200", "503"}
    key = f"webhook:clerk:{(event.headers or {})['svix-id']}:user.created"
    done = [line for line in box.said("web", "webhook processed") if line["event"] == key]
    assert len(done) == 1
    assert box.sql("SELECT count(*) FROM users WHERE id = 'user_race'") == ["1"]


def test_what_comes_while_redis_or_the_database_is_away_can_be_sent_again(
    box: Box, sender: Sender
) -> None:
    email = {"email_addresses": [{"email_address": "later@example.com"}]}
    event = sender.clerk("user.created", {"id": "user_later", **email})
    for host in ("redis-1", "db-1"):
        box.signal(host, "STOP")
        try:
            (answer,) = sender.send(event)
            (ready,) = box.calls(Call("GET", "/readyz"), base=WEB)
        finally:
            box.signal(host, "CONT")
        assert (answer.status, answer.code, ready.status) == (503, "SERVICE_UNAVAILABLE", 503)
        eventually(lambda: box.calls(Call("GET", "/readyz"), base=WEB)[0].status, 200)
    # Redis, asleep, got the claim and nobody the answer: it is free again after a while.
    eventually(lambda: sender.send(event)[0].status, 200)
    assert box.sql("SELECT email FROM users WHERE id = 'user_later'") == ["later@example.com"]
