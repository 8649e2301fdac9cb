"""The simulated Stripe and Paddle, asked by their libraries for Node and by Stripe's command line.

The command line's `trigger` and `version` are left out: they look for a newer version of
themselves on the network.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from paddle_billing.Notifications import Secret, Verifier
from stripe import Webhook

from drillbook.sandboxes import npm
from simulators.payments import delivery
from smartbeak.web import signatures
from tests.conftest import ROOT
from tests.stack.simulated import API_KEY, SIGNING_SECRET, Running, Start

CLIENTS = ROOT / "tests/stack/clients"
KEY = f"sk_test_{API_KEY}"


@pytest.fixture(scope="module")
def packages() -> Path:
    """The official clients, as the lock names them."""
    return npm.installed(ROOT, CLIENTS)


@pytest.fixture
def provider(start: Start) -> Running:
    return start("stripe", "--insecure")


def environment(provider: Running, packages: Path, more: Mapping[str, str]) -> dict[str, str]:
    return {
        **more,
        **{"HOME": str(provider.root), "PATH": f"{npm.programs(ROOT)}:{os.environ['PATH']}"},
        **{"STRIPE_API_KEY": KEY, "STRIPE_CLI_TELEMETRY_OPTOUT": "1", "SECRET": SIGNING_SECRET},
        **{"STRIPE_PORT": str(provider.port), "CLIENTS": f"{packages}/"},
    }


def said(provider: Running, packages: Path, *argv: str, **more: str) -> Any:
    """What a program prints, as JSON; `more` is in its environment."""
    done = subprocess.run(
        argv, env=environment(provider, packages, more), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    return json.loads(done.stdout)


def test_stripes_library_for_node_is_answered_and_refused_as_by_stripe(
    provider: Running, packages: Path
) -> None:
    found = said(provider, packages, "node", str(CLIENTS / "ask.mjs"))
    payload, header = found.pop("payload"), found.pop("header")
    assert found == {
        "status": "succeeded",
        "once": True,
        "events": [
            *("payment_intent.created", "charge.succeeded", "payment_intent.succeeded"),
            "charge.refunded",
        ],
        "unknown": "StripeInvalidRequestError parameter_unknown",
        "declined": "StripeCardError card_declined",
        "reused": "StripeIdempotencyError undefined",
    }
    # What Node's library signs, the platform takes.
    headers = {"stripe-signature": header}
    signatures.check_stripe(payload.encode(), headers, SIGNING_SECRET, time.time())
    with pytest.raises(signatures.SignatureError):
        signatures.check_stripe(payload.encode() + b" ", headers, SIGNING_SECRET, time.time())


def test_paddles_library_for_node_is_answered_and_refused_as_by_paddle(
    start: Start, packages: Path
) -> None:
    paddle = start("paddle", "--insecure")
    sent = {
        **{"event_id": "evt_1", "notification_id": "ntf_1", "occurred_at": "2026-11-27T08:00:00Z"},
        **{"event_type": "address.created", "data": {"id": "add_1", "status": "active"}},
    }
    body = json.dumps(sent)
    # Its library takes a signature for five seconds, and asks nothing of one of the future.
    header = delivery.paddle_headers([SIGNING_SECRET], body.encode(), int(time.time()) + 300)
    found = said(
        paddle, packages, "node", str(CLIENTS / "ask-paddle.mjs"), PADDLE_API_KEY=API_KEY,
        PADDLE_BASE=f"http://127.0.0.1:{paddle.port}", BODY=body, HEADER=header["Paddle-Signature"],
    )  # fmt: skip
    assert found == {
        **{"order": "ready 4900", "prices": ["0", "4900", "19900"], "same": True},
        **{"event": "address.created active", "unknown": "invalid_field", "nobody": "not_found"},
        **{"twice": "customer_already_exists"},
        "forged": "[Paddle] Webhook signature verification failed",
    }


def test_stripes_command_line_reads_refunds_and_resends(provider: Running, packages: Path) -> None:
    binary = packages / "@stripe/cli-linux-x64/bin/stripe"
    if not binary.exists():
        pytest.skip("@stripe/cli has a binary for this machine, the lock only that of x86-64")

    def cli(*words: str) -> Any:
        program = str(binary)
        base = f"http://127.0.0.1:{provider.port}"
        return said(provider, packages, program, *words, "--api-base", base)

    assert cli("get", "/v1/subscriptions/sub_example1")["status"] == "active"
    assert len(cli("customers", "list", "--limit", "2")["data"]) == 2
    once = [
        cli("refunds", "create", "--charge", "ch_example2", "--idempotency", "one")["id"]
        for _ in range(2)
    ]
    assert once[0] == once[1]
    event = cli("events", "list", "--type", "charge.refunded")["data"][0]
    assert event["data"]["object"]["id"] == "ch_example2"
    sent = cli("events", "resend", event["id"], "--webhook-endpoint", "we_platform")
    assert (sent["id"], sent["pending_webhooks"]) == (event["id"], 1)


@pytest.mark.parametrize("secrets", [["one"], ["new", "one"]])
def test_what_the_simulators_sign_the_platform_and_the_libraries_take(secrets: list[str]) -> None:
    body, now = b'{"id": "evt_1"}', int(time.time())
    stripe = delivery.stripe_headers(secrets, body, now)["Stripe-Signature"]
    assert Webhook.construct_event(body, stripe, "one")["id"] == "evt_1"
    signatures.check_stripe(body, {"stripe-signature": stripe}, "one", now)
    paddle = delivery.paddle_headers(secrets, body, now)

    class Request:
        headers = paddle
        data = body

    Request.body = body  # type: ignore[attr-defined]
    assert Verifier(60).verify(Request(), Secret("one"))
    signatures.check_paddle(body, {"paddle-signature": paddle["Paddle-Signature"]}, "one", now)
    for wrong in ("two", ""):
        with pytest.raises(signatures.SignatureError):
            signatures.check_stripe(body, {"stripe-signature": stripe}, wrong, now)
