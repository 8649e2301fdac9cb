"""Stripe's API, by Stripe's own client: every wait ends, every refusal is one of the platform's."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from smartbeak.process.errors import ApiError, UnavailableError, invalid
from smartbeak.process.logs import Log

if TYPE_CHECKING:
    from stripe import StripeClient

API_VERSION = "2023-10-16"
"""Version of Stripe's API that the platform asks for."""

_ANSWER_S = 4.0
"""Longest wait for an answer. With the second try a user waits for less than 10 s; production
waits for 30 s."""

_TRIES = 1
"""How often a request is sent again that had no answer: with the same idempotency key."""

T = TypeVar("T")
log = Log("payments")


class Payments:
    """The way to Stripe.

    Args:
        key: The secret key; empty where the process was not told.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._client: StripeClient | None = None

    async def ask(self, work: Callable[[StripeClient], Awaitable[T]]) -> T:
        """Asks Stripe for something.

        Args:
            work: What to ask; the client comes with it.

        Raises:
            UnavailableError: Stripe is away, has too much to do, or knows no such key.
            ApiError: 402, the card was declined; 400, Stripe refuses what was asked.
        """
        if not self._key:
            raise UnavailableError("stripe", "STRIPE_SECRET_KEY is not set")
        # Only now: it takes 12 MB and a tenth of a second of a process that nobody asks for it.
        import stripe

        if self._client is None:
            stripe.ca_bundle_path = os.environ.get("SSL_CERT_FILE", stripe.ca_bundle_path)
            self._client = stripe.StripeClient(
                self._key,
                stripe_version=API_VERSION,
                http_client=stripe.HTTPXClient(timeout=_ANSWER_S),
                max_network_retries=_TRIES,
            )
        try:
            return await work(self._client)
        except stripe.CardError as error:
            raise ApiError(402, "PAYMENT_ERROR", f"The card was declined: {error.code}") from None
        except stripe.InvalidRequestError as error:
            log.warn("refused by Stripe", code=error.code, param=error.param)
            raise invalid("Invalid payment request. Please check your plan selection.") from None
        except stripe.StripeError as error:
            # Its words may hold a part of a key.
            raise UnavailableError("stripe", type(error).__name__) from None

    async def price(self, plan: str) -> str:
        """Id of the price that a plan has: the active one whose metadata names the plan.

        Raises:
            ApiError: 400, there is none.
        """
        found = await self.ask(
            lambda client: client.v1.prices.list_async({"active": True, "limit": 100})
        )
        for price in found.data:
            if plan_of(price) == plan:
                return price.id
        raise invalid(f"No price for {plan}")


def plan_of(price: Any) -> str:
    """The plan that a price is for, as its metadata says; empty if it does not."""
    return str(getattr(price.metadata, "planId", ""))


def shown(thing: Any, *names: str) -> dict[str, Any]:
    """Fields of an object of Stripe; None for what it does not have."""
    return {name: getattr(thing, name, None) for name in names}
