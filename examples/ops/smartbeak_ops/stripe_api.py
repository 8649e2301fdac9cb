"""Stripe's API, by Stripe's own library; the key is never printed nor an argument."""

from __future__ import annotations

import os
from typing import Any

import stripe

from smartbeak_ops import secrets, settings
from smartbeak_ops.refusal import UnknownError

VERSION = "2023-10-16"
"""Version of the API that the platform's account is pinned to."""

_KEY = "stripe-key"
_PREFIX = "sk_test_"
_ANSWER_S = 5.0
_TRIES = 2
"""How often a request is sent again that had no answer: with the same idempotency key."""


def client(tries: int = _TRIES) -> stripe.StripeClient:
    """Stripe's client.

    Args:
        tries: How often what had no answer is asked for again.

    Raises:
        UnknownError: There is no key here.
    """
    secret = secrets.read(_KEY)
    stripe.ca_bundle_path = os.environ.get("SSL_CERT_FILE", stripe.ca_bundle_path)
    key = secret if secret.startswith(("sk_", "rk_")) else _PREFIX + secret
    return stripe.StripeClient(
        key,
        stripe_version=VERSION,
        http_client=stripe.HTTPXClient(timeout=_ANSWER_S, allow_sync_methods=True),
        max_network_retries=tries,
    )


def unanswered(error: stripe.StripeError) -> UnknownError:
    """Why nothing is known: Stripe's words may hold a part of the key."""
    code = f" ({error.code})" if error.code else ""
    status = f" answers {error.http_status}{code}" if error.http_status else " does not answer"
    return UnknownError(f"{settings.STRIPE}{status}: {type(error).__name__}")


def dump(thing: Any) -> dict[str, Any]:
    """An object of Stripe, as plain values."""
    found: dict[str, Any] = thing.to_dict() if hasattr(thing, "to_dict") else dict(thing)
    return found
