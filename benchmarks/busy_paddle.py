"""Fills a simulated Paddle with a busy day; typed on its host.

usage: python3 busy_paddle.py SUBSCRIPTIONS EVENTS   prints the day

Each subscription is an organization's, with a completed transaction and its share of the events.
One organization paid twice for one period.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from simulators.folders import Folders
from simulators.payments import books, ledger

DAY_S = 24 * 3600


def main(subscriptions: int, events: int) -> None:
    yesterday = int(time.time()) // DAY_S * DAY_S - DAY_S
    with ledger.opened(books(Folders(Path("/"), "payments"))) as known, known.changing():
        price = known.get("pri_plan_pro", "price")
        assert price, "it is for sale"
        cycle = {"interval": "month", "frequency": 1}
        period = {"starts_at": yesterday, "ends_at": yesterday + 30 * DAY_S}
        totals = {"subtotal": "4900", "discount": "0", "tax": "0", "total": "4900"}
        grand = {
            **totals,
            **{"credit": "0", "balance": "0", "grand_total": "4900", "fee": None},
            **{"earnings": None, "currency_code": "USD", "credit_to_balance": "0"},
            "grand_total_tax": "0",
        }
        for number in range(subscriptions):
            at = yesterday + number % DAY_S
            same = {
                **{"created": at, "created_at": at, "updated_at": at, "address_id": "add_bench"},
                **{"customer_id": f"ctm_bench{number}", "currency_code": "USD"},
                **{"custom_data": {"org_id": f"org_bench{number}"}, "business_id": None},
                "collection_mode": "automatic",
            }
            subscription = {
                **{"id": f"sub_bench{number}", "object": "subscription", "status": "active"},
                **dict.fromkeys(("paused_at", "canceled_at", "discount", "import_meta")),
                **dict.fromkeys(("billing_details", "scheduled_change", "management_urls")),
                **{"started_at": at, "first_billed_at": at, "next_billed_at": period["ends_at"]},
                **{"billing_cycle": cycle, "current_billing_period": period},
                "items": [
                    {
                        **{"status": "active", "quantity": 1, "recurring": True},
                        **{"created_at": at, "updated_at": at, "previously_billed_at": at},
                        **{"next_billed_at": period["ends_at"], "trial_dates": None},
                        **{"price": price, "product": price["_product"]},
                    }
                ],
                **same,
            }
            known.add(subscription)
            for copy in range(2 if number == 0 else 1):
                known.add(
                    {
                        **{"id": f"txn_bench{number}_{copy}", "object": "transaction"},
                        **{"status": "completed", "origin": "subscription_recurring"},
                        **dict.fromkeys(("discount_id", "invoice_id", "invoice_number")),
                        **{"billing_details": None, "billing_period": period, "billed_at": at},
                        **{"subscription_id": f"sub_bench{number}", "payments": [], "items": []},
                        "checkout": {"url": None},
                        "details": {
                            **{"totals": grand, "tax_rates_used": [], "line_items": []},
                            **dict.fromkeys(("adjusted_totals", "payout_totals")),
                            "adjusted_payout_totals": None,
                        },
                        **same,
                    }
                )
            for turn in range(events // subscriptions):
                known.add(
                    {
                        **{"id": f"evt_bench{number}_{turn}", "object": "event", "created": at},
                        **{"event_type": "subscription.updated", "occurred_at": at},
                        # Short: nothing reads it, and the ledger's disk is small.
                        "data": {"id": subscription["id"], "status": "active"},
                    }
                )
    print(datetime.fromtimestamp(yesterday, UTC).date().isoformat())


main(*map(int, sys.argv[1:]))
