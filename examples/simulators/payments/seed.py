"""What the providers know at the start: what the platform's first rows say of their customers.

See `examples/postgres/seed.sql`, with which a test holds it together.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from simulators.payments import ledger
from simulators.payments.ledger import Ledger, Thing
from simulators.payments.stripe import radar

_BEGINS = int(datetime(2026, 2, 1, tzinfo=UTC).timestamp())
_ENDS = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
PLANS = {"plan_free": 0, "plan_pro": 4900, "plan_scale": 19900}
"""Cents a month by plan; the price of each is `price_<plan>`."""

SUBSCRIBED = (
    ("plan_scale", "active"),
    ("plan_pro", "active"),
    ("plan_pro", "active"),
    ("plan_pro", "past_due"),
    ("plan_free", "active"),
)
"""Plan and status of the customers `cus_example1` and so on."""

ENDPOINT = "we_platform"
"""The platform's endpoint at Stripe."""

DESTINATION = "ntfset_platform"
"""The same at Paddle."""

_EVENTS = [
    *("checkout.session.completed", "checkout.session.expired", "customer.deleted"),
    *(f"customer.subscription.{what}" for what in ("created", "updated", "deleted")),
    *("invoice.payment_failed", "invoice.payment_succeeded"),
]

_PADDLE_EVENTS = [
    *(f"subscription.{what}" for what in ("created", "updated", "canceled")),
    *("transaction.completed", "transaction.payment_failed"),
]


def stripe(path: Path, secret: Path) -> None:
    """Fills an empty ledger.

    Args:
        path: Of the ledger.
        secret: File with the secret of the platform's endpoint.
    """
    with ledger.opened(path) as books, books.changing():
        if books.get(ENDPOINT):
            return
        for plan, amount in PLANS.items():
            _add(books, "product", plan.replace("plan", "prod"), name=plan, active=True)
            _add(
                books, "price", f"price_{plan}", active=True, billing_scheme="per_unit",
                currency="usd", product=plan.replace("plan", "prod"), unit_amount=amount,
                recurring={"interval": "month", "interval_count": 1, "usage_type": "licensed"},
                type="recurring", nickname=None, lookup_key=None, metadata={"planId": plan},
            )  # fmt: skip
        for number, (plan, status) in enumerate(SUBSCRIBED, start=1):
            _customer(books, number, plan, status)
        _add(
            books, "webhook_endpoint", ENDPOINT, url="http://web:3000/api/webhooks/stripe",
            enabled_events=_EVENTS, status="enabled", api_version=None, application=None,
            description="the platform",
        )  # fmt: skip
        _add(
            books, "radar.value_list", f"rsl_{radar.COUNTRIES}", alias=radar.COUNTRIES,
            created_by="Stripe", item_type="country", name="Card countries that are blocked",
        )  # fmt: skip
        books.roll_secret(ENDPOINT, secret.read_text().strip(), 0)


def paddle(path: Path, secret: Path) -> None:
    """Fills an empty ledger of Paddle: what it sells, and where it tells of it; see `stripe`."""
    with ledger.opened(path) as books, books.changing():
        if books.get(DESTINATION):
            return
        moments = {"created_at": _BEGINS, "updated_at": _BEGINS}
        for plan, amount in PLANS.items():
            key = plan.replace("plan", "pro")
            product: Thing = {
                **{"id": key, "name": plan, "status": "active", "tax_category": "saas"},
                **{"description": None, "image_url": None, "custom_data": None},
                **{"import_meta": None, "type": "standard", **moments},
            }
            _add(
                books, "price", f"pri_{plan}", product_id=key, name=plan, description=plan,
                type="standard", billing_cycle={"interval": "month", "frequency": 1},
                trial_period=None, tax_mode="account_setting", status="active",
                unit_price={"amount": str(amount), "currency_code": "USD"},
                unit_price_overrides=[], quantity={"minimum": 1, "maximum": 100},
                custom_data={"planId": plan}, import_meta=None, _product=product, **moments,
            )  # fmt: skip
        _add(
            books, "notification_setting", DESTINATION, active=True, type="url", api_version=1,
            destination="http://web:3000/api/webhooks/paddle", description="the platform",
            include_sensitive_fields=False, traffic_source="platform", _events=_PADDLE_EVENTS,
        )  # fmt: skip
        books.roll_secret(DESTINATION, secret.read_text().strip(), 0)


def _customer(books: Ledger, number: int, plan: str, status: str) -> None:
    customer, method = f"cus_example{number}", f"pm_example{number}"
    subscription, amount = f"sub_example{number}", PLANS[plan]
    paid = status == "active"
    _add(
        books, "customer", customer, name=f"Example Organization {number}", phone=None, balance=0,
        email=f"user{4 * number - 3}@example.com", currency="usd", description=None,
        delinquent=not paid, default_source=None, metadata={"orgId": f"org_{number}"},
        invoice_settings={"default_payment_method": method, "footer": None},
    )  # fmt: skip
    _add(
        books, "payment_method", method, type="card", customer=customer,
        _behaves="visa" if paid else "chargeCustomerFail", billing_details={},
        card={"brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2034,
              "funding": "credit", "last4": "4242" if paid else "0341"},
    )  # fmt: skip
    price = books.get(f"price_{plan}", "price")
    item: Thing = {
        **{"id": f"si_example{number}", "object": "subscription_item", "created": _BEGINS},
        **{"metadata": {}, "price": price, "quantity": 1, "subscription": subscription},
    }
    _add(
        books, "subscription", subscription, billing_cycle_anchor=_BEGINS, cancel_at=None,
        cancel_at_period_end=False, canceled_at=None, collection_method="charge_automatically",
        currency="usd", current_period_start=_BEGINS, current_period_end=_ENDS, customer=customer,
        default_payment_method=method, description=None, ended_at=None, pause_collection=None,
        items={"object": "list", "data": [item], "has_more": False, "total_count": 1,
               "url": "/v1/subscription_items"},
        latest_invoice=f"in_example{number}", start_date=_BEGINS, status=status, trial_end=None,
        trial_start=None, _owed=0, metadata={"orgId": f"org_{number}", "planId": plan},
    )  # fmt: skip
    intent, charge = f"pi_example{number}", f"ch_example{number}"
    charged = paid and amount > 0
    if charged:
        _payment(books, number, customer, method, amount)
    _add(
        books, "invoice", f"in_example{number}", customer=customer, subscription=subscription,
        amount_due=amount, amount_paid=amount if paid else 0, paid=paid, currency="usd",
        amount_remaining=0 if paid else amount, attempt_count=1, attempted=True, total=amount,
        subtotal=amount, billing_reason="subscription_cycle", charge=charge if charged else None,
        payment_intent=intent if charged else None, period_start=_BEGINS, period_end=_ENDS,
        collection_method="charge_automatically", number=f"EXAMPLE{number}-0001",
        hosted_invoice_url=f"https://invoice.stripe.com/i/in_example{number}",
        invoice_pdf=f"https://pay.stripe.com/invoice/in_example{number}/pdf",
        lines={"object": "list", "data": [], "has_more": False,
               "url": f"/v1/invoices/in_example{number}/lines"},
        status="paid" if paid else "open",
        status_transitions={"finalized_at": _BEGINS, "paid_at": _BEGINS if paid else None},
    )  # fmt: skip


def _payment(books: Ledger, number: int, customer: str, method: str, amount: int) -> None:
    intent, charge = f"pi_example{number}", f"ch_example{number}"
    same = {"amount": amount, "currency": "usd", "customer": customer, "description": None}
    _add(
        books, "payment_intent", intent, **same, invoice=f"in_example{number}", status="succeeded",
        amount_received=amount, latest_charge=charge, payment_method=method, next_action=None,
        last_payment_error=None, payment_method_types=["card"], capture_method="automatic",
        canceled_at=None, cancellation_reason=None, client_secret=None,
    )  # fmt: skip
    _add(
        books, "charge", charge, **same, invoice=f"in_example{number}", status="succeeded",
        amount_captured=amount, amount_refunded=0, captured=True, paid=True, refunded=False,
        disputed=False, failure_code=None, failure_message=None, payment_intent=intent,
        payment_method=method, outcome={"network_status": "approved_by_network", "reason": None,
                                        "type": "authorized"},
    )  # fmt: skip


def _add(books: Ledger, kind: str, key: str, **fields: object) -> None:
    same = {"id": key, "object": kind, "created": _BEGINS, "livemode": False, "metadata": {}}
    books.add({**same, **fields})
