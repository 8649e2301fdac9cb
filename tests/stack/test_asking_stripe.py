"""Whoever makes up an account of Stripe asks too often for a limited key, and waits."""

from __future__ import annotations

from typing import Any

import pytest

from smartbeak_drills.users import stripe
from smartbeak_drills.users.calls import Answer, CallError, Line

PAGE = Answer(200, {"data": [{"id": "sub_1"}], "has_more": False}, 0.0)


def _answers(monkeypatch: pytest.MonkeyPatch, *answers: Answer | CallError) -> list[Any]:
    left = list(answers)

    def call(_: Line, *__: object, **___: object) -> Answer:
        said = left.pop(0)
        if isinstance(said, CallError):
            raise said
        return said

    monkeypatch.setattr(Line, "call", call)
    monkeypatch.setattr(stripe, "_key", lambda: "sk_test_x")
    monkeypatch.setattr(stripe, "_WAIT_S", 0.0)
    return left


def _busy() -> CallError:
    return CallError("GET /v1/subscriptions: 429 Request rate limit exceeded.", status=429)


def test_a_list_is_asked_for_again_where_the_limit_is_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = _answers(monkeypatch, _busy(), _busy(), PAGE)
    assert [each["id"] for each in stripe.Stripe().all("subscriptions")] == ["sub_1"]
    assert left == []


def test_a_limit_that_stays_reached_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    left = _answers(monkeypatch, *[_busy()] * 5)
    with pytest.raises(CallError, match="429 Request rate limit exceeded"):
        list(stripe.Stripe().all("subscriptions"))
    assert len(left) == 1


def test_another_refusal_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    left = _answers(monkeypatch, CallError("GET /v1/prices: 401 Invalid API Key", status=401), PAGE)
    with pytest.raises(CallError, match="401"):
        list(stripe.Stripe().all("prices"))
    assert len(left) == 1
