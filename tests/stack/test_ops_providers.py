"""What `sb` says of a provider's answer, and which branch that leads to."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from smartbeak_ops import paddle_api, secrets, stripe_api, tree, web
from smartbeak_ops.looks import paddle, provider
from smartbeak_ops.looks.seen import Seen

STATUSES = {0: "no answer", 429: "busy", 500: "fails", 503: "fails"}
TREE = tree.load("payments")
DOWN = "runbooks/payment-processing-issues"


def branch(seen: Seen) -> str | None:
    row = TREE.first({"web": "ready", **seen.facts})
    return row.branch if row else None


@pytest.mark.parametrize(("status", "word"), {**STATUSES, 401: "refuses the key"}.items())
def test_what_stripe_answers_leads_to_its_branch(
    monkeypatch: pytest.MonkeyPatch, status: int, word: str
) -> None:
    def asked(_: object) -> Any:
        raise stripe.APIError("sk_test_part", http_status=status or None)

    endpoints = SimpleNamespace(list=asked)
    client = SimpleNamespace(v1=SimpleNamespace(webhook_endpoints=endpoints))
    monkeypatch.setattr(stripe_api, "client", lambda tries: client)
    seen = Seen()
    provider.answers(seen)
    assert seen.facts == {"stripe": word}
    assert seen.lines[0].startswith(f"stripe: {word} in ") and "sk_" not in seen.lines[0]
    wanted = {"busy": f"{DOWN}/stripe-busy", "refuses the key": None}
    assert branch(seen) == wanted.get(word, f"{DOWN}/provider-down")


@pytest.mark.parametrize(
    ("status", "took_s", "word"),
    [
        *((status, 0.1, word) for status, word in STATUSES.items()),
        (403, 0.1, "refuses the key"),
        (200, 3.5, "slow"),
    ],
)
def test_what_paddle_answers_leads_to_its_branch(
    monkeypatch: pytest.MonkeyPatch, status: int, took_s: float, word: str
) -> None:
    found = {"data": [{"active": True, "destination": f"http://web:3000{paddle.PATH}"}]}
    reply = SimpleNamespace(status=status, took_s=took_s, text=json.dumps(found))
    monkeypatch.setattr(secrets, "read", lambda name: "a key")
    monkeypatch.setattr(web, "request", lambda *asked, **more: reply)
    seen = Seen()
    paddle.answers(seen)
    assert (seen.facts["paddle"], seen.lines) == (word, [f"paddle: {word} in {took_s:.1f} s"])
    assert branch(seen) == (None if word == "refuses the key" else f"{DOWN}/paddle-down")


def test_every_page_of_a_list_is_read_and_none_is_kept() -> None:
    last: Any = SimpleNamespace(items=[5], paginator=SimpleNamespace(has_more=False))
    second: Any = SimpleNamespace(
        items=[3, 4], paginator=SimpleNamespace(has_more=True, next_page=lambda: last)
    )
    first: Any = SimpleNamespace(
        items=[1, 2], paginator=SimpleNamespace(has_more=True, next_page=lambda: second)
    )
    assert list(paddle_api.every(first)) == [1, 2, 3, 4, 5]
    assert (first.items, second.items) == ([1, 2], [3, 4])
