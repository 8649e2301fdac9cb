"""The prober for money: what customers buy, and what it notices."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from drillbook.sandboxes.local import LocalBackend
from smartbeak_drills.users import purchases
from smartbeak_drills.users.purchases import Purchase
from tests.stack.box import Box

_PROBER = (
    "timeout --preserve-status --signal TERM 8 python3 -m smartbeak_drills.prober "
    "--oracle settled --hosts ops,app,db-1,redis-1,web,stripe,stripe-wan"
)


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["app", "db-1", "redis-1", "web", "stripe-wan"])
    yield box
    box.close()


def account(box: Box) -> Mapping[str, Any]:
    """What the prober says at the end of eight seconds; purchases alone."""
    said = json.loads(box.shell("app", _PROBER).splitlines()[-1])
    assert said["event"] == "account"
    (found,) = (kind for kind in said["kinds"] if kind["kind"] == "purchases")
    return {**found, "held": said["held"], "errors": said["errors"]}


def test_customers_buy_upgrade_cancel_and_get_their_money_back(box: Box) -> None:
    said = account(box)
    assert said["acknowledged"] >= 5
    assert (said["lost"], said["doubled"], said["held"]) == (0, 0, True), said


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ("UPDATE subscriptions SET status = 'past_due' WHERE id = (SELECT id FROM subscriptions "
         "WHERE id LIKE 'sub%' AND id NOT LIKE 'sub\\_%\\_%' AND status = 'active' "
         "AND created_at > now() - interval '4 seconds' ORDER BY created_at LIMIT 1) RETURNING id",
         "lost"),
        ("UPDATE subscriptions SET plan_id = 'plan_free' WHERE id = (SELECT id FROM subscriptions "
         "WHERE id LIKE 'sub%' AND id NOT LIKE 'sub\\_%\\_%' AND status = 'active' "
         "AND created_at > now() - interval '4 seconds' ORDER BY created_at LIMIT 1) RETURNING id",
         "lost"),
    ],
)  # fmt: skip
def test_a_row_that_is_changed_by_hand_is_noticed(box: Box, change: str, count: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(account, box)
        # The prober itself lasts eight seconds; its first customers are there after three.
        time.sleep(5)
        assert box.sql(change)
        said = running.result()
    assert (said[count], said["held"]) == (1, False), said


def test_each_way_to_differ_has_its_words() -> None:
    bought = Purchase("cus_1", "org_1", "plan_pro", 4900)
    one, other = ("sub_1", "plan_pro"), ("sub_2", "plan_pro")

    def said(paid: int, live: list[tuple[str, str]], rows: list[tuple[str, str]]) -> str:
        return purchases._difference(bought, paid, live, rows)

    assert said(4900, [one], [one]) == ""
    assert said(9800, [one], [one]) == "paid too much"
    assert said(0, [one], [one]) == "got back too much"
    assert said(4900, [one, other], [one]) == "have 2 subscriptions at Stripe"
    assert said(4900, [one], []) == "have 0 on the platform"
    assert said(4900, [("sub_1", "plan_scale")], [one]) == "have another plan at Stripe"
    assert said(4900, [one], [other]) == (
        "have another subscription on the platform than at Stripe"
    )
