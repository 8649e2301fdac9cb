"""Paddle as an HTTP service: who asks, how often, and what for."""

from __future__ import annotations

import hmac
import json
import re
import time
import urllib.parse
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from simulators.messages import Answer, Request
from simulators.payments import ledger
from simulators.payments.ledger import Ledger, Thing
from simulators.payments.paddle import (
    adjustments,
    catalog,
    notifications,
    parameters,
    subscriptions,
    transactions,
)
from simulators.payments.paddle.desk import Desk, shown
from simulators.payments.paddle.errors import PaddleError
from simulators.payments.paddle.lists import Page
from simulators.store import Record

Operation = Callable[..., Thing | Page]
"""Takes the desk, the ids in the path, and what was sent."""

_RATE = (240, 60.0)
"""Requests and seconds: https://developer.paddle.com/api-reference/about/rate-limiting."""

_VERSION = "1"

PAGE = "/checkout/"
"""Path of the page where a customer pays, on pay.paddle.io."""


def _retrieve(kind: str) -> Operation:
    def operation(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
        parameters.checked(sent, {})
        return desk.get(kind, key)

    return operation


_ROUTES: Mapping[str, tuple[Operation, int]] = {
    "GET /prices": (catalog.prices, 200),
    "GET /prices/:id": (_retrieve("price"), 200),
    "POST /customers": (catalog.create_customer, 201),
    "GET /customers": (catalog.customers, 200),
    "GET /customers/:id": (_retrieve("customer"), 200),
    "POST /customers/:id/addresses": (catalog.create_address, 201),
    "POST /transactions": (transactions.create, 201),
    "GET /transactions": (transactions.listed, 200),
    "GET /transactions/:id": (_retrieve("transaction"), 200),
    "GET /subscriptions": (subscriptions.listed, 200),
    "GET /subscriptions/:id": (_retrieve("subscription"), 200),
    "POST /subscriptions/:id/cancel": (subscriptions.cancel, 200),
    "POST /adjustments": (adjustments.create, 201),
    "GET /adjustments": (adjustments.listed, 200),
    "GET /events": (notifications.events, 200),
    "GET /notifications": (notifications.listed, 200),
    "GET /notifications/:id": (notifications.retrieve, 200),
    "POST /notifications/:id/replay": (notifications.replay, 202),
    "GET /notification-settings": (notifications.settings, 200),
    "GET /notification-settings/:id": (notifications.setting, 200),
    "PATCH /notification-settings/:id": (notifications.update_setting, 200),
}
_PATTERNS = [
    (method, re.compile(re.escape(path).replace(":id", r"([\w-]+)")), *what)
    for (method, path), what in ((route.split(), what) for route, what in _ROUTES.items())
]


class Paddle:
    """Paddle, as far as it is simulated.

    Args:
        path: Of the ledger.
        secret: File with the API key.
        rate: File with `REQUESTS SECONDS`; Paddle's own limit without it.
    """

    def __init__(self, path: Path, secret: Path, rate: Path) -> None:
        self._path = path
        self._secret = secret
        self._rate = rate

    def answer(self, request: Request) -> Answer | None:
        """See `messages.Simulator`."""
        if request.method == "POST" and request.path.startswith(PAGE):
            return self._page(request, request.path.removeprefix(PAGE))
        for method, pattern, operation, status in _PATTERNS:
            match = pattern.fullmatch(request.path) if method == request.method else None
            if match:
                return self._answered(request, operation, match.groups(), status)
        return None

    def unavailable(self, request: Request) -> Answer:
        """See `messages.Simulator`."""
        error = {
            **{"type": "api_error", "code": "internal_error", "detail": "Internal error."},
            "documentation_url": "https://developer.paddle.com/errors/shared/internal_error",
        }
        return Answer(500, {"error": error, "meta": {"request_id": str(uuid.uuid4())}})

    broken = unavailable

    def _page(self, request: Request, key: str) -> Answer:
        """What a customer does there: pays, or is declined; no part of the API or its limit."""
        try:
            codes = parameters.one_of(*transactions.ERROR_CODES)
            values = parameters.checked(_sent(request), {"decline": codes})
            with ledger.opened(self._path) as books, books.changing():
                desk = Desk(books, int(time.time()))
                if "decline" in values:
                    transactions.decline(desk, key, values["decline"])
                    return Answer(402, {"declined": values["decline"]})
                made = transactions.pay(desk, key)
        except PaddleError as error:
            return Answer(error.status, {"error": error.error})
        saved = Record(key, request.site, "pay", str(uuid.uuid4()))
        return Answer(200, {"status": made["status"]}, saved=saved)

    def _answered(
        self, request: Request, operation: Operation, ids: tuple[str, ...], status: int
    ) -> Answer | None:
        meta: Thing = {"request_id": str(uuid.uuid4())}
        if request.headers.get("paddle-version", _VERSION) != _VERSION:
            return None
        try:
            self._admit(request.headers)
            with ledger.opened(self._path) as books:
                self._count(books)
                with books.changing():
                    said = operation(Desk(books, int(time.time())), *ids, _sent(request))
        except PaddleError as error:
            return Answer(error.status, {"error": error.error, "meta": meta}, error.headers)
        if isinstance(said, Page):
            meta["pagination"] = _pagination(request, said)
            return Answer(status, {"data": shown(said.data), "meta": meta})
        body = shown(said)
        key = str(body.get("id", ""))
        saved = None
        if request.method != "GET":
            saved = Record(key, request.site, operation.__name__, meta["request_id"])
        return Answer(status, {"data": body, "meta": meta}, saved=saved)

    def _admit(self, headers: Mapping[str, str]) -> None:
        kind, _, key = headers.get("authorization", "").partition(" ")
        if not kind:
            words = "Authentication header missing."
            raise PaddleError("authentication_missing", words, status=403)
        right = self._secret.read_text().strip().encode()
        if kind.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), right):
            raise PaddleError("invalid_token", "Invalid or revoked API key.", status=403)

    def _count(self, books: Ledger) -> None:
        try:
            most, seconds = map(float, self._rate.read_text().split())
        except FileNotFoundError:
            most, seconds = _RATE
        with books.changing():  # ends before it refuses, which would take the count back
            over = books.over_rate(int(most), seconds)
        if over:
            words = "IP address exceeded the allowed rate limit. Retry after the number of seconds "
            error = PaddleError("too_many_requests", f"{words}in the header.", status=429)
            error.headers = {"Retry-After": str(max(1, round(seconds)))}
            raise error


def _sent(request: Request) -> Mapping[str, Any]:
    if request.method == "GET":
        return request.query
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise PaddleError("bad_request", "Invalid request.")
    return body


def _pagination(request: Request, page: Page) -> Thing:
    asked = {**request.query, "per_page": str(page.per_page)}
    if page.data:
        asked["after"] = page.data[-1]["id"]
    host = request.headers.get("host", "")
    return {
        **{"per_page": page.per_page, "has_more": page.has_more, "estimated_total": page.total},
        "next": f"https://{host}{request.path}?{urllib.parse.urlencode(asked)}",
    }
