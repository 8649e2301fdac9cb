"""The simulated Paddle, asked by Paddle's own library."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from paddle_billing import Client
from paddle_billing.Entities.Notifications import (
    NotificationStatus,
)
from paddle_billing.Entities.Shared import (
    Action,
    AdjustmentStatus,
    AdjustmentType,
    CustomData,
    TransactionStatus,
)
from paddle_billing.Entities.Shared.CountryCode import CountryCode
from paddle_billing.Entities.Subscriptions import (
    SubscriptionEffectiveFrom,
)
from paddle_billing.Exceptions.ApiError import ApiError
from paddle_billing.Notifications import Secret, Verifier
from paddle_billing.Resources.Addresses.Operations import (
    CreateAddress,
)
from paddle_billing.Resources.Adjustments.Operations import (
    CreateAdjustment,
    CreateAdjustmentItem,
    ListAdjustments,
)
from paddle_billing.Resources.Customers.Operations import (
    CreateCustomer,
    ListCustomers,
)
from paddle_billing.Resources.Notifications.Operations import (
    ListNotifications,
)
from paddle_billing.Resources.NotificationSettings.Operations import (
    UpdateNotificationSetting,
)
from paddle_billing.Resources.Shared.Operations.List.Pager import (
    Pager,
)
from paddle_billing.Resources.Subscriptions.Operations import (
    CancelSubscription,
    ListSubscriptions,
)
from paddle_billing.Resources.Transactions.Operations import (
    CreateTransaction,
    ListTransactions,
)
from paddle_billing.Resources.Transactions.Operations.Create import (
    TransactionCreateItem,
)
from requests.adapters import HTTPAdapter

from simulators.payments import control, seed
from smartbeak_ops import paddle_api, paddle_doubled
from smartbeak_ops.refusal import RefusedError
from tests.stack.simulated import (
    API_KEY,
    SIGNING_SECRET,
    Endpoint,
    Running,
    Start,
    await_that,
)

BASE = "https://api.paddle.com"


class Redirected(HTTPAdapter):
    """Takes what is for Paddle to a simulator of this machine; the rest it refuses."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._here = f"http://127.0.0.1:{port}"

    def send(self, request: requests.PreparedRequest, *more: Any, **options: Any) -> Any:
        assert request.url is not None and request.url.startswith(BASE)
        request.headers["Host"] = "api.paddle.com"
        request.url = self._here + request.url.removeprefix(BASE)
        return super().send(request, *more, **options)


def client_of(provider: Running, key: str = API_KEY) -> Any:
    client = Client(key)
    client.client.mount("https://", Redirected(provider.port))
    return client


@pytest.fixture
def provider(start: Start) -> Running:
    return start("paddle", "--insecure", environment={"TIME_SCALE": "3600"})


@pytest.fixture
def paddle(provider: Running) -> Any:
    return client_of(provider)


def refused(call: Callable[[], object]) -> tuple[str, int, dict[str, str]]:
    """Code, status and fields of the error that a call ends with."""
    with pytest.raises(ApiError) as caught:
        call()
    fields = {each.field: each.error for each in caught.value.field_errors}
    return caught.value.error_code, caught.value.response.status_code, fields


def manage(provider: Running, *words: str) -> None:
    assert control.main(["--root", str(provider.root), *words]) == 0


def ordered(paddle: Any, org: str, plan: str = "plan_pro") -> Any:
    """A transaction that a new customer can pay."""
    customer = paddle.customers.create(CreateCustomer(email=f"{uuid.uuid4().hex}@example.com"))
    address = paddle.addresses.create(customer.id, CreateAddress(CountryCode.US))
    return paddle.transactions.create(
        CreateTransaction(
            items=[TransactionCreateItem(f"pri_{plan}", 1)],
            customer_id=customer.id,
            address_id=address.id,
            custom_data=CustomData({"org_id": org}),
        )
    )


def subscribed(provider: Running, paddle: Any, org: str) -> Any:
    order = ordered(paddle, org)
    manage(provider, "pay", order.id)
    return paddle.subscriptions.get(paddle.transactions.get(order.id).subscription_id)


def listen(paddle: Any, endpoint: Endpoint) -> None:
    url = f"http://127.0.0.1:{endpoint.server_address[1]}/hook"
    changed = UpdateNotificationSetting(destination=url)
    assert paddle.notification_settings.update(seed.DESTINATION, changed).destination == url


def told(paddle: Any, *states: str) -> list[Any]:
    asked = ListNotifications(statuses=[NotificationStatus(each) for each in states])
    return list(paddle.notifications.list(asked))


def test_a_customer_pays_has_it_and_cancels(provider: Running, paddle: Any) -> None:
    order = ordered(paddle, "org_1")
    assert (order.status, order.details.totals.grand_total) == ("ready", "4900")
    assert control.main(["--root", str(provider.root), "pay", "txn_unknown"]) == 1
    manage(provider, "pay", order.id)
    assert control.main(["--root", str(provider.root), "pay", order.id]) == 1
    paid = paddle.transactions.get(order.id)
    assert (paid.status, paid.payments[0].amount) == ("completed", "4900")
    subscription = paddle.subscriptions.get(paid.subscription_id)
    assert (subscription.status, subscription.custom_data.data) == ("active", {"org_id": "org_1"})
    assert subscription.items[0].price.custom_data.data == {"planId": "plan_pro"}
    manage(provider, "renew", subscription.id)
    again = list(paddle.transactions.list(ListTransactions(subscription_ids=[subscription.id])))
    assert [each.origin.value for each in again] == ["subscription_recurring", "api"]
    later = CancelSubscription(SubscriptionEffectiveFrom.NextBillingPeriod)
    planned = paddle.subscriptions.cancel(subscription.id, later)
    assert (planned.status, planned.scheduled_change.action) == ("active", "cancel")
    manage(provider, "renew", subscription.id)
    assert paddle.subscriptions.get(subscription.id).status == "canceled"
    assert refused(lambda: paddle.subscriptions.cancel(subscription.id, later))[:2] == (
        "subscription_update_when_canceled", 400,
    )  # fmt: skip
    names = [each.event_type.value for each in paddle.events.list()][::-1]
    assert names[:4] == [
        *("customer.created", "transaction.created", "transaction.ready", "transaction.paid"),
    ]
    assert names[-2:] == ["subscription.updated", "subscription.canceled"]


def test_lists_come_a_page_at_a_time_in_both_orders(paddle: Any) -> None:
    for number in range(5):
        paddle.customers.create(CreateCustomer(email=f"{number}@example.com"))
    page = paddle.customers.list(ListCustomers(Pager(per_page=2)))
    assert (len(page.items), page.paginator.has_more) == (2, True)
    assert [each.email[0] for each in page] == ["0", "1", "2", "3", "4"]
    raw = paddle.get_raw("/customers", {"per_page": "2"}).json()
    assert [each["email"][0] for each in raw["data"]] == ["4", "3"]
    assert raw["meta"]["pagination"]["estimated_total"] == 5
    assert raw["meta"]["pagination"]["next"].startswith(f"{BASE}/customers?")
    assert paddle.get_raw("/customers", {"per_page": "9999"}).json()["meta"]["pagination"][
        "per_page"
    ] == 200  # fmt: skip
    found = paddle.customers.list(ListCustomers(emails=["1@example.com", "3@example.com"]))
    assert [each.email[0] for each in found] == ["3", "1"]


def test_it_refuses_what_paddle_refuses(provider: Running, paddle: Any) -> None:
    assert refused(lambda: client_of(provider, "another").customers.list())[:2] == (
        "invalid_token", 403,
    )  # fmt: skip
    assert refused(lambda: paddle.customers.get("ctm_unknown"))[:2] == ("not_found", 404)
    code, status, fields = refused(lambda: paddle.get_raw("/customers", {"colour": "red"}))
    assert (code, status, list(fields)) == ("invalid_field", 400, ["colour"])
    body = {"email": "a@example.com", "colour": "red"}
    assert list(refused(lambda: paddle.post_raw("/customers", body))[2]) == ["colour"]
    paddle.customers.create(CreateCustomer(email="a@example.com"))
    twice = refused(lambda: paddle.customers.create(CreateCustomer(email="a@example.com")))
    assert twice[:2] == ("customer_already_exists", 409)
    for path, sent in (("/customers", b"[]"), ("/transactions", b"{")):
        reply = provider.call("POST", path, sent, Authorization=f"Bearer {API_KEY}")
        assert (reply.status, reply.json["error"]["code"]) == (400, "bad_request")
    missing = provider.call("GET", "/customers")
    assert (missing.status, missing.json["error"]["code"]) == (403, "authentication_missing")
    assert API_KEY not in provider.log.read_text()


def test_what_it_does_not_know_fails_the_run(provider: Running) -> None:
    for method, path in (("GET", "/discounts"), ("POST", "/notification-settings")):
        assert provider.call(method, path, Authorization=f"Bearer {API_KEY}").status == 501
    other = provider.call("GET", "/customers", Paddle_Version="2")
    assert other.status == 501
    assert len((provider.state / "unknown.jsonl").read_text().splitlines()) == 3


def test_who_asks_too_often_is_told_to_wait(provider: Running) -> None:
    (provider.state / "rate").write_text("1 60\n")
    key = {"Authorization": f"Bearer {API_KEY}"}
    assert provider.call("GET", "/customers", **key).status == 200
    reply = provider.call("GET", "/customers", **key)
    assert (reply.status, reply.json["error"]["code"]) == (429, "too_many_requests")
    assert int(reply.headers["Retry-After"]) == 60


def test_webhooks_are_signed_as_paddles_library_checks_them(
    provider: Running, paddle: Any, endpoint: Endpoint
) -> None:
    listen(paddle, endpoint)
    subscription = subscribed(provider, paddle, "org_1")
    await_that(lambda: len(endpoint.told) == 2)
    assert endpoint.kinds == ["transaction.completed", "subscription.created"]
    body, header = endpoint.told[1]
    secret = paddle.notification_settings.get(seed.DESTINATION).endpoint_secret_key
    assert secret == SIGNING_SECRET
    request = SimpleNamespace(body=body, headers={"Paddle-Signature": header})
    assert Verifier(600).verify(request, Secret(secret))
    for wrong in (body + b" ", body.replace(b"4900", b"4901")):
        request.body = wrong
        assert not Verifier(600).verify(request, Secret(secret))
    said = json.loads(body)
    assert (
        said["data"]["id"] == subscription.id and said["data"]["custom_data"]["org_id"] == "org_1"
    )
    await_that(lambda: len(told(paddle, "delivered")) == 2)
    assert told(paddle, "delivered")[0].payload.event_id == said["event_id"]


def test_what_was_given_up_is_found_and_replayed_with_its_age(
    provider: Running, paddle: Any, endpoint: Endpoint
) -> None:
    listen(paddle, endpoint)
    endpoint.refusals = 1000
    subscribed(provider, paddle, "org_1")
    await_that(lambda: len(told(paddle, "needs_retry")) == 2)
    (second, first) = told(paddle, "needs_retry")
    # When it is due is counted from the event, not from the last attempt.
    assert first.times_attempted and first.retry_at and first.last_attempt_at
    waiting = refused(lambda: paddle.notifications.replay(first.id))
    assert waiting[:2] == ("notification_cannot_replay", 400)
    manage(provider, "pass", "4d")
    await_that(lambda: len(told(paddle, "failed")) == 2)
    endpoint.refusals = 0
    again = paddle.notifications.replay(second.id)
    await_that(lambda: len(endpoint.told) == 1)
    said = json.loads(endpoint.told[0][0])
    assert (said["event_id"], said["notification_id"]) == (second.payload.event_id, again)
    aged = paddle.notifications.get(again)
    assert time.time() - aged.occurred_at.timestamp() > 4 * 86400
    assert refused(lambda: paddle.notifications.replay(again))[0] == (
        "notification_replay_invalid_origin_type"
    )
    assert paddle.notifications.get(second.id).replayed_at
    manage(provider, "pass", "90d")
    # Renewals of these days are told; what is older than 90 days is not.
    assert not {first.id, second.id, again} & {each.id for each in told(paddle)}
    assert refused(lambda: paddle.notifications.get(second.id))[:2] == ("not_found", 404)


def test_only_subscriptions_of_the_wanted_state_are_listed(provider: Running, paddle: Any) -> None:
    first, second = (subscribed(provider, paddle, f"org_{n}") for n in (1, 2))
    paddle.subscriptions.cancel(first.id, CancelSubscription(SubscriptionEffectiveFrom.Immediately))
    asked = ListSubscriptions(statuses=[type(first.status)("active")])
    assert [each.id for each in paddle.subscriptions.list(asked)] == [second.id]


def refund(paddle: Any, transaction: str) -> Any:
    return paddle.adjustments.create(CreateAdjustment.full(Action("refund"), "x", transaction))


def test_a_refund_waits_for_paddle_and_is_made_once(provider: Running, paddle: Any) -> None:
    order = ordered(paddle, "org_1")
    code = "adjustment_transaction_invalid_status_for_refund"
    assert refused(lambda: refund(paddle, order.id))[:2] == (code, 400)
    manage(provider, "pay", order.id)
    (line,) = paddle.transactions.get(order.id).details.lineItems

    def part(amount: str) -> Any:
        item = CreateAdjustmentItem(line.id, AdjustmentType("partial"), amount)
        asked = CreateAdjustment.partial(Action("refund"), [item], "a part", order.id)
        return paddle.adjustments.create(asked)

    above = "adjustment_amount_above_remaining_allowed"
    assert refused(lambda: part("4901"))[0] == above
    first = part("900")
    assert (first.status.value, first.totals.total) == ("pending_approval", "900")
    assert refused(lambda: part("1"))[0] == "adjustment_pending_refund_request"
    manage(provider, "pass", "9m")
    assert refused(lambda: part("1"))[0] == "adjustment_pending_refund_request"
    manage(provider, "pass", "2m")
    assert refused(lambda: refund(paddle, order.id))[0] == above
    rest = part("4000")
    manage(provider, "reject", rest.id)
    again = part("4000")
    manage(provider, "approve", again.id)
    assert control.main(["--root", str(provider.root), "approve", again.id]) == 1
    assert refused(lambda: part("1"))[0] == above
    asked = ListAdjustments(statuses=[AdjustmentStatus("approved")], transaction_ids=[order.id])
    assert sorted(each.totals.total for each in paddle.adjustments.list(asked)) == ["4000", "900"]
    assert paddle.transactions.get(order.id).status.value == "completed"
    credit = CreateAdjustment.full(Action("credit"), "x", order.id)
    code = "adjustment_transaction_invalid_status_for_credit"
    assert refused(lambda: paddle.adjustments.create(credit))[0] == code


def test_a_bank_takes_a_payment_back_without_asking(provider: Running, paddle: Any) -> None:
    order = ordered(paddle, "org_1")
    manage(provider, "pay", order.id)
    manage(provider, "charge-back", order.id)
    (found,) = paddle.adjustments.list(ListAdjustments(action=Action("chargeback")))
    assert (found.status.value, found.totals.total) == ("approved", "4900")
    above = "adjustment_amount_above_remaining_allowed"
    assert refused(lambda: refund(paddle, order.id))[0] == above


def test_who_is_declined_is_told_why_and_can_pay_later(provider: Running, paddle: Any) -> None:
    order = ordered(paddle, "org_1")
    manage(provider, "decline", "--code", "not_enough_balance", order.id)
    tried = paddle.transactions.get(order.id)
    assert (tried.status.value, tried.payments[0].error_code.value) == (
        "ready", "not_enough_balance",
    )  # fmt: skip
    manage(provider, "pay", order.id)
    key = paddle.transactions.get(order.id).subscription_id
    manage(provider, "decline", "--code", "expired_card", key)
    manage(provider, "pass", "32d")
    assert paddle.subscriptions.get(key).status.value == "past_due"
    (owed,) = paddle.transactions.list(ListTransactions(statuses=[TransactionStatus("past_due")]))
    assert owed.payments[-1].error_code.value == "expired_card"
    manage(provider, "pay", owed.id)
    assert paddle.subscriptions.get(key).status.value == "active"
    kinds = [each.type.value for each in told(paddle, "not_attempted", "needs_retry", "failed")]
    assert kinds.count("transaction.payment_failed") == 2
    manage(provider, "decline", "--code", "expired_card", key)
    manage(provider, "pass", "31d")
    assert paddle.subscriptions.get(key).status.value == "past_due"
    manage(provider, "pass", "30d")
    assert paddle.subscriptions.get(key).status.value == "canceled"


def test_a_double_at_paddle_is_refunded_once_however_often_it_is_asked(
    provider: Running, paddle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paddle_api, "client", lambda: paddle)
    first = subscribed(provider, paddle, "org_1")
    # Of two that began in the same second nobody knows which was first.
    manage(provider, "pass", "1h")
    extra = subscribed(provider, paddle, "org_1")
    alone = subscribed(provider, paddle, "org_2")
    (found,) = paddle_doubled.find(24)
    assert (found.org, found.keeps, found.extra, found.cents) == (
        "org_1", first.id, extra.id, 4900,
    )  # fmt: skip
    limits = {"hours": 24.0, "most": 1, "most_cents": 4900}

    def refund(*keys: str, dry_run: bool = False, **more: Any) -> list[str]:
        done = paddle_doubled.refund(keys, dry_run=dry_run, **{**limits, **more})
        return [each.line for each in done]

    with pytest.raises(RefusedError, match=r"at most 1 and 48.99 usd at once"):
        refund(found.transaction, most_cents=4899)
    assert refund(found.transaction, dry_run=True) == [
        f"{found.transaction} org_1 49.00 usd would go back; {extra.id} would end"
    ]
    assert list(paddle.adjustments.list()) == []
    # Interrupted: the refund was asked for, its subscription goes on.
    made = CreateAdjustment.full(Action("refund"), "x", found.transaction)
    paddle.adjustments.create(made)
    again = f"{found.transaction} org_1 was refunded already; {extra.id} ended"
    assert refund(found.transaction) == [again]
    assert refund(found.transaction) == [f"{found.transaction} was refunded already"]
    assert len(list(paddle.adjustments.list())) == 1
    assert paddle.subscriptions.get(extra.id).status.value == "canceled"
    asked = ListTransactions(subscription_ids=[alone.id])
    (other,) = [each.id for each in paddle.transactions.list(asked)]
    assert refund(other) == [
        f"REFUSED: {other} was charged once, or longer ago: it is not a double"
    ]
    assert paddle_doubled.find(24) == []
