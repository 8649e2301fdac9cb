"""Customers who change what they have at Stripe: one upgrades, one cancels, one pays, one is new.

    python3 -m smartbeak_drills.subscribers --config FILE change|fail|pay|keys|settled

`change` does all four. `fail` has two customers' cards declined at their renewal, `pay` has them
pay what is open. `keys` prints where the platform would note the events that Stripe has not
delivered, `settled` waits until it has delivered all. The others print `done`.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

from drillbook.inside.trouble import Trouble
from smartbeak_drills.agreed import RENEWED
from smartbeak_drills.deliveries import settle
from smartbeak_drills.session import Session
from smartbeak_drills.settings import read_address
from smartbeak_drills.users.stripe import Stripe

UPGRADES, CANCELS, PAYS = "2", "3", "4"
"""Numbers of the seed's customers."""

_GOOD, _BAD = "pm_card_visa", "pm_card_chargeCustomerFail"
_POLL_S = 0.1
_SIGN_UP = "INSERT INTO organizations (id, name, stripe_customer_id) VALUES ($1, $2, $3)"


def change(stripe: Stripe, session: Session) -> str:
    """What customers do in an hour in which nobody listens to Stripe."""
    item = {"items[0][id]": f"si_example{UPGRADES}", "items[0][price]": "price_plan_scale"}
    stripe.post(f"subscriptions/sub_example{UPGRADES}", item)
    stripe.delete(f"subscriptions/sub_example{CANCELS}")
    stripe.post(f"invoices/in_example{PAYS}/pay", {"payment_method": _GOOD})
    org = f"org_{uuid.uuid4().hex[:8]}"
    customer = stripe.post(
        "customers",
        {"metadata[orgId]": org, "invoice_settings[default_payment_method]": _GOOD},
    )["id"]
    session.run(_SIGN_UP, org, "Example Newcomer", customer)
    stripe.post(
        "subscriptions",
        {"customer": customer, "items[0][price]": "price_plan_pro", "metadata[orgId]": org},
    )
    return "done"


def fail(stripe: Stripe, _: Session) -> str:
    """Gives customers a card that will be declined; the renewal is the provider's to make."""
    for number in RENEWED:
        customer = f"cus_example{number}"
        method = stripe.post(f"payment_methods/{_BAD}/attach", {"customer": customer})["id"]
        stripe.post(f"subscriptions/sub_example{number}", {"default_payment_method": method})
    return "done"


def pay(stripe: Stripe, _: Session) -> str:
    """They pay what is open, with another card."""
    for number in RENEWED:
        for invoice in stripe.all("invoices", customer=f"cus_example{number}", status="open"):
            stripe.post(f"invoices/{invoice['id']}/pay", {"payment_method": _GOOD})
    return "done"


def keys(stripe: Stripe, _: Session) -> str:
    """Keys of Redis for the events that are still to be delivered."""
    waiting = stripe.all("events", delivery_success="false")
    return "\n".join(f"stripe:processed:{event['id']}" for event in waiting)


def settled(stripe: Stripe, _: Session) -> str:
    """Waits until every event was delivered.

    Raises:
        Trouble: One is not.
    """
    settle("Stripe", lambda: any(stripe.all("events", delivery_success="false")), _POLL_S)
    return "done"


_DONE = {"change": change, "fail": fail, "pay": pay, "keys": keys, "settled": settled}


def main(argv: Sequence[str] | None = None) -> int:
    """Does one thing; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="smartbeak_drills.subscribers", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--config", required=True, type=Path, help="the platform's configuration")
    parser.add_argument("what", choices=_DONE)
    options = parser.parse_args(argv)
    try:
        with Session(read_address(options.config), timeout_s=30.0) as session:
            said = _DONE[options.what](Stripe(), session)
    except Trouble as error:
        print(f"subscribers: {error.text}", file=sys.stderr)
        return 1
    print(said, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
