"""Stripe, as whoever holds a key of its API reaches it."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from smartbeak_drills.places import STRIPE_KEY, STRIPE_URL
from smartbeak_drills.users.calls import CallError, Line

VERSION = "2023-10-16"
"""Version of Stripe's API that the platform's account is pinned to."""

_TIMEOUT_S = 5.0
_PAGE = 100
_TRIES = 4
_WAIT_S = 1.0
"""Until whoever asks too often is answered again: Stripe's limit is one of a second. To make up
an account takes more requests than a limited key has in one, the more so on a quick machine."""


class Stripe:
    """One kept connection. Without an idempotency key unless one is given: as a bad client."""

    def __init__(self) -> None:
        self._line = Line(STRIPE_URL, timeout_s=_TIMEOUT_S)

    def post(self, path: str, fields: Mapping[str, str], key: str = "") -> dict[str, Any]:
        """Asks for a change.

        Args:
            path: Below `/v1/`.
            fields: As a form, `items[0][price]` and so on.
            key: The idempotency key.

        Raises:
            CallError: It was refused, or no answer came.
            OSError: The key of the API cannot be read.
        """
        form = {"Content-Type": "application/x-www-form-urlencoded", **_headers()}
        more = {"Idempotency-Key": key} if key else {}
        body = urllib.parse.urlencode(fields).encode()
        said: dict[str, Any] = self._line.send(f"/v1/{path}", body, {**form, **more}).body
        return said

    def delete(self, path: str) -> None:
        """Asks for an end.

        Raises:
            CallError: As for `post`.
        """
        self._line.call("DELETE", f"/v1/{path}", token=_key())

    def all(self, path: str, **fields: str) -> Iterator[dict[str, Any]]:
        """Every object of a list, newest first.

        Raises:
            CallError: As for `post`.
        """
        asked = {"limit": str(_PAGE), **fields}
        while True:
            query = urllib.parse.urlencode(asked)
            page = self._get(f"/v1/{path}?{query}")
            yield from page["data"]
            if not page["has_more"]:
                return
            asked["starting_after"] = page["data"][-1]["id"]

    def _get(self, path: str) -> Any:
        for _ in range(_TRIES - 1):
            try:
                return self._line.call("GET", path, token=_key()).body
            except CallError as error:
                if error.status != HTTPStatus.TOO_MANY_REQUESTS:
                    raise
                time.sleep(_WAIT_S)
        return self._line.call("GET", path, token=_key()).body


def _key() -> str:
    return f"sk_test_{STRIPE_KEY.read_text().strip()}"


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {_key()}", "Stripe-Version": VERSION}
