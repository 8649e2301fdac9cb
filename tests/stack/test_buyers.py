"""The prober for money: what customers buy, and what it notices."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from drillbook.drills.watch import Watch
from drillbook.inside.trouble import Trouble
from drillbook.sandboxes.local import LocalBackend
from smartbeak_drills.session import Session
from smartbeak_drills.users import buyers, purchases
from smartbeak_drills.users.paddle import Paddle
from smartbeak_drills.users.purchases import Purchase
from smartbeak_drills.users.roster import Roster
from tests.stack.box import Box, eventually

_PATIENCE_S = 120.0
_BOUGHT = "FROM subscriptions WHERE id LIKE 'sub%' AND id NOT LIKE 'sub\\_%\\_%'"
"""What customers of the prober have: the ids of the seed are of another form."""


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["app", "db-1", "redis-1", "web", "stripe-wan"])
    yield box
    box.close()


def bought(box: Box) -> Watch:
    """A prober at work, once six have bought: each way to go on was gone, and is over."""
    (before,) = box.sql(f"SELECT count(*) {_BOUGHT}")
    watch = Watch(box.sandbox, "app", "smartbeak_drills.prober", "settled")
    eventually(
        lambda: int(box.sql(f"SELECT count(*) {_BOUGHT}")[0]), lambda n: n >= int(before) + 6
    )
    assert watch.until(True, timeout_s=_PATIENCE_S), watch.last_error
    return watch


def figures(watch: Watch) -> tuple[int, int, bool]:
    """Purchases that are lost and that are doubled, and whether customers are served."""
    account = watch.finish()
    (found,) = (kind for kind in account.kinds if kind.kind == "purchases")
    assert found.acknowledged >= 5
    return found.lost, found.doubled, account.held


def test_customers_buy_upgrade_cancel_and_get_their_money_back(box: Box) -> None:
    assert figures(bought(box)) == (0, 0, True)


@pytest.mark.parametrize("change", ["status = 'past_due'", "plan_id = 'plan_free'"])
def test_a_row_that_is_changed_by_hand_is_noticed(box: Box, change: str) -> None:
    before = box.sql(f"SELECT id {_BOUGHT}")
    watch = bought(box)
    # The first of them that stays as it was bought: whoever is new may still upgrade or cancel.
    stays = f"{_BOUGHT} AND status = 'active' AND plan_id = 'plan_pro'"
    kept = [
        each for each in box.sql(f"SELECT id {stays} ORDER BY created_at") if each not in before
    ]
    box.sql(f"UPDATE subscriptions SET {change} WHERE id = '{kept[0]}'")
    assert watch.until(False, timeout_s=_PATIENCE_S)
    assert figures(watch) == (1, 0, False)


class Plans:
    """The platform's table: these plans are active."""

    def __init__(self, *plans: str) -> None:
        self.plans = plans

    def __enter__(self) -> Plans:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def run(self, _: str, org: str) -> list[tuple[str]]:
        assert org == "org_1"
        return [(plan,) for plan in self.plans]


@pytest.mark.parametrize(("plans", "asks"), [((), 0), (("plan_free",), 0), (("plan_pro",), 1)])
def test_who_does_not_have_yet_what_was_paid_for_wants_nothing_else(
    monkeypatch: pytest.MonkeyPatch, plans: tuple[str, ...], asks: int
) -> None:
    asked: list[str] = []

    def find(what: str, **_: str) -> Iterator[Any]:
        asked.append(what)
        raise Trouble("Stripe is away")

    monkeypatch.setattr(buyers, "Stripe", lambda: SimpleNamespace(all=find))
    customers = buyers.Buyers("", cast(Roster, None), lambda: cast(Session, Plans(*plans)))
    with contextlib.suppress(Trouble):
        customers._afterwards(1, Purchase("cus_1", "org_1", "plan_pro", 4900))
    assert len(asked) == asks


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


@pytest.mark.parametrize(
    ("paid", "back", "live", "plan", "said"),
    [
        (1, 0, 1, "plan_pro", ""),
        (2, 1, 1, "plan_pro", ""),
        (2, 0, 1, "plan_pro", "paid too much"),
        (1, 1, 1, "plan_pro", "got back too much"),
        (1, 0, 2, "plan_pro", "have 2 subscriptions at Paddle"),
        (1, 0, 1, "plan_free", "have another plan on the platform than at Paddle"),
    ],
)
def test_each_way_to_differ_at_paddle_has_its_words(
    monkeypatch: pytest.MonkeyPatch, paid: int, back: int, live: int, plan: str, said: str
) -> None:
    about = {"custom_data": {"org_id": "org_1"}}
    known: dict[str, list[Any]] = {
        "/transactions": [
            {"id": f"txn_{n}", "details": {"totals": {"grand_total": "4900"}}, **about}
            for n in range(paid)
        ],
        "/adjustments": [
            {"transaction_id": "txn_0", "totals": {"total": "4900"}} for _ in range(back)
        ],
        "/subscriptions": [about] * live,
    }
    monkeypatch.setattr(Paddle, "all", lambda _, path, **__: iter(known[path]))
    session = SimpleNamespace(run=lambda *_: [["org_1", plan]])
    bought = Purchase("org_1", "org_1", "plan_pro", 4900)
    found = purchases.at_paddle([bought], Paddle(), session)  # type: ignore[arg-type]
    assert [each.text for each in found] == ([said] if said else [])
