"""The simulated Stripe, asked by Stripe's own library."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from simulators.payments import control, delivery, ledger, seed
from simulators.payments.stripe import cards
from tests.conftest import ROOT
from tests.stack.simulated import (
    API_KEY,
    SIGNING_SECRET,
    Endpoint,
    Running,
    Start,
    await_that,
)

CARD = "pm_card_visa"
WORDS: Any = "a thousand"


@pytest.fixture
def provider(start: Start, monkeypatch: pytest.MonkeyPatch) -> Running:
    running = start("stripe", "--insecure", environment={"TIME_SCALE": "3600"})
    monkeypatch.setattr(stripe, "api_key", f"sk_test_{API_KEY}")
    monkeypatch.setattr(stripe, "api_base", f"http://127.0.0.1:{running.port}")
    monkeypatch.setattr(stripe, "api_version", "2023-10-16")
    monkeypatch.setattr(stripe, "max_network_retries", 0)
    return running


@pytest.fixture
def customer(provider: Running) -> Any:
    settings: Any = {"default_payment_method": CARD}
    return stripe.Customer.create(email="a@example.com", invoice_settings=settings)


def refused(call: Callable[[], object]) -> tuple[str, str | None, int | None]:
    """Class, code and status of the error that a call ends with."""
    with pytest.raises(stripe.StripeError) as caught:
        call()
    return type(caught.value).__name__, caught.value.code, caught.value.http_status


def paid(amount: int = 1000, card: str = CARD, **more: Any) -> Any:
    return stripe.PaymentIntent.create(
        amount=amount, currency="usd", payment_method=card, confirm=True, **more
    )


def kinds() -> Sequence[str]:
    """Types of all events, oldest first."""
    return [event.type for event in stripe.Event.list(limit=100).auto_paging_iter()][::-1]


def test_its_customers_are_those_of_the_platforms_first_rows(provider: Running) -> None:
    rows = (ROOT / "examples/postgres/seed.sql").read_text()
    plans = ", ".join(f"'{plan}'" for plan, _ in seed.SUBSCRIBED)
    assert f"(ARRAY[{plans}])[n]" in rows
    assert "CASE n WHEN 4 THEN 'past_due' ELSE 'active' END" in rows
    for plan, amount in seed.PLANS.items():
        assert stripe.Price.retrieve(f"price_{plan}").unit_amount == amount
        assert f"('{plan}', " in rows and f", {amount}, '[" in rows
    found = {each.id: each for each in stripe.Subscription.list(status="all").auto_paging_iter()}
    assert sorted(found) == [f"sub_example{n}" for n in range(1, 6)]
    for number, (plan, status) in enumerate(seed.SUBSCRIBED, start=1):
        one: Any = found[f"sub_example{number}"]
        assert (one.status, one.customer) == (status, f"cus_example{number}")
        assert one["items"].data[0].price.id == f"price_{plan}"
        invoice: Any = stripe.Invoice.retrieve(one.latest_invoice)
        assert invoice.paid == (status == "active")


def test_a_subscription_goes_from_its_first_payment_to_its_end(customer: Any) -> None:
    prices: Any = [{"price": "price_plan_pro"}]
    made = stripe.Subscription.create(
        customer=customer.id, items=prices, expand=["latest_invoice.payment_intent"]
    )
    invoice: Any = made.latest_invoice
    assert (made.status, invoice.amount_paid) == ("active", 4900)
    assert invoice.payment_intent.status == "succeeded"
    dearer: Any = [{"id": made["items"].data[0].id, "price": "price_plan_scale"}]
    changed = stripe.Subscription.modify(made.id, items=dearer, proration_behavior="always_invoice")
    latest: Any = changed.latest_invoice
    assert stripe.Invoice.retrieve(latest).amount_paid == 15000
    assert stripe.Subscription.cancel(made.id).status == "canceled"
    assert refused(lambda: stripe.Subscription.cancel(made.id)) == (
        "InvalidRequestError", "resource_missing", 404,
    )  # fmt: skip
    back: Any = {"cancel_at_period_end": False}
    assert refused(lambda: stripe.Subscription.modify(made.id, **back))[2] == 400
    happened = kinds()
    assert [each for each in happened if each.startswith("customer.subscription")] == [
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
    ]
    assert happened.count("invoice.payment_succeeded") == 2


def test_a_first_payment_that_is_declined_leaves_it_incomplete(customer: Any) -> None:
    prices: Any = [{"price": "price_plan_pro"}]
    card = "pm_card_chargeDeclinedInsufficientFunds"
    made = stripe.Subscription.create(
        customer=customer.id, items=prices, default_payment_method=card
    )
    assert made.status == "incomplete"
    before = len(stripe.Subscription.list(customer=customer.id).data)
    refusal = refused(
        lambda: stripe.Subscription.create(
            customer=customer.id, items=prices, default_payment_method=card,
            payment_behavior="error_if_incomplete",
        )
    )  # fmt: skip
    assert refusal == ("CardError", "card_declined", 402)
    assert len(stripe.Subscription.list(customer=customer.id).data) == before
    latest: Any = made.latest_invoice
    assert stripe.Invoice.pay(latest, payment_method=CARD).status == "paid"
    assert stripe.Subscription.retrieve(made.id).status == "active"


@pytest.mark.parametrize("card", [name for name, card in cards.CARDS.items() if card.code])
def test_a_declined_card_is_told_by_its_code_and_can_be_found(provider: Running, card: str) -> None:
    wanted = cards.CARDS[card]
    with pytest.raises(stripe.CardError) as caught:
        paid(card=f"pm_card_{card}")
    error: Any = caught.value.error
    assert (caught.value.code, error.decline_code) == (wanted.code, wanted.decline)
    assert error.payment_intent.status == "requires_payment_method"
    charge = stripe.Charge.list().data[0]
    outcome: Any = charge.outcome
    assert (charge.status, outcome.type == "blocked") == ("failed", bool(wanted.blocked))
    assert kinds()[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_a_charge_is_refunded_once_for_one_key_and_never_beyond_its_amount(
    provider: Running,
) -> None:
    intent = paid()

    def refund(key: str, amount: int = 600) -> Any:
        return stripe.Refund.create(payment_intent=intent.id, amount=amount, idempotency_key=key)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(refund, ["one"] * 8))
    assert len({each.id for each in made}) == 1
    assert [each.last_response.headers.get("idempotent-replayed") for each in made].count(
        "true"
    ) == 7
    assert len(stripe.Refund.list(payment_intent=intent.id).data) == 1
    with pytest.raises(stripe.IdempotencyError, match="only be used with the same parameters"):
        refund("one", 500)
    assert refused(lambda: refund("two"))[0] == "InvalidRequestError"
    refund("three", 400)
    assert refused(lambda: refund("four", 1))[1] == "charge_already_refunded"
    charge: Any = intent.latest_charge
    assert (stripe.Charge.retrieve(charge).amount_refunded, kinds().count("charge.refunded")) == (
        1000,
        2,
    )


def test_a_key_answers_again_after_an_error_that_charged(provider: Running) -> None:
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            paid(card="pm_card_chargeDeclined", idempotency_key="once")
    assert len(stripe.Charge.list().data) == 3 + 1  # three of the seed
    # What was refused before anything was done is not kept.
    assert refused(lambda: paid(10, idempotency_key="small"))[1] == "amount_too_small"
    assert paid(1000, idempotency_key="small").status == "succeeded"


def test_a_disputed_charge_cannot_be_refunded(provider: Running) -> None:
    intent = paid(card="pm_card_createDispute")
    dispute = stripe.Dispute.list(payment_intent=intent.id).data[0]
    assert (dispute.status, kinds()[-2:]) == (
        "needs_response", ["charge.dispute.created", "charge.dispute.funds_withdrawn"],
    )  # fmt: skip
    assert refused(lambda: stripe.Refund.create(payment_intent=intent.id))[1] == "charge_disputed"
    assert refused(lambda: stripe.Dispute.modify(dispute.id, submit=True))[2] == 400
    assert stripe.Dispute.close(dispute.id).status == "lost"
    assert refused(lambda: stripe.Dispute.close(dispute.id))[2] == 400
    assert kinds()[-1] == "charge.dispute.closed"


def test_a_dispute_is_answered_once_and_the_bank_decides(provider: Running) -> None:
    def answer(text: str = "They used it all month.", **more: Any) -> Any:
        evidence: Any = {"uncategorized_text": text}
        return stripe.Dispute.modify(dispute.id, evidence=evidence, **more)

    charge = stripe.Charge.list(customer="cus_example2").data[0]
    manage(provider, "dispute", charge.id)
    assert control.main(["--root", str(provider.root), "dispute", charge.id]) == 1
    dispute: Any = stripe.Dispute.list(charge=charge.id).data[0]
    assert dispute.amount == charge.amount
    assert 0 <= dispute.created + 7 * 86400 - dispute.evidence_details.due_by < 2
    assert refused(lambda: answer(24 * "x" * 1000))[2] == 400
    wrong: Any = {"card_number": "x"}
    said = refused(lambda: stripe.Dispute.modify(dispute.id, evidence=wrong))
    assert said[1] == "parameter_unknown"
    staged = answer(submit=False)
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    # Without a word about it evidence goes to the bank.
    sent = answer("Also in May.")
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    assert refused(answer)[2] == 400
    assert refused(lambda: stripe.Dispute.close(dispute.id))[2] == 400
    assert stripe.Dispute.modify(dispute.id, metadata={"seen": "yes"}).status == "under_review"
    manage(provider, "won", dispute.id)
    assert stripe.Dispute.retrieve(dispute.id).status == "won"
    assert kinds()[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]
    assert stripe.Refund.create(charge=charge.id).status == "succeeded"


def test_what_ends_by_itself_has_ended_once_its_time_has_passed(
    customer: Any, provider: Running
) -> None:
    prices: Any = [{"price": "price_plan_pro"}]

    def subscribe(**more: Any) -> Any:
        return stripe.Subscription.create(customer=customer.id, items=prices, **more)

    def now(one: Any) -> str:
        return str(stripe.Subscription.retrieve(one.id).status)

    tried = subscribe(trial_period_days=7)
    waits = subscribe(payment_behavior="default_incomplete")
    lines: Any = [{"price": "price_plan_pro", "quantity": 1}]
    session = stripe.checkout.Session.create(
        mode="subscription", line_items=lines, success_url="https://app.smartbeak.com/billing"
    )
    charge = stripe.Charge.list(customer="cus_example2").data[0]
    manage(provider, "dispute", charge.id)
    manage(provider, "pass", "22h")
    assert (now(tried), now(waits)) == ("trialing", "incomplete")
    manage(provider, "pass", "2h")
    assert (now(tried), now(waits)) == ("trialing", "incomplete_expired")
    # Nobody has read the session: it is told all the same.
    assert "checkout.session.expired" in kinds()
    assert stripe.checkout.Session.retrieve(session.id).status == "expired"
    manage(provider, "pass", "7d")
    assert now(tried) == "active"
    assert stripe.Dispute.list(charge=charge.id).data[0].status == "lost"
    paid_for = [each.billing_reason for each in stripe.Invoice.list(subscription=tried.id).data]
    assert paid_for == ["subscription_cycle"]
    age = time.time() - stripe.Invoice.list(subscription=tried.id).data[0].created
    assert 0.9 * 86400 < age < 1.1 * 86400
    seed_subscription: Any = stripe.Subscription.retrieve("sub_example1")
    assert seed_subscription.latest_invoice == "in_example1"


def test_a_renewal_that_is_declined_is_tried_again_until_it_is_given_up(
    customer: Any, provider: Running
) -> None:
    prices: Any = [{"price": "price_plan_pro"}]
    made = stripe.Subscription.create(customer=customer.id, items=prices)
    other = stripe.Subscription.create(customer=customer.id, items=prices)
    for each in (made, other):
        bad = "pm_card_chargeCustomerFail"
        stripe.Subscription.modify(each.id, default_payment_method=bad)

    def attempts(one: Any) -> tuple[str, int]:
        invoice: Any = stripe.Invoice.list(subscription=one.id).data[0]
        return str(stripe.Subscription.retrieve(one.id).status), invoice.attempt_count

    manage(provider, "pass", "32d")
    assert attempts(made) == ("past_due", 1)
    manage(provider, "pass", "3d")
    assert attempts(made) == ("past_due", 2)
    stripe.Subscription.modify(other.id, default_payment_method=CARD)
    manage(provider, "pass", "5d")
    assert (attempts(made), attempts(other)) == (("past_due", 3), ("active", 3))
    manage(provider, "pass", "7d")
    assert attempts(made) == ("canceled", 4)


def test_lists_are_paged_and_searches_find_by_status_and_metadata(provider: Running) -> None:
    made = [paid(metadata={"order": str(n)}).id for n in range(7)]
    paged = [one.id for one in stripe.PaymentIntent.list(limit=2).auto_paging_iter()]
    assert paged[:7] == made[::-1]
    first = stripe.PaymentIntent.list(limit=2, starting_after=made[5])
    assert ([one.id for one in first.data], first.has_more) == (made[3:5][::-1], True)
    back = stripe.PaymentIntent.list(limit=2, ending_before=made[3])
    assert [one.id for one in back.data] == made[4:6][::-1]
    query = "status:'succeeded' AND metadata['order']:'3'"
    assert [one.id for one in stripe.PaymentIntent.search(query=query).data] == [made[3]]
    query = "status:'succeeded' AND amount:1000"
    found = stripe.PaymentIntent.search(query=query, limit=3).auto_paging_iter()
    assert {one.id for one in found} == set(made)
    assert refused(lambda: stripe.PaymentIntent.search(query="status of all"))[2] == 400


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: stripe.Customer.create(colour="red"), "parameter_unknown"),  # type: ignore[call-arg]
        (lambda: stripe.PaymentIntent.list(status="succeeded"), "parameter_unknown"),  # type: ignore[call-arg]
        (lambda: stripe.PaymentIntent.create(currency="usd"), "parameter_missing"),  # type: ignore[call-arg]
        (lambda: paid(WORDS), "parameter_invalid_integer"),
        (lambda: stripe.Customer.retrieve("cus_nobody"), "resource_missing"),
        (lambda: stripe.Event.list(limit=101), "parameter_invalid_integer"),
        (lambda: stripe.Event.list(starting_after="evt_none"), "resource_missing"),
    ],
)
def test_what_stripe_refuses_is_refused(
    provider: Running, call: Callable[[], object], code: str
) -> None:
    error, said, _ = refused(call)
    assert (error, said) == ("InvalidRequestError", code)
    assert not (provider.state / "unknown.jsonl").exists()


def test_a_card_number_is_refused_and_not_kept(provider: Running) -> None:
    number = "4242" * 4
    card: Any = {"number": number, "exp_month": 1, "exp_year": 2035, "cvc": "123"}
    with pytest.raises(stripe.StripeError, match="generally unsafe"):
        stripe.PaymentMethod.create(type="card", card=card)
    for path in (provider.log, *provider.state.iterdir()):
        assert number.encode() not in path.read_bytes(), path


def test_another_key_version_or_route_is_refused(
    provider: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask() -> object:
        return stripe.Customer.list()

    monkeypatch.setattr(stripe, "api_key", "sk_test_another")
    assert refused(ask)[0] == "AuthenticationError"
    monkeypatch.setattr(stripe, "api_key", f"sk_test_{API_KEY}")
    monkeypatch.setattr(stripe, "api_version", "yesterday")
    assert refused(ask) == ("InvalidRequestError", None, 400)
    # Objects of a later version look otherwise: that fails the run.
    monkeypatch.setattr(stripe, "api_version", "2025-03-31.basil")
    assert refused(ask)[2] == 501
    monkeypatch.setattr(stripe, "api_version", "2023-10-16")
    assert refused(lambda: stripe.Coupon.create(percent_off=3))[2] == 501
    unknown = provider.call("GET", "/_drillbook/unknown").json["unknown"]
    assert unknown == ["GET /v1/customers", "POST /v1/coupons"]


def test_who_asks_too_often_is_told_when_to_come_again(provider: Running) -> None:
    (provider.state / "rate").write_text("2 60\n")
    for _ in range(2):
        stripe.Customer.list()
    with pytest.raises(stripe.RateLimitError):
        stripe.Customer.list()
    # The refused one counts: of two requests allowed, one was let through too few.
    (provider.state / "rate").write_text("3 60\n")
    with pytest.raises(stripe.RateLimitError) as caught:
        stripe.Customer.list()
    headers: Any = caught.value.headers
    said: Any = caught.value.json_body
    assert (headers["Retry-After"], said["error"]["code"]) == ("60", "rate_limit")


def test_a_card_from_a_country_on_radars_list_is_blocked_until_it_is_off(
    provider: Running,
) -> None:
    (countries,) = stripe.radar.ValueList.list(alias="card_country_blocklist").data
    assert (countries.item_type, countries.list_items.data) == ("country", [])
    item = stripe.radar.ValueListItem.create(value_list=countries.id, value="US")
    assert refused(paid) == ("CardError", "card_declined", 402)
    outcome: Any = stripe.Charge.list(limit=1).data[0].outcome
    assert (outcome.type, outcome.reason) == ("blocked", "rule")
    with_items = stripe.radar.ValueList.retrieve(countries.id)
    assert [each.value for each in with_items.list_items.data] == ["US"]
    assert stripe.radar.ValueListItem.delete(item.id).deleted
    assert paid().status == "succeeded"
    assert stripe.radar.ValueListItem.list(value_list=countries.id).data == []
    wrong = refused(
        lambda: stripe.radar.ValueListItem.create(value_list=countries.id, value="Utopia")
    )
    assert wrong == ("InvalidRequestError", None, 400)


def test_a_checkout_is_paid_on_its_page_and_ends_with_its_time(provider: Running) -> None:
    def begin(**more: Any) -> Any:
        lines: Any = [{"price": "price_plan_pro", "quantity": 1}]
        return stripe.checkout.Session.create(
            mode="subscription", line_items=lines, success_url="https://app.smartbeak.com/billing",
            customer="cus_example5", **more,
        )  # fmt: skip

    def pay(session: Any, card: str) -> Any:
        path = session.url.removeprefix("https://checkout.stripe.com")
        return provider.call("POST", path, f"payment_method={card}".encode())

    session = begin(metadata={"orgId": "org_5"})
    assert pay(session, "pm_card_chargeDeclined").status == 402
    tried: Any = stripe.Charge.list(limit=1).data[0]
    assert (tried.status, tried.invoice) == ("failed", None)
    assert len(stripe.Subscription.list(customer="cus_example5").data) == 1
    assert stripe.checkout.Session.retrieve(session.id).status == "open"
    assert pay(session, CARD).status == 200
    done = stripe.checkout.Session.retrieve(session.id, expand=["subscription"])
    subscription: Any = done.subscription
    assert (done.status, subscription.status, kinds()[-1]) == (
        "complete", "active", "checkout.session.completed",
    )  # fmt: skip
    assert pay(session, CARD).status == 410
    ended = stripe.checkout.Session.expire(begin().id)
    assert (ended.status, ended.url) == ("expired", None)
    assert refused(lambda: stripe.checkout.Session.expire(ended.id))[2] == 400
    late = begin()
    assert control.main(["--root", str(provider.root), "pass", "25h"]) == 0
    assert pay(late, CARD).status == 410
    assert stripe.checkout.Session.list(status="expired").data[0].id == late.id
    wrong: Any = [{"price": "price_plan_none", "quantity": 1}]
    with pytest.raises(stripe.InvalidRequestError, match="No such price: 'price_plan_none'"):
        stripe.checkout.Session.create(
            mode="subscription", line_items=wrong, success_url="https://x"
        )


def listen(endpoint: Endpoint, *events: str) -> Any:
    url = f"http://127.0.0.1:{endpoint.server_address[1]}/hook"
    wanted: Any = list(events) or ["payment_intent.succeeded"]
    return stripe.WebhookEndpoint.create(url=url, enabled_events=wanted)


def manage(provider: Running, *words: str) -> None:
    assert control.main(["--root", str(provider.root), *words]) == 0


def test_webhooks_are_signed_as_stripes_library_checks_them(
    provider: Running, endpoint: Endpoint
) -> None:
    known = listen(endpoint)
    assert "secret" not in stripe.WebhookEndpoint.retrieve(known.id)
    intent = paid()
    await_that(lambda: bool(endpoint.told))
    body, signature = endpoint.told[0]
    event = stripe.Webhook.construct_event(body, signature, known.secret)
    assert (event.data.object["id"], event.api_version) == (intent.id, "2023-10-16")
    for wrong in (body + b" ", body.replace(b"1000", b"1001")):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(wrong, signature, known.secret)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, SIGNING_SECRET)
    await_that(lambda: stripe.Event.retrieve(event.id).pending_webhooks == 0)


def test_what_is_not_taken_is_sent_again_and_can_be_found(
    provider: Running, endpoint: Endpoint
) -> None:
    listen(endpoint)
    endpoint.refusals = 2
    paid()
    await_that(lambda: bool(endpoint.told))
    assert endpoint.refusals == 0
    endpoint.refusals = 1000
    intent = paid()
    await_that(lambda: endpoint.refusals < 1000)
    event = stripe.Event.list(type="payment_intent.succeeded").data[0]
    assert event.data.object["id"] == intent.id and event.id in undelivered()
    manage(provider, "pass", "4d")
    await_that(lambda: all(each.pending_webhooks == 0 for each in stripe.Event.list().data))
    endpoint.refusals = 0
    provider.call("POST", f"/v1/events/{event.id}/retry", **{"Authorization": f"Bearer {API_KEY}"})
    await_that(lambda: len(endpoint.told) == 2)
    await_that(lambda: event.id not in undelivered())


def test_an_endpoint_that_takes_nothing_for_nine_days_is_disabled_until_it_is_enabled(
    provider: Running, endpoint: Endpoint
) -> None:
    known = listen(endpoint)

    def status() -> str:
        return str(stripe.WebhookEndpoint.retrieve(known.id).status)

    def given_up() -> bool:
        return all(each.pending_webhooks == 0 for each in stripe.Event.list().data)

    endpoint.refusals = 1000
    paid()
    # The second attempt comes when the first one was noted.
    await_that(lambda: endpoint.refusals <= 998)
    manage(provider, "pass", "8d")
    await_that(given_up)
    assert status() == "enabled"
    manage(provider, "pass", "1d")
    paid()
    await_that(lambda: status() == "disabled")
    # What is due to it is not tried again, and what happens now is not for it.
    await_that(given_up)
    paid()
    assert given_up()
    endpoint.refusals = 0
    assert stripe.WebhookEndpoint.modify(known.id, disabled=False).status == "enabled"
    last = paid()
    await_that(lambda: bool(endpoint.told))
    assert last.id.encode() in endpoint.told[0][0]
    # One failed attempt does not disable it: the count of days begins anew.
    endpoint.refusals = 1
    paid()
    await_that(lambda: len(endpoint.told) == 2)
    assert status() == "enabled"


@pytest.mark.parametrize(
    ("courier", "address", "state"),
    [
        pytest.param(delivery.STRIPE, "http://web", "pending", id="Stripe tries again"),
        pytest.param(delivery.STRIPE, "", "given up", id="Stripe, to an endpoint that is off"),
        pytest.param(delivery.PADDLE, "", "pending", id="Paddle does not say"),
    ],
)
def test_what_is_due_to_a_disabled_endpoint_is_given_up(
    courier: delivery.Courier, address: str, state: str
) -> None:
    first = ledger.Delivery(seq=1, event="evt_1", endpoint="we_1", first=0.0, attempts=1)
    assert delivery.after(first, courier, 1.0, 0, address)[0] == state


def test_a_trial_that_ends_in_three_days_is_said_once(customer: Any, provider: Running) -> None:
    prices: Any = [{"price": "price_plan_pro"}]

    def told() -> list[str]:
        found = stripe.Event.list(type="customer.subscription.trial_will_end").data
        return [each.data.object["id"] for each in found]

    week, ended = (
        stripe.Subscription.create(customer=customer.id, items=prices, trial_period_days=7)
        for _ in range(2)
    )
    stripe.Subscription.cancel(ended.id)
    manage(provider, "pass", "3d")
    assert told() == []
    manage(provider, "pass", "2d")
    assert told() == [week.id]
    said: Any = stripe.Event.list(type="customer.subscription.trial_will_end").data[0]
    age = time.time() - said.created
    assert (said.data.object["status"], 0.9 < age / 86400 < 1.1) == ("trialing", True)
    manage(provider, "pass", "1d")
    assert told() == [week.id]
    short = stripe.Subscription.create(customer=customer.id, items=prices, trial_period_days=2)
    assert told() == [short.id, week.id]


def test_what_is_sent_is_what_can_be_read(
    customer: Any, provider: Running, endpoint: Endpoint
) -> None:
    listen(endpoint, "customer.subscription.created", "customer.subscription.trial_will_end")
    prices: Any = [{"price": "price_plan_pro"}]
    stripe.Subscription.create(customer=customer.id, items=prices, trial_period_days=2)
    await_that(lambda: len(endpoint.told) == 2)
    for body, _ in endpoint.told:
        sent = json.loads(body)
        assert sent["data"] == stripe.Event.retrieve(sent["id"]).data.to_dict()


def undelivered() -> list[str]:
    return [each.id for each in stripe.Event.list(delivery_success=False, limit=100).data]


def test_events_older_than_thirty_days_cannot_be_read(provider: Running) -> None:
    paid()
    event = stripe.Event.list().data[0]
    manage(provider, "pass", "29d")
    assert stripe.Event.retrieve(event.id).created == event.created - 29 * 86400
    manage(provider, "pass", "2d")
    assert stripe.Event.list().data == []
    assert refused(lambda: stripe.Event.retrieve(event.id))[1] == "resource_missing"


def test_events_come_in_another_order_and_twice_where_the_provider_sends_so(
    provider: Running, endpoint: Endpoint
) -> None:
    listen(endpoint, "payment_intent.created", "payment_intent.succeeded")
    manage(provider, "hold")
    paid()
    manage(provider, "release", "--reverse", "--times", "2")
    await_that(lambda: len(endpoint.told) == 4)
    assert endpoint.kinds == ["payment_intent.succeeded"] * 2 + ["payment_intent.created"] * 2


def test_a_rolled_secret_signs_beside_the_one_before_it_until_that_ends(
    provider: Running, endpoint: Endpoint
) -> None:
    known = listen(endpoint)
    new = provider.root / "new"
    with ledger.opened(provider.state / "ledger.db") as books, books.changing():
        books.roll_secret(known.id, "whsec_new", 3600)
    paid()
    await_that(lambda: bool(endpoint.told))
    for secret in (known.secret, "whsec_new"):
        stripe.Webhook.construct_event(*endpoint.told[0], secret)
    manage(provider, "roll-secret", "--overlap", "0s", "--to", str(new))
    with ledger.opened(provider.state / "ledger.db") as books:
        assert books.secrets(seed.ENDPOINT) == [new.read_text().strip()]
    assert new.stat().st_mode & 0o777 == 0o600


def test_a_period_that_ends_is_charged_or_ends_the_subscription(
    customer: Any, provider: Running
) -> None:
    prices: Any = [{"price": "price_plan_pro"}]
    made = stripe.Subscription.create(customer=customer.id, items=prices)
    manage(provider, "renew", made.id)
    renewed: Any = stripe.Subscription.retrieve(made.id)
    assert renewed.current_period_start == made.current_period_end  # type: ignore[attr-defined]
    assert [each.billing_reason for each in stripe.Invoice.list(subscription=made.id).data] == [
        "subscription_cycle", "subscription_create",
    ]  # fmt: skip
    stripe.Subscription.modify(made.id, default_payment_method="pm_card_chargeCustomerFail")
    manage(provider, "renew", made.id)
    assert stripe.Subscription.retrieve(made.id).status == "past_due"
    stripe.Subscription.modify(made.id, cancel_at_period_end=True)
    manage(provider, "renew", made.id)
    assert stripe.Subscription.retrieve(made.id).status == "canceled"
    assert control.main(["--root", str(provider.root), "renew", made.id]) == 1
