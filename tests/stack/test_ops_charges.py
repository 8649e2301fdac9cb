"""`sb charges` against the simulated Stripe: found among many, refunded exactly once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.drills.hosts import set_link
from drillbook.sandboxes.local import LocalBackend
from tests.stack.box import Box

_CLIENT = """
import sys; sys.path.insert(0, "/opt/smartbeak/drills")
import json
from smartbeak_drills.users import purchases
from smartbeak_drills.users.stripe import Stripe
from smartbeak_drills.session import Session
from smartbeak_drills.settings import read_address
from pathlib import Path
stripe = Stripe()
session = Session(read_address(Path("/etc/smartbeak/platform.env")), timeout_s=60)
"""
_DOUBLE = "python3 -m smartbeak_drills.shoppers --config /etc/smartbeak/platform.env double 3"


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["app", "db-1", "redis-1", "web", "stripe-wan"])
    yield box
    box.close()


def at_stripe(box: Box, program: str) -> Any:
    return json.loads(box.shell("app", "python3 -", _CLIENT + program))


def test_doubles_are_found_and_refunded_once_however_often_it_is_asked(box: Box) -> None:
    assert box.sb("charges doubled") == "0 charged twice, 0.00 usd to refund\n"
    assert box.shell("app", _DOUBLE) == "done\n"
    off = (
        "found = purchases.differences(purchases.read(), stripe, session)\n"
        "print(json.dumps(purchases.summed(found)))"
    )
    assert at_stripe(box, off) == "3 customers and 147.00 usd are off: 3 paid too much"
    found = box.sb("charges doubled | tee doubled.txt").splitlines()
    assert found[-1] == "3 charged twice, 147.00 usd to refund"
    assert all(line.startswith("to refund 49.00 usd cus_") for line in found[:-1])
    refund = "charges refund doubled.txt --most 3 --most-amount"
    assert box.sb(f"{refund} 146.99") == (
        "REFUSED: 3 charges and 147.00 usd: at most 3 and 146.99 usd at once\n"
    )
    dry = box.sb(f"{refund} 147 --dry-run")
    assert dry.endswith("3 charges, 0 refused, 147.00 usd would be refunded\n")
    assert len(at_stripe(box, "print(json.dumps(list(stripe.all('refunds'))))")) == 1
    # Interrupted after the first refund, before its subscription is ended.
    charge = found[0].split()[-1]
    at_stripe(
        box, "print(json.dumps(stripe.post('refunds', "
        f"{{'charge': '{charge}', 'reason': 'duplicate'}}, 'duplicate:{charge}')))",
    )  # fmt: skip
    # Two people at once, then somebody again.
    both = f"{refund} 147 >one & sb {refund} 147 >two; wait; cat one two"
    said = box.sb(both)
    assert said.count("refused already") == 0
    assert box.sb(f"{refund} 147").endswith("3 charges, 0 refused, 0.00 usd refunded\n")
    refunds = at_stripe(box, "print(json.dumps(list(stripe.all('refunds'))))")
    assert len(refunds) == 4 and {each["amount"] for each in refunds} == {4900}
    assert at_stripe(box, off) == ""
    assert box.sb("charges doubled") == "0 charged twice, 0.00 usd to refund\n"


def test_a_charge_that_is_no_double_is_refused(box: Box) -> None:
    box.shell("ops", "printf 'x ch_example2\\ny ch_nobody\\n' >list.txt")
    said = box.sb("charges refund list.txt --most 5 --most-amount 500")
    assert said.splitlines() == [
        "REFUSED: ch_example2 cus_example2 was charged once, or longer ago: it is not a double",
        "REFUSED: ch_nobody is no charge of this account",
        "2 charges, 2 refused, 0.00 usd refunded",
    ]
    box.shell("ops", ": >empty.txt")
    assert "the list holds no charge" in box.sb(
        "charges refund empty.txt --most 5 --most-amount 500"
    )


def test_no_secret_is_printed(box: Box) -> None:
    key = box.shell("ops", "cat /run/secrets/stripe-key").strip()
    for words in ("charges doubled", "charges refund list.txt --most 1 --most-amount 1 --dry-run"):
        assert key not in box.sb(words)
    for path in ("/var/log/payments/payments.log", "/var/lib/payments/ledger.db"):
        assert key not in box.shell("stripe", f"strings -a {path} 2>/dev/null || cat {path}")


def test_a_way_to_stripe_that_is_cut_is_said(box: Box) -> None:
    set_link(box.sandbox, "stripe-wan", "cut")
    assert box.sb("charges doubled").startswith("UNKNOWN: api.stripe.com does not answer")
