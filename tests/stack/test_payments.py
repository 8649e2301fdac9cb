"""Payments: events signed as the providers sign them, what notices, and what sb sees."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from paddle_billing.Notifications import Secret, Verifier
from stripe import Webhook

from drillbook.inside.trouble import Trouble
from smartbeak_drills.oracles import payments
from smartbeak_drills.oracles.payments import Entitled
from smartbeak_drills.session import Session
from smartbeak_drills.users import webhooks
from smartbeak_drills.users.calls import Answer, CallError, Line
from smartbeak_drills.users.stripe import Stripe
from smartbeak_drills.users.webhooks import Webhooks
from smartbeak_ops import settings, web
from smartbeak_ops.looks import platform
from smartbeak_ops.looks.seen import Seen
from tests.stack.box import FACTS

SECRET = b"a secret of one test"
BODY = webhooks.stripe_event("evt_1", "customer.subscription.updated", {"id": "sub_1"}, 1)


def test_stripes_own_library_takes_what_is_signed() -> None:
    header = webhooks.stripe_headers(SECRET, BODY, int(time.time()))["Stripe-Signature"]
    event = Webhook.construct_event(BODY, header, SECRET.decode())
    assert event["data"]["object"]["id"] == "sub_1"
    assert event["api_version"] == FACTS["webhooks"]["stripe"]["version"]


def test_paddles_own_library_takes_what_is_signed() -> None:
    headers = webhooks.paddle_headers(SECRET, BODY, int(time.time()))
    verifier, secret = Verifier(300), Secret(SECRET.decode())
    assert verifier.verify(SimpleNamespace(body=BODY, headers=headers), secret)
    assert not verifier.verify(SimpleNamespace(body=BODY + b" ", headers=headers), secret)


class Endpoint(Line):
    """A web host that refuses what a test wants it to."""

    def __init__(self) -> None:
        super().__init__("http://nowhere", timeout_s=1)
        self.refused: set[str] = set()
        self.taken: list[bytes] = []

    def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        provider = path.rpartition("/")[2]
        if provider in self.refused:
            raise CallError(f"POST {path}: 400", status=400)
        self.taken.append(body)
        return Answer(200, {"received": True}, 0.01)


class Rows(Session):
    """A database that answers every statement with these rows."""

    def __init__(self, *rows: tuple[str, ...]) -> None:
        self._rows = rows

    def run(self, statement: str, *values: str) -> list[tuple[str | None, ...]]:
        return [*self._rows]

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in ("stripe", "paddle"):
        (tmp_path / f"{provider}-webhook").write_bytes(SECRET + b"\n")
    monkeypatch.setattr(webhooks, "SECRETS", tmp_path)


def test_what_was_refused_is_sent_again_as_the_same_event() -> None:
    endpoint, sender = Endpoint(), Webhooks("http://nowhere", Rows)
    endpoint.refused = {"stripe"}
    for _ in range(2):
        with pytest.raises(CallError):
            sender.deliver(endpoint)
    assert (sender.journal.acknowledged, endpoint.taken) == (0, [])
    endpoint.refused = set()
    sender.deliver(endpoint)
    sender.deliver(endpoint)
    assert sender.journal.numbers() == {1, 2}


def test_an_event_of_paddle_that_is_refused_is_noticed() -> None:
    endpoint, sender = Endpoint(), Webhooks("http://nowhere", Rows)
    endpoint.refused = {"paddle"}
    with pytest.raises(CallError, match="paddle"):
        sender.deliver(endpoint)


def test_an_event_that_was_taken_and_is_not_in_the_database_is_lost() -> None:
    endpoint, sender = Endpoint(), Webhooks("http://nowhere", Rows)
    sender.deliver(endpoint)
    losses = sender.count().losses
    assert losses is not None
    assert losses.lost == (1,)


def test_an_account_that_cannot_be_read_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Session:
        raise Trouble("connection refused")

    monkeypatch.setattr(webhooks, "_ACCOUNT_S", 0.0)
    assert Webhooks("http://nowhere", away).count().losses is None


def test_payers_without_an_active_subscription_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(payments, "_LOOK_S", 0.0)
    assert Entitled(lambda: Rows(("1",))).look() == "2 of 3 payers have no active subscription"
    assert Entitled(lambda: Rows(("3",))).look() == ""


@pytest.mark.parametrize(
    ("status", "live", "said"),
    [
        ("needs_response", True, "1 disputes wait for an answer"),
        ("lost", True, "1 customers have their money back and a subscription"),
        ("lost", False, "0 of"),
        ("under_review", True, "0 of"),
    ],
)
def test_a_dispute_is_over_once_it_is_answered_or_what_it_was_for_has_ended(
    monkeypatch: pytest.MonkeyPatch, status: str, live: bool, said: str
) -> None:
    known = {
        "disputes": [{"status": status, "charge": "ch_1"}],
        "charges": [{"id": "ch_1", "customer": "cus_1"}, {"id": "ch_2", "customer": "cus_2"}],
        "subscriptions": [{"customer": "cus_1"}] * live + [{"customer": "cus_2"}],
    }
    monkeypatch.setattr(Stripe, "all", lambda _, path, **__: iter(known[path]))
    monkeypatch.setattr(payments.Agreed, "look", lambda _: "0 of")
    assert payments.Answered(lambda: Rows(())).look() == said


def counted(monkeypatch: pytest.MonkeyPatch, **outcomes: int) -> Mapping[str, Any]:
    """What sb knows of a web host that counted these outcomes of Paddle's events."""
    text = "\n".join(
        f'webhook_events_total{{outcome="{name}",provider="paddle"}} {count}.0'
        for name, count in outcomes.items()
    )
    monkeypatch.setattr(settings, "known", lambda _: True)
    monkeypatch.setattr(web, "get", lambda _: web.Reply(200, text, 0.01))
    seen = Seen()
    platform._webhooks(seen)
    return seen.facts


def test_only_refused_events_are_counted_as_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = counted(monkeypatch, processed=3, repeated=2, failed=4, ignored=1)
    assert facts["webhooks.refused"] == facts["webhooks.paddle"] == 0
    facts = counted(monkeypatch, processed=3, refused=2)
    assert facts["webhooks.refused"] == facts["webhooks.paddle"] == 2
