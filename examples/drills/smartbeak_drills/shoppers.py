"""Customers who buy, and a client that sends some orders twice.

    python3 -m smartbeak_drills.shoppers --config FILE double COUNT
    python3 -m smartbeak_drills.shoppers --config FILE decline CARD
    python3 -m smartbeak_drills.shoppers --config FILE archive PLAN
    python3 -m smartbeak_drills.shoppers --config FILE block COUNTRY
    python3 -m smartbeak_drills.shoppers --config FILE astray
    python3 -m smartbeak_drills.shoppers --config FILE hammer

`decline` has customers pay with such a card; `archive` takes a plan's price off sale, as
somebody does in Stripe's dashboard, `block` puts a country on Radar's list of those whose cards
are refused, `astray` gives the webhooks another path. `hammer` is a script that asks Stripe
without a pause, until it is ended. `double` does as a release that has no idempotency keys: an
answer that comes late is asked for again. Among the customers that it charges twice are others
who look like it: those who pay the same, one who cancelled and bought again, one who was charged
twice and has the money back. Prints `done` when it is, `double` when the platform knows all of it.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from drillbook.inside.trouble import Trouble
from smartbeak_drills.session import Session
from smartbeak_drills.settings import read_address
from smartbeak_drills.users import purchases
from smartbeak_drills.users.calls import CallError
from smartbeak_drills.users.purchases import Purchase
from smartbeak_drills.users.stripe import Stripe

CENTS = {"plan_pro": 4900, "plan_scale": 19900}
"""What the plans cost a month."""

_ORDINARY = 6
_HANDS = 24
_REST_S = 0.05
_PATIENCE_S = 120.0
_POLL_S = 0.1
_SIGN_UP = """
INSERT INTO organizations (id, name, stripe_customer_id) VALUES ($1, $2, $3) RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """Where they buy."""

    stripe: Stripe
    session: Session

    def sign_up(self) -> tuple[str, str]:
        """A new customer and organization, known to both sides."""
        org = f"org_{uuid.uuid4().hex[:8]}"
        customer = self.stripe.post(
            "customers",
            {
                **{"email": f"{org}@example.com", "metadata[orgId]": org},
                "invoice_settings[default_payment_method]": "pm_card_visa",
            },
        )["id"]
        self.session.run(_SIGN_UP, org, f"Example {org}", customer)
        return customer, org

    def subscribe(self, customer: str, org: str, plan: str) -> str:
        """A subscription that is paid; its id."""
        made = self.stripe.post(
            "subscriptions",
            {
                **{"customer": customer, "items[0][price]": f"price_{plan}"},
                **{"metadata[orgId]": org, "metadata[planId]": plan},
            },
        )
        return str(made["id"])


def double(shop: Shop, count: int) -> list[Purchase]:
    """Customers of whom so many are charged twice for one subscription."""
    bought = []
    for number in range(_ORDINARY + count):
        customer, org = shop.sign_up()
        shop.subscribe(customer, org, "plan_pro")
        if number >= _ORDINARY:
            shop.subscribe(customer, org, "plan_pro")
        bought.append(Purchase(customer, org, "plan_pro", CENTS["plan_pro"]))
    customer, org = shop.sign_up()
    shop.stripe.delete(f"subscriptions/{shop.subscribe(customer, org, 'plan_pro')}")
    shop.subscribe(customer, org, "plan_pro")
    bought.append(Purchase(customer, org, "plan_pro", 2 * CENTS["plan_pro"]))
    customer, org = shop.sign_up()
    extra = shop.subscribe(customer, org, "plan_pro")
    shop.subscribe(customer, org, "plan_pro")
    charge = next(each for each in shop.stripe.all("invoices", subscription=extra))["charge"]
    shop.stripe.post("refunds", {"charge": charge, "reason": "duplicate"})
    shop.stripe.delete(f"subscriptions/{extra}")
    bought.append(Purchase(customer, org, "plan_pro", CENTS["plan_pro"]))
    return bought


def main(argv: Sequence[str] | None = None) -> int:
    """Has them buy; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="smartbeak_drills.shoppers", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--config", required=True, type=Path, help="the platform's configuration")
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("double").add_argument("count", type=int, help="customers charged twice")
    what.add_parser("decline").add_argument("card", help="behind pm_card_")
    what.add_parser("archive").add_argument("plan")
    what.add_parser("block").add_argument("country")
    what.add_parser("astray")
    what.add_parser("hammer")
    options = parser.parse_args(argv)
    try:
        if options.what == "archive":
            Stripe().post(f"prices/price_{options.plan}", {"active": "false"})
            print("done", flush=True)
            return 0
        if options.what == "block":
            fields = {"value_list": "rsl_card_country_blocklist", "value": options.country}
            Stripe().post("radar/value_list_items", fields)
            print("done", flush=True)
            return 0
        if options.what == "astray":
            _astray(Stripe())
            print("done", flush=True)
            return 0
        if options.what == "decline":
            _decline(options.card)
            print("done", flush=True)
            return 0
        if options.what == "hammer":
            _hammer()
        with Session(read_address(options.config), timeout_s=30.0) as session:
            shop = Shop(Stripe(), session)
            bought = double(shop, options.count)
            purchases.note(bought)
            _await_platform(shop, bought, options.count)
    except Trouble as error:
        print(f"shoppers: {error.text}", file=sys.stderr)
        return 1
    print("done", flush=True)
    return 0


def _astray(stripe: Stripe) -> None:
    """Somebody types the webhooks' address anew, with a slip."""
    endpoint = next(stripe.all("webhook_endpoints"))
    slip = endpoint["url"].replace("webhooks", "webhook")
    stripe.post(f"webhook_endpoints/{endpoint['id']}", {"url": slip})


def _decline(card: str) -> None:
    """Customers whose cards are all declined in the same way."""
    stripe = Stripe()
    for _ in range(_ORDINARY):
        fields = {"amount": "4900", "currency": "usd", "payment_method": f"pm_card_{card}"}
        with contextlib.suppress(CallError):
            stripe.post("payment_intents", {**fields, "confirm": "true"})


def _hammer() -> None:
    """Asks Stripe for charges, again and again; what it is answered is nothing to it."""
    with ThreadPoolExecutor(_HANDS) as pool:
        for _ in range(_HANDS):
            pool.submit(_ask_on)
        print("done", flush=True)


def _ask_on() -> None:
    stripe = Stripe()
    while True:
        with contextlib.suppress(Trouble):
            next(stripe.all("charges", limit="1"), None)
        # More connections than everybody else together, and still a machine for them to run on.
        time.sleep(_REST_S)


def _await_platform(shop: Shop, bought: Sequence[Purchase], count: int) -> None:
    """Waits until nothing differs but what was charged twice.

    Raises:
        Trouble: It goes on differing.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        left = purchases.differences(bought, shop.stripe, shop.session)
        rows = shop.session.run(
            "SELECT count(*) FROM subscriptions WHERE org_id = ANY (string_to_array($1, ','))",
            ",".join(each.org for each in bought),
        )
        # Two for each that is doubled, and for the two that look like it.
        if len(left) == count and int(str(rows[0][0])) == len(bought) + count + 2:
            return
        if time.monotonic() > deadline:
            raise Trouble(purchases.summed(left) or "the platform does not have all of it")
        time.sleep(_POLL_S)


if __name__ == "__main__":
    sys.exit(main())
