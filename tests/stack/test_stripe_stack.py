"""The simulated Stripe in the stack: under its own names, and the platform that it tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.sandboxes.local import LocalBackend
from tests.stack.box import Box, eventually

_CLIENT = """
import json, os, pathlib, stripe
stripe.api_key = "sk_test_" + pathlib.Path("/run/secrets/stripe-key").read_text().strip()
stripe.api_version = "2023-10-16"
stripe.ca_bundle_path = os.environ["SSL_CERT_FILE"]
"""


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["db-1", "redis-1", "web", "stripe-wan"])
    yield box
    box.close()


def asked(box: Box, program: str) -> Any:
    """What a program on `ops` prints that uses Stripe's library."""
    return json.loads(box.shell("ops", "python3 -", _CLIENT + program))


def test_stripe_is_reached_under_its_own_name_with_its_own_library(box: Box) -> None:
    said = asked(box, "print(json.dumps([s.id for s in stripe.Subscription.list().data]))")
    assert said == [f"sub_example{n}" for n in range(5, 0, -1)]


def test_what_happens_at_stripe_is_in_the_platforms_database(box: Box) -> None:
    key = asked(
        box,
        'session = stripe.checkout.Session.create(mode="subscription", customer="cus_example5",'
        ' line_items=[{"price": "price_plan_pro", "quantity": 1}], success_url="https://x",'
        ' metadata={"orgId": "org_5", "planId": "plan_pro"})\n'
        "import urllib.request\n"
        'urllib.request.urlopen(session.url, b"payment_method=pm_card_visa").read()\n'
        "print(json.dumps(stripe.checkout.Session.retrieve(session.id).subscription))",
    )
    query = f"SELECT plan_id, status FROM subscriptions WHERE stripe_subscription_id = '{key}'"
    psql = f'psql -h db-1 -U smartbeak -d smartbeak -At -c "{query}"'
    eventually(lambda: box.shell("ops", psql), lambda said: said == "plan_pro|active\n")
    status = "python3 -m simulators.payments.control status"
    eventually(lambda: box.shell("stripe", status), lambda said: "pending" not in said)
    asked(box, f'print(json.dumps(stripe.Subscription.cancel("{key}").status))')
    eventually(lambda: box.shell("ops", psql), lambda said: said == "plan_pro|cancelled\n")
