"""The reference platform's web host: webhooks are checked, applied once, and not lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from drillbook.sandboxes.local import LocalBackend
from tests.stack.box import ADMIN, FACTS, PLATFORM, Answer, Box, Call, eventually

WEB = "http://web:3000"


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["db-1", "redis-1", "web"])
    yield box
    box.close()


class Sender:
    """Signs and sends webhooks as the providers do."""

    def __init__(self, box: Box) -> None:
        self._box = box
        names = ("stripe", "paddle", "clerk")
        self._secrets = {
            name: box.shell("web", f"cat /run/secrets/{name}-webhook").strip() for name in names
        }

    def signed(self, provider: str, body: bytes, event: str, **changes: str) -> Call:
        """A webhook, ready to be sent as often as wanted."""
        now, secret = int(time.time()), self._secrets[provider]
        if provider == "stripe":
            signature = _hex(secret, f"{now}.", body)
            headers = {"Stripe-Signature": f"t={now},v1={signature}"}
        elif provider == "paddle":
            headers = {"Paddle-Signature": f"ts={now};h1={_hex(secret, f'{now}:', body)}"}
        else:
            text = re.sub("[^A-Za-z0-9+/]", "", secret)
            key = base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + "===")
            digest = hmac.new(key, f"{event}.{now}.".encode() + body, hashlib.sha256).digest()
            headers = {
                "svix-id": event,
                "svix-timestamp": str(now),
                "svix-signature": f"v1,{base64.b64encode(digest).decode()}",
            }
        return Call("POST", f"/api/webhooks/{provider}", body=body, headers={**headers, **changes})

    def stripe(self, kind: str, thing: Mapping[str, Any], **changes: Any) -> Call:
        """An event of Stripe."""
        event = f"evt_{uuid.uuid4().hex}"
        said = {
            **{"id": event, "type": kind, "created": int(time.time())},
            **{"api_version": FACTS["webhooks"]["stripe"]["version"], "data": {"object": thing}},
            **changes,
        }
        return self.signed("stripe", json.dumps(said).encode(), event)

    def paddle(self, kind: str, org: str, **changes: Any) -> Call:
        """An event of Paddle."""
        event = f"evt_{uuid.uuid4().hex}"
        said = {
            **{"event_id": event, "event_type": kind, "org_id": org},
            **{"occurred_at": datetime.now(UTC).isoformat(), **changes},
        }
        return self.signed("paddle", json.dumps(said).encode(), event)

    def clerk(self, kind: str, data: Mapping[str, Any]) -> Call:
        """An event of Clerk."""
        body = json.dumps({"type": kind, "data": data, "object": "event"}).encode()
        return self.signed("clerk", body, f"msg_{uuid.uuid4().hex}")

    def send(self, *calls: Call) -> list[Answer]:
        """How they are answered."""
        return self._box.calls(*calls, base=WEB)


def _hex(secret: str, before: str, body: bytes) -> str:
    return hmac.new(secret.encode(), before.encode() + body, hashlib.sha256).hexdigest()


@pytest.fixture(scope="module")
def sender(box: Box) -> Sender:
    return Sender(box)


def subscription(box: Box, org: int) -> list[str]:
    return box.sql(
        "SELECT status, plan_id, grace_until IS NOT NULL FROM subscriptions "
        f"WHERE org_id = 'org_{org}' ORDER BY created_at, id"
    )


def test_routes_of_the_web_host_are_those_of_the_facts(box: Box) -> None:
    for path, fact in FACTS["web"].items():
        token = box.token(ADMIN) if "roles" in fact else ""
        right, wrong, nobody = box.calls(
            Call(fact["method"], path, token, b"{}"), Call("DELETE", path, token),
            Call(fact["method"], path, body=b"{}"), base=WEB,
        )  # fmt: skip
        # Nobody told it Stripe's key.
        assert right.status in (200, 400, 503), path
        assert (nobody.status == 401) == ("roles" in fact), path
        assert (wrong.status, wrong.code) == (405, "METHOD_NOT_ALLOWED"), path
        assert wrong.headers["allow"] == fact["method"]
    for path in ("/api/webhooks/other", "/api/health", "/"):
        answer = box.calls(Call("POST", path, body=b"{}"), base=WEB)[0]
        assert (answer.status, answer.code) == (404, "NOT_FOUND")


def test_the_document_is_the_one_that_is_kept_and_says_what_the_facts_say(box: Box) -> None:
    (answer,) = box.calls(Call("GET", "/openapi.json"), base=WEB)
    assert answer.body == json.loads((PLATFORM / "openapi-web.json").read_text())
    found = {
        path: {
            "method": method.upper(),
            "statuses": [int(status) for status in operation["responses"]],
        }
        for path, methods in answer.body["paths"].items()
        for method, operation in methods.items()
    }
    assert found == {
        path: {name: fact[name] for name in ("method", "statuses")}
        for path, fact in FACTS["web"].items()
    }
    shapes = answer.body["components"]["schemas"]
    for provider, fact in FACTS["webhooks"].items():
        operation = answer.body["paths"][f"/api/webhooks/{provider}"]["post"]
        headers = {each["name"] for each in operation["parameters"] if each["required"]}
        assert fact["header"] in headers
        said = operation["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
        fields = [shapes[each["$ref"].rpartition("/")[2]]["properties"] for each in said]
        assert sorted(map(list, fields)) == sorted(fact["answers"])


def documented(provider: str) -> dict[str, Any]:
    """What the document says of a provider's events and their headers."""
    document = json.loads((PLATFORM / "openapi-web.json").read_text())
    operation = document["paths"][f"/api/webhooks/{provider}"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return {"headers": [each["name"] for each in operation["parameters"]], "event": schema}


LEAST: dict[str, dict[str, Any]] = {
    "stripe": {"type": "invoice.paid"},
    "paddle": {"event_type": "transaction.failed", "org_id": "org_1"},
    "clerk": {"type": "session.created", "data": {"id": "sess_1"}},
}
"""Events of which only what the document asks for is added, and what they change, nothing."""


def least(provider: str) -> dict[str, Any]:
    """An event without anything that it could do without."""
    event = f"evt_{uuid.uuid4().hex}"
    more: dict[str, dict[str, Any]] = {
        "stripe": {"id": event, "created": int(time.time())},
        "paddle": {"event_id": event, "occurred_at": datetime.now(UTC).isoformat()},
        "clerk": {},
    }
    return {**LEAST[provider], **more[provider]}


@pytest.mark.parametrize("provider", FACTS["webhooks"])
def test_what_the_document_asks_for_is_needed_and_enough(sender: Sender, provider: str) -> None:
    said, event = documented(provider), least(provider)
    needed = said["event"]["required"]
    assert set(needed) <= set(event) <= set(said["event"]["properties"])
    whole = sender.signed(provider, json.dumps(event).encode(), "e1")
    (answer,) = sender.send(whole)
    assert answer.status == 200, answer.text
    for name in needed:
        less = json.dumps({key: value for key, value in event.items() if key != name}).encode()
        (answer,) = sender.send(sender.signed(provider, less, "e2"))
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR"), name
    for name in said["headers"]:
        kept = {key: value for key, value in (whole.headers or {}).items() if key.lower() != name}
        assert len(kept) == len(whole.headers or {}) - 1, name
        (answer,) = sender.send(Call("POST", whole.path, body=whole.body, headers=kept))
        assert (answer.status, answer.code) == (400, "WEBHOOK_ERROR"), name


@pytest.mark.parametrize("provider", FACTS["webhooks"])
def test_each_answer_has_the_fields_of_the_facts(sender: Sender, provider: str) -> None:
    event, answers = least(provider), FACTS["webhooks"][provider]["answers"]
    delivery = sender.signed(provider, json.dumps(event).encode(), f"msg_{uuid.uuid4().hex}")
    first, second = sender.send(delivery, delivery)
    assert [list(first.body), list(second.body)] == answers[:2]
    for ignored in answers[2:]:
        kind = {"stripe": "type", "paddle": "event_type"}[provider]
        other = json.dumps({**least(provider), kind: "nobody.knows"}).encode()
        (answer,) = sender.send(sender.signed(provider, other, "e"))
        assert list(answer.body) == ignored


@pytest.mark.parametrize("provider", FACTS["webhooks"])
def test_a_signature_is_of_the_bytes_and_not_of_what_they_mean(
    sender: Sender, provider: str
) -> None:
    event = {**least(provider), "note": "Grüße \U0001f600"}
    wide = json.dumps(event, ensure_ascii=False, indent=2).encode() + b"\r\n"
    narrow = json.dumps(event, separators=(",", ":")).encode()
    delivery = sender.signed(provider, wide, f"msg_{uuid.uuid4().hex}")
    swapped, right, typed = sender.send(
        Call("POST", delivery.path, body=narrow, headers=delivery.headers),
        delivery,
        Call(
            "POST", delivery.path, body=wide,
            headers={**(delivery.headers or {}), "Content-Type": "text/plain"},
        ),
    )  # fmt: skip
    assert swapped.status == FACTS["webhooks"][provider]["refused"]
    assert (right.status, typed.status) == (200, 200)
    assert list(typed.body) == FACTS["webhooks"][provider]["answers"][1]


@pytest.mark.parametrize("provider", FACTS["webhooks"])
def test_a_signature_that_is_not_right_is_refused(box: Box, sender: Sender, provider: str) -> None:
    fact = FACTS["webhooks"][provider]
    good = sender.signed(provider, b"{}", "e")
    name = next(name for name in good.headers or {} if name.lower() == fact["header"])
    wrong = {**(good.headers or {}), name: (good.headers or {})[name].replace("=", "=0", 2)}
    if provider == "clerk":
        wrong[name] = "v1,AAAA"
    refused, missing, changed = sender.send(
        Call("POST", good.path, body=b"{}", headers=wrong),
        Call("POST", good.path, body=b"{}"),
        Call("POST", good.path, body=b"{} ", headers=good.headers),
    )
    assert [refused.status, missing.status, changed.status] == [
        fact["refused"], 400, fact["refused"],
    ]  # fmt: skip
    assert {answer.code for answer in (refused, missing, changed)} == {"WEBHOOK_ERROR"}
    assert box.metric(
        "web", f'webhook_events_total{{outcome="refused",provider="{provider}"}}', 3000
    )


@pytest.mark.parametrize("provider", FACTS["webhooks"])
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff", b"{}", b"null"])
def test_a_signed_body_of_no_use_is_refused(sender: Sender, provider: str, body: bytes) -> None:
    (answer,) = sender.send(sender.signed(provider, body, "e"))
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


def test_a_body_that_is_too_long_is_refused(sender: Sender) -> None:
    (answer,) = sender.send(sender.signed("stripe", b" " * (10 * 1024 * 1024 + 1), "e"))
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")


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
    assert fact["seconds"] - 10 <= int(box.redis(f"TTL {key}")[0]) <= fact["seconds"]


@pytest.mark.parametrize(
    ("sent", "kept", "grace"),
    [
        ("past_due", "past_due", "t"),
        ("canceled", "cancelled", "t"),
        ("trialing", "trialing", "f"),
        ("unpaid", "unpaid", "t"),
        ("active", "active", "f"),
    ],
)
def test_a_status_of_stripe_becomes_one_of_the_table(
    box: Box, sender: Sender, sent: str, kept: str, grace: str
) -> None:
    thing = {"id": "sub_example3", "status": sent, "current_period_end": 1_900_000_000}
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
        assert answer.took_s < 2
        eventually(lambda: box.calls(Call("GET", "/readyz"), base=WEB)[0].status, 200)
    # Redis, asleep, got the claim and nobody the answer: it is free again after a while.
    eventually(lambda: sender.send(event)[0].status, 200)
    assert box.sql("SELECT email FROM users WHERE id = 'user_later'") == ["later@example.com"]
