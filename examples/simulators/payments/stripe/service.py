"""Stripe as an HTTP service: who asks, how often, what was asked before, and what for."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from simulators.messages import Answer, Request
from simulators.payments import ledger
from simulators.payments.ledger import Ledger, Thing, new_id
from simulators.payments.stripe import (
    cards,
    catalog,
    checkout,
    customers,
    disputes,
    events,
    intents,
    invoices,
    lists,
    parameters,
    radar,
    refunds,
    subscriptions,
)
from simulators.payments.stripe.desk import API_VERSION, Desk, shown
from simulators.payments.stripe.errors import NotSimulatedError, StripeError
from simulators.store import Record

Operation = Callable[..., Thing]
"""Takes the desk, the ids in the path, and what was sent."""

KEY_PREFIX = "sk_test_"
"""Before the secret: the shape that Stripe's own command line asks of a key."""

_DEFAULT_RATE = (100, 1.0)
"""Requests and seconds: https://docs.stripe.com/rate-limits."""

_KEPT_S = 24 * 3600
"""Seconds that the answer to an idempotency key is kept."""

_LONGEST_KEY = 255
_DEEPEST = 4


def _retrieve(kind: str) -> Operation:
    def operation(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
        parameters.checked(sent, {})
        return desk.get(kind, key)

    return operation


def _search(kind: str) -> Operation:
    def operation(desk: Desk, sent: Mapping[str, Any]) -> Thing:
        return lists.searched(desk, kind, f"/v1/{kind}s/search", sent)

    return operation


_ROUTES: Mapping[str, Operation] = {
    "POST /v1/customers": customers.create,
    "GET /v1/customers": customers.listed,
    "GET /v1/customers/search": _search("customer"),
    "GET /v1/customers/:id": _retrieve("customer"),
    "POST /v1/customers/:id": customers.update,
    "DELETE /v1/customers/:id": customers.delete,
    "POST /v1/payment_methods": cards.create,
    "GET /v1/payment_methods": cards.listed,
    "GET /v1/payment_methods/:id": _retrieve("payment_method"),
    "POST /v1/payment_methods/:id/attach": cards.attach,
    "POST /v1/payment_methods/:id/detach": cards.detach,
    "POST /v1/products": catalog.create_product,
    "GET /v1/products": catalog.products,
    "GET /v1/products/:id": _retrieve("product"),
    "POST /v1/prices": catalog.create_price,
    "GET /v1/prices": catalog.prices,
    "GET /v1/prices/:id": _retrieve("price"),
    "POST /v1/prices/:id": catalog.update_price,
    "POST /v1/payment_intents": intents.create,
    "GET /v1/payment_intents": intents.listed,
    "GET /v1/payment_intents/search": _search("payment_intent"),
    "GET /v1/payment_intents/:id": _retrieve("payment_intent"),
    "POST /v1/payment_intents/:id": intents.update,
    "POST /v1/payment_intents/:id/confirm": intents.confirm,
    "POST /v1/payment_intents/:id/cancel": intents.cancel,
    "GET /v1/charges": intents.charges,
    "GET /v1/charges/search": _search("charge"),
    "GET /v1/charges/:id": _retrieve("charge"),
    "POST /v1/refunds": refunds.create,
    "GET /v1/refunds": refunds.listed,
    "GET /v1/refunds/:id": _retrieve("refund"),
    "POST /v1/refunds/:id": refunds.update,
    "GET /v1/disputes": disputes.listed,
    "GET /v1/disputes/:id": _retrieve("dispute"),
    "POST /v1/disputes/:id": disputes.update,
    "POST /v1/disputes/:id/close": disputes.close,
    "POST /v1/subscriptions": subscriptions.create,
    "GET /v1/subscriptions": subscriptions.listed,
    "GET /v1/subscriptions/search": _search("subscription"),
    "GET /v1/subscriptions/:id": _retrieve("subscription"),
    "POST /v1/subscriptions/:id": subscriptions.update,
    "DELETE /v1/subscriptions/:id": subscriptions.cancel,
    "GET /v1/invoices": invoices.listed,
    "GET /v1/invoices/search": _search("invoice"),
    "GET /v1/invoices/:id": _retrieve("invoice"),
    "POST /v1/invoices/:id/pay": subscriptions.pay_invoice,
    "POST /v1/checkout/sessions": checkout.create,
    "GET /v1/checkout/sessions": checkout.listed,
    "GET /v1/checkout/sessions/:id": lambda desk, key, sent: (
        parameters.checked(sent, {}) or checkout.current(desk, key)
    ),
    "GET /v1/checkout/sessions/:id/line_items": checkout.lines,
    "POST /v1/checkout/sessions/:id/expire": checkout.expire,
    "POST /v1/billing_portal/sessions": checkout.portal,
    "GET /v1/events": events.listed,
    "GET /v1/events/:id": events.retrieve,
    "POST /v1/events/:id/retry": events.retry,
    "GET /v1/radar/value_lists": radar.listed,
    "GET /v1/radar/value_lists/:id": radar.retrieve,
    "GET /v1/radar/value_list_items": radar.items,
    "GET /v1/radar/value_list_items/:id": _retrieve("radar.value_list_item"),
    "POST /v1/radar/value_list_items": radar.create_item,
    "DELETE /v1/radar/value_list_items/:id": radar.delete_item,
    "POST /v1/webhook_endpoints": events.create_endpoint,
    "GET /v1/webhook_endpoints": events.endpoints,
    "GET /v1/webhook_endpoints/:id": _retrieve("webhook_endpoint"),
    "POST /v1/webhook_endpoints/:id": events.update_endpoint,
    "DELETE /v1/webhook_endpoints/:id": events.delete_endpoint,
}
_PATTERNS = [
    (method, re.compile(re.escape(path).replace(":id", r"([\w-]+)")), operation)
    for (method, path), operation in ((route.split(), op) for route, op in _ROUTES.items())
]


class Stripe:
    """Stripe, as far as it is simulated.

    Args:
        path: Of the ledger.
        secret: File with the secret behind `sk_test_`.
        rate: File with `REQUESTS SECONDS`; Stripe's own limit without it.
    """

    def __init__(self, path: Path, secret: Path, rate: Path) -> None:
        self._path = path
        self._secret = secret
        self._rate = rate

    def answer(self, request: Request) -> Answer | None:
        """See `messages.Simulator`."""
        page = request.path.startswith(checkout.PAGE) and request.method == "POST"
        operation, ids = (
            (checkout.pay, [request.path[len(checkout.PAGE) :]]) if page else _found(request)
        )
        if operation is None:
            return None
        known = new_id("req_", 14)
        headers = {"Request-Id": known, "Stripe-Version": API_VERSION}
        try:
            if not page:
                self._admit(request.headers)
            with ledger.opened(self._path) as books:
                status, body, more, changed = self._do(books, operation, ids, request, known)
        except NotSimulatedError:
            return None
        except StripeError as error:
            said = {**error.error, "request_log_url": f"https://dashboard.stripe.com/logs/{known}"}
            return Answer(error.status, {"error": said}, {**headers, **error.headers})
        saved = (
            Record(str(body.get("id")), request.site, operation.__name__, known)
            if changed
            else None
        )
        return Answer(status, body, {**headers, **more}, saved=saved)

    def unavailable(self, request: Request) -> Answer:
        """See `messages.Simulator`."""
        words = "Sorry, something went wrong on our side. We've been notified of the problem."
        return Answer(500, {"error": {"message": words, "type": "api_error"}})

    broken = unavailable

    def _admit(self, headers: Mapping[str, str]) -> None:
        """Looks at the key and the version of the API.

        Raises:
            StripeError: The key is not right, or there is no such version.
            NotSimulatedError: Objects of that version look otherwise.
        """
        kind, _, said = headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            try:
                said = base64.b64decode(said, validate=True).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                said = ""
        if kind.lower() not in ("basic", "bearer") or not said.strip():
            words = "You did not provide an API key. You need to provide your API key in the "
            raise StripeError(f"{words}Authorization header, using Bearer auth.", status=401)
        right = self._secret.read_text().strip().encode()
        if not hmac.compare_digest(said.strip().removeprefix(KEY_PREFIX).encode(), right):
            raise StripeError("Invalid API Key provided: sk_test_********", status=401)
        version = headers.get("stripe-version", API_VERSION)
        if not re.fullmatch(r"20\d\d-\d\d-\d\d(\.[a-z]+)?", version):
            raise StripeError(f"Invalid Stripe API version: {version}")
        if version != API_VERSION:
            raise NotSimulatedError(f"version {version}")

    def _do(
        self, books: Ledger, operation: Operation, ids: list[str], request: Request, known: str
    ) -> tuple[int, Thing, Mapping[str, str], bool]:
        """Status, body, headers, and whether something was changed."""
        key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
        text = (
            request.body.decode("utf-8", "replace")
            if request.method == "POST"
            else request.raw_query
        )
        sent = parameters.parsed(text)
        expand = parameters.many(parameters.text)("expand", sent.pop("expand", ""))
        digest = json.dumps([request.method, request.path, sent, expand], sort_keys=True)
        if len(key) > _LONGEST_KEY:
            raise StripeError("Keys for idempotent requests can be at most 255 characters.")
        self._count(books)
        with books.changing():
            earlier = books.answered(key) if key else None
            if earlier and earlier[1] > time.time() - _KEPT_S:
                if earlier[0] != digest:
                    raise _reused(key)
                replayed = {"Idempotent-Replayed": "true", "Idempotency-Key": key}
                return earlier[2], json.loads(earlier[3]), replayed, False
            desk = Desk(books, int(time.time()), known, key)
            refusal = None
            try:
                body = shown(_expanded(books, operation(desk, *ids, sent), expand))
                status = 200
            except StripeError as error:
                if not error.keeps:
                    raise
                refusal, status, body = error, error.status, shown({"error": error.error})
            if key:
                books.keep_answer(key, digest, status, json.dumps(body))
        headers = {"Idempotency-Key": key} if key else {}
        return status, body, headers, request.method != "GET" and refusal is None

    def _count(self, books: Ledger) -> None:
        try:
            most, seconds = map(float, self._rate.read_text().split())
        except FileNotFoundError:
            most, seconds = _DEFAULT_RATE
        with books.changing():  # ends before it refuses, which would take the count back
            over = books.over_rate(int(most), seconds)
        if over:
            words = "Request rate limit exceeded. Learn more about rate limits here "
            error = StripeError(
                f"{words}https://stripe.com/docs/rate-limits.", "rate_limit", status=429
            )
            waiting = str(max(1, round(seconds)))
            error.headers = {"Retry-After": waiting, "Stripe-Rate-Limited-Reason": "global-rate"}
            raise error


def _found(request: Request) -> tuple[Operation | None, list[str]]:
    for method, pattern, operation in _PATTERNS:
        match = pattern.fullmatch(request.path) if method == request.method else None
        if match and match.groups() != ("search",):
            return operation, list(match.groups())
    return None, []


def _reused(key: str) -> StripeError:
    words = (
        "Keys for idempotent requests can only be used with the same parameters they were first "
    )
    words += f"used with. Try using a key other than '{key}' if you meant to execute a different "
    words += "request."
    return StripeError(words, kind="idempotency_error")


def _expanded(books: Ledger, body: Thing, paths: list[str]) -> Thing:
    """The body with the objects that were asked for in place of their ids."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > _DEEPEST:
            words = f"You cannot expand more than 4 levels of a property. Property: {path}"
            raise StripeError(words, param="expand[0]")
        _expand(books, body, parts, path)
    return body


def _expand(books: Ledger, place: Any, parts: list[str], path: str) -> None:
    if isinstance(place, list):
        for each in place:
            _expand(books, each, parts, path)
        return
    if not isinstance(place, dict) or parts[0] not in place:
        words = f"This property cannot be expanded ({path})."
        raise StripeError(words, param="expand[0]")
    value = place[parts[0]]
    if isinstance(value, str):
        value = place[parts[0]] = books.get(value) or value
    if len(parts) > 1 and value is not None:
        _expand(books, value, parts[1:], path)
