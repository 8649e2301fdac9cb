"""Paddle's API, by Paddle's own library; the key is never printed nor an argument."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import requests
from paddle_billing import Client
from paddle_billing.Entities.Collections import Collection
from paddle_billing.Exceptions.ApiError import ApiError

from smartbeak_ops import secrets
from smartbeak_ops.refusal import UnknownError

HOST = "api.paddle.com"

UNANSWERED = (ApiError, requests.RequestException)
"""What the library raises where it has no answer, or one that refuses."""

_KEY = "paddle-key"
_ANSWER_S = 5.0


def client() -> Client:
    """Paddle's client.

    Raises:
        UnknownError: There is no key here.
    """
    made = Client(secrets.read(_KEY), retry_count=0, timeout=_ANSWER_S)
    made.client.verify = os.environ.get("SSL_CERT_FILE", True)
    return made


def every(page: Collection[Any]) -> Iterator[Any]:
    """Every entity of a list, its pages one after another.

    The library's own iteration keeps all pages that it has read.

    Args:
        page: The first one, as the library's `list` returns it.

    Raises:
        ApiError, requests.RequestException: See `UNANSWERED`.
    """
    yield from page.items
    while page.paginator and page.paginator.has_more:
        page = page.paginator.next_page()
        yield from page.items


def unanswered(error: Exception) -> UnknownError:
    """Why nothing is known."""
    if isinstance(error, ApiError):
        status = error.response.status_code if error.response is not None else 0
        return UnknownError(f"{HOST} answers {status} ({error.error_code})")
    return UnknownError(f"{HOST} does not answer: {type(error).__name__}")
