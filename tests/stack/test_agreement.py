"""What the operators' tool says of Stripe beside the platform, and what it never says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.drills import faults
from drillbook.sandboxes.local import LocalBackend
from simulators.payments import delivery
from simulators.payments.paddle.desk import RETENTION_S as PADDLE_RETENTION_S
from simulators.payments.stripe.desk import RETENTION_S
from smartbeak_drills.kit import KIT
from smartbeak_ops.looks.agreement import Differing
from tests.conftest import ROOT
from tests.stack.box import FACTS, Box

DAY_S = 24 * 3600

CARD = re.compile(r"(?<!\d)(?:\d{4}[ -]?){3}4242(?!\d)|(?<![\d.])4242(?!\d)")
"""A test card's number, or its last four digits alone; not those of a time."""


def test_a_card_is_told_from_a_time() -> None:
    for said in ("4242424242424242", "4242 4242 4242 4242", "ends in 4242", '"last4": "4242"'):
        assert CARD.search(said), said
    assert not CARD.search("2026-11-27 02:17:35.442422+00:00 35.4242")


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["app", "db-1", "redis-1", "web", "stripe-wan"])
    yield box
    box.close()


def triage(box: Box) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(box.shell("ops", "sb triage payments --json"))
    return said


def test_the_simulated_providers_try_and_keep_as_long_as_the_facts_say() -> None:
    stripe, paddle = FACTS["webhooks"]["stripe"], FACTS["webhooks"]["paddle"]
    assert delivery.STRIPE.later[-1] == stripe["tried-for-days"]["value"] * DAY_S
    assert stripe["kept-for-days"]["value"] * DAY_S == RETENTION_S
    assert delivery.PADDLE.later[-1] <= paddle["tried-for-days"]["value"] * DAY_S
    assert paddle["kept-for-days"]["value"] * DAY_S == PADDLE_RETENTION_S
    page = (ROOT / "source/runbooks/payment-processing-issues/watch.md").read_text()
    assert "up to three days" in page and "30 days" in page


def test_a_line_is_what_psql_copies_in() -> None:
    each = Differing("sub_1", "cus_1", "active", "plan_pro", 1, 2, "", "", 0.0)
    assert each.line == "sub_1|cus_1|active|plan_pro|1|2||"


def test_both_sides_agree_until_somebody_changes_a_row(box: Box) -> None:
    before = triage(box)
    assert before["facts"]["compared.differ"] == 0 and before["branch"] is None
    assert box.shell("ops", "sb show differing") == ""
    # A row of a customer that Stripe does not know is no difference: Paddle's have none.
    box.sql(
        "INSERT INTO subscriptions (id, org_id, plan_id, status) "
        "VALUES ('sub_of_paddle', 'org_4', 'plan_pro', 'trialing')"
    )
    assert triage(box)["facts"]["compared.differ"] == 0
    faults.inject(faults.parse("change-rows", KIT), KIT, box.sandbox)
    after = triage(box)
    assert after["facts"]["compared.differ"] == 2
    assert after["branch"].endswith("/subscription-differs")
    lines = [line.split("|") for line in box.shell("ops", "sb show differing").splitlines()]
    assert [(line[0], line[3], line[6], line[7]) for line in lines] == [
        ("sub_example1", "plan_scale", "cancelled", "plan_scale"),
        ("sub_example5", "plan_free", "active", "plan_scale"),
    ]


def test_no_secret_and_no_address_of_a_customer_is_said_or_kept(box: Box) -> None:
    names = ("stripe-key", "paddle-key", "smartbeak", "jwt-key-1")
    secrets = [box.shell("ops", f"cat /run/secrets/{name}").strip() for name in names]
    said = box.shell("ops", "sb triage payments; sb look payments; sb show differing")
    box.shell("app", "python3 -m smartbeak_drills.late_events active")
    said += box.shell("web", "cat /var/log/smartbeak/platform.log")
    said += box.shell("stripe", "cat /var/log/payments/payments.log")
    said += box.shell("ops", "sb evidence --to /tmp/kept >&2 && cat /tmp/kept/*")
    assert "compared: " in said and "webhook processed" in said
    for secret in secrets:
        assert len(secret) > 8 and secret not in said
    assert "@example.com" not in said and not CARD.search(said)
