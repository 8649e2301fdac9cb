"""Buying at the platform: plans, invoices, checkout and portal, with the simulated Stripe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drillbook.drills.hosts import set_link
from drillbook.sandboxes.local import LocalBackend
from tests.stack.box import Box, Call, eventually

WEB = "http://web:3000"
OWNER_4, ADMIN_4, VIEWER_4 = 13, 14, 16
"""Users of org_4, whose subscription is past due and whose card is declined."""

CHECKOUT, PORTAL = "/api/stripe/create-checkout-session", "/api/stripe/portal"


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["db-1", "redis-1", "api", "web", "stripe-wan"])
    yield box
    box.close()


def made(box: Box, org: str) -> list[str]:
    """Status and plan of the organization's subscriptions that Stripe made."""
    return box.sql(
        f"SELECT status, plan_id FROM subscriptions WHERE org_id = '{org}' "
        "AND stripe_subscription_id NOT LIKE 'sub\\_example%' ORDER BY 1, 2"
    )


def test_a_plan_is_bought_once_however_often_it_is_asked_for(box: Box) -> None:
    box.sql("UPDATE subscriptions SET status = 'cancelled' WHERE org_id = 'org_2'")
    wanted = Call("POST", "/v1/billing/subscribe", box.token(5), {"planId": "plan_scale"})
    answers = box.calls(wanted, wanted, wanted)
    assert {answer.status for answer in answers} <= {200, 409}
    assert 200 in {answer.status for answer in answers}
    assert made(box, "org_2") == ["active|plan_scale"]
    # Stripe's own events say the same; nothing is made twice by them.
    eventually(lambda: len(box.sql("SELECT 1 FROM subscriptions WHERE org_id = 'org_2'")), 2)
    assert box.calls(wanted)[0].status == 409


def test_what_cannot_be_bought_is_refused(box: Box) -> None:
    declined, unknown, viewer = box.calls(
        Call("POST", "/v1/billing/subscribe", box.token(OWNER_4), {"planId": "plan_pro"}),
        Call("POST", "/v1/billing/subscribe", box.token(OWNER_4), {"planId": "plan_none"}),
        Call("POST", "/v1/billing/subscribe", box.token(VIEWER_4), {"planId": "plan_pro"}),
    )
    assert (declined.status, declined.code) == (402, "PAYMENT_ERROR")
    assert unknown.status == 400 and viewer.status == 403
    assert made(box, "org_4") == []


def test_invoices_are_stripes_and_only_the_organizations_own(box: Box) -> None:
    listed, exported, pdf = box.calls(
        Call("GET", "/v1/billing/invoices", box.token(1)),
        Call("GET", "/v1/billing/invoices/export", box.token(1)),
        Call("GET", "/v1/billing/invoices/export?format=pdf", box.token(1)),
    )
    (invoice,) = listed.body["invoices"]
    assert (invoice["id"], invoice["amountPaid"], invoice["currency"]) == (
        "in_example1",
        19900,
        "usd",
    )
    assert invoice["createdAt"] == "2026-02-01T00:00:00.000Z"
    assert exported.headers["content-type"].startswith("text/csv")
    head, row = exported.text.splitlines()
    assert head.startswith('"Invoice Number","Date","Amount"')
    assert row.startswith('"EXAMPLE1-0001","2026-02-01T00:00:00+00:00","199.00","usd","paid"')
    assert pdf.status == 400


def test_a_checkout_names_who_buys_so_that_its_webhook_is_applied(box: Box) -> None:
    (answer,) = box.calls(
        Call("POST", CHECKOUT, box.token(9), {"priceId": "price_plan_scale"}), base=WEB
    )
    assert answer.status == 200, answer.text
    assert answer.body["url"].startswith("https://checkout.stripe.com/")
    box.shell(
        "ops", f"curl --fail --silent --data payment_method=pm_card_visa {answer.body['url']}"
    )
    eventually(lambda: made(box, "org_3"), ["active|plan_scale"])


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (CHECKOUT, {"priceId": "plan_pro"}, 400),
        (CHECKOUT, {"priceId": "price_none"}, 400),
        (CHECKOUT, {"priceId": "price_plan_pro", "successUrl": "https://evil.example"}, 400),
        (
            CHECKOUT,
            {"priceId": "price_plan_pro", "cancelUrl": "https://app.smartbeak.com.evil.example"},
            400,
        ),
        (PORTAL, {"customerId": "cus_example1"}, 404),
        (PORTAL, {"returnUrl": "https://evil.example/"}, 400),
    ],
)
def test_nobody_is_led_astray(box: Box, path: str, body: dict[str, str], status: int) -> None:
    (answer,) = box.calls(Call("POST", path, box.token(ADMIN_4), body), base=WEB)
    assert answer.status == status, answer.text


def test_the_portal_is_the_organizations_own(box: Box) -> None:
    (answer,) = box.calls(Call("POST", PORTAL, box.token(ADMIN_4), {}), base=WEB)
    assert answer.status == 303
    assert answer.headers["location"].startswith("https://billing.stripe.com/")


def test_with_stripe_away_nothing_is_bought_and_the_rest_goes_on(box: Box) -> None:
    set_link(box.sandbox, "stripe-wan", "cut")
    try:
        bought, listed, plan = box.calls(
            Call("POST", "/v1/billing/subscribe", box.token(OWNER_4), {"planId": "plan_pro"}),
            Call("GET", "/v1/billing/invoices", box.token(OWNER_4)),
            Call("GET", "/v1/billing/plan", box.token(1)),
        )
    finally:
        set_link(box.sandbox, "stripe-wan", "open")
    assert (bought.status, bought.code) == (503, "SERVICE_UNAVAILABLE")
    assert (listed.status, plan.status) == (503, 200)
    assert not any("sk_test" in str(line) for line in box.log("api"))
