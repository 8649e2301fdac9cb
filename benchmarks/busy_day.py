"""Fills a simulated Stripe with a busy day; typed on its host.

usage: python3 busy_day.py SUBSCRIPTIONS EVENTS   prints the day

Each subscription has a customer, a paid invoice, a charge and its share of the events. One
customer was charged twice, and fifty events were given up.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from simulators.folders import Folders
from simulators.payments import books, ledger, seed

GIVEN_UP = 50
DAY_S = 24 * 3600


def main(subscriptions: int, events: int) -> None:
    yesterday = int(time.time()) // DAY_S * DAY_S - DAY_S
    path = books(Folders(Path("/"), "payments"))
    with ledger.opened(path) as known, known.changing():
        price = known.get("price_plan_pro", "price")
        for number in range(subscriptions):
            same = {"created": yesterday + number % DAY_S, "livemode": False, "metadata": {}}
            about = {"customer": f"cus_bench{number}", "currency": "usd", **same}
            subscription = {
                **{"id": f"sub_bench{number}", "object": "subscription", "status": "active"},
                **{"current_period_start": yesterday, "current_period_end": yesterday + 30 * DAY_S},
                "items": {
                    "object": "list",
                    "data": [{"id": f"si_bench{number}", "price": price, "quantity": 1}],
                },
                **about,
            }
            known.add(subscription)
            known.add(
                {
                    **{"id": f"in_bench{number}", "object": "invoice", "status": "paid"},
                    **{"amount_paid": 4900, "subscription": subscription["id"]},
                    **about,
                }
            )
            for copy in range(2 if number == 0 else 1):
                known.add(
                    {
                        **{"id": f"ch_bench{number}_{copy}", "object": "charge", "paid": True},
                        **{"amount": 4900, "amount_refunded": 0, "status": "succeeded", **about},
                    }
                )
            for turn in range(events // subscriptions):
                event = f"evt_bench{number}_{turn}"
                known.add(
                    {
                        **{"id": event, "object": "event", "type": "customer.subscription.updated"},
                        **{"api_version": "2023-10-16", "pending_webhooks": 0, **same},
                        "data": {"object": subscription},
                    }
                )
                known.deliver(event, seed.ENDPOINT, 0.0)
                delivery = known.due(time.time())
                assert delivery, "nothing is held back"
                lost = turn == 0 and number < GIVEN_UP
                known.attempted(delivery, "given up" if lost else "delivered", 0.0, 0)
    print(datetime.fromtimestamp(yesterday, UTC).date().isoformat())


main(*map(int, sys.argv[1:]))
