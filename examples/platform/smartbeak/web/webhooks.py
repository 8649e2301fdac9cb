"""Webhooks: checked, taken once, applied, and only then said to be done."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import DataError, IntegrityError

from smartbeak.data.database import Connection, Database
from smartbeak.process.errors import ApiError, UnavailableError, invalid
from smartbeak.process.logs import Log, reason
from smartbeak.process.metrics import Metrics
from smartbeak.web import accounts, billing, signatures
from smartbeak.web.billing import EventError
from smartbeak.web.once import Once, Turn

STRIPE_API = "2023-10-16"
"""Version of Stripe's API that events should have."""

Headers = Mapping[str, str]
Check = Callable[[bytes, Headers, str, float], None]
Apply = Callable[[Connection, str, Mapping[str, Any]], Awaitable[None]]

log = Log("webhooks")


@dataclass(frozen=True)
class Event:
    """A webhook whose signature is right."""

    kind: str
    """Its type; empty if it does not say."""

    key: str
    """Where it is remembered that it was processed."""

    about: Mapping[str, Any]
    """What it is about."""

    answer: Mapping[str, Any]
    """What its sender is told when it was processed."""

    repeated: Mapping[str, Any]
    """What its sender is told when it was processed before."""

    ignored: Mapping[str, Any] | None
    """What its sender is told because nothing is to be done; None if there is."""


@dataclass(frozen=True)
class Provider:
    """Whose webhooks these are."""

    name: str
    secret: str
    """Variable of the secret."""

    check: Check
    refused: int
    """Status for a signature that is not right."""

    read: Callable[[Mapping[str, Any], Headers, float], Event]
    """What the event says; raises ApiError where that is too little."""

    apply: Apply


class TooOldError(ApiError):
    """An event that is its provider's, and too old to be taken: sent again it only gets older."""

    def __init__(self, text: str) -> None:
        super().__init__(400, "VALIDATION_ERROR", text)


class Webhooks:
    """Takes webhooks.

    Args:
        secrets: Of the providers, by variable.
        database: What they change.
        once: What remembers them.
        metrics: Where they are counted.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        secrets: Mapping[str, str],
        database: Database,
        once: Once,
        metrics: Metrics,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._secrets = secrets
        self._database = database
        self._once = once
        self._metrics = metrics
        self._now = now

    async def take(self, name: str, headers: Headers, body: bytes) -> Mapping[str, Any]:
        """Takes one webhook.

        Args:
            name: Of the provider.
            headers: By name in small letters.
            body: As it was signed, byte for byte.

        Returns:
            What its sender is told.

        Raises:
            ApiError: It was not taken; its sender may try again.
        """
        provider = PROVIDERS[name]
        outcome = "refused"
        try:
            try:
                event = self._read(provider, headers, body)
            except TooOldError:
                outcome = "late"
                raise
            outcome = "failed"
            said, outcome = await self._process(provider, event)
            return said
        finally:
            self._metrics.webhooks.labels(name, outcome).inc()

    def _read(self, provider: Provider, headers: Headers, body: bytes) -> Event:
        now = self._now()
        try:
            provider.check(body, headers, self._secrets[provider.secret], now)
        except signatures.SignatureError as error:
            log.warn("webhook refused", provider=provider.name, error=str(error))
            status = 400 if error.missing else provider.refused
            raise ApiError(status, "WEBHOOK_ERROR", str(error)) from None
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            raise invalid("Invalid JSON payload") from None
        if not isinstance(said, dict):
            raise invalid("Invalid payload")
        return provider.read(said, headers, now)

    async def _process(self, provider: Provider, event: Event) -> tuple[Mapping[str, Any], str]:
        about = {"provider": provider.name, "eventType": event.kind, "event": event.key}
        if event.ignored is not None:
            log.info("webhook ignored", **about)
            return event.ignored, "ignored"
        turn = await self._once.claim(event.key)
        if turn is Turn.DONE:
            log.info("webhook repeated", **about)
            return event.repeated, "repeated"
        if turn is Turn.BUSY:
            raise UnavailableError("webhooks", "the event is being processed")

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await provider.apply(connection, event.kind, event.about)

        try:
            await self._database.run(work)
        except BaseException as error:
            await self._once.undone(event.key)
            if isinstance(error, EventError):
                log.warn("webhook cannot be applied", **about, error=str(error))
                raise invalid(str(error)) from None
            if isinstance(error, IntegrityError | DataError):
                log.error("webhook failed", **about, error=reason(error))
                raise ApiError(500, "PROCESSING_ERROR", "Processing error") from error
            raise
        await self._once.done(event.key)
        log.info("webhook processed", **about)
        return event.answer, "processed"


def _stripe(said: Mapping[str, Any], _: Headers, now: float) -> Event:
    kind, event_id, created = _text(said, "type"), _text(said, "id"), said.get("created")
    if not kind or not event_id:
        raise invalid("Invalid event structure")
    ignored = None
    if kind not in billing.STRIPE_EVENTS:
        ignored = {"received": True, "ignored": True, "eventType": kind}
    elif not isinstance(created, int) or created <= 0:
        raise invalid("Invalid event timestamp")
    elif now - created > signatures.OLDEST_S:
        raise TooOldError("Event timestamp too old")
    if said.get("api_version") != STRIPE_API:
        log.warn("API version mismatch", received=said.get("api_version"), expected=STRIPE_API)
    data = said.get("data")
    thing = data.get("object") if isinstance(data, Mapping) else None
    return Event(
        kind=kind,
        key=f"stripe:processed:{event_id}",
        about=thing if isinstance(thing, Mapping) else {},
        answer={"received": True, "type": kind},
        repeated={"received": True, "idempotent": True},
        ignored=ignored,
    )


def _paddle(said: Mapping[str, Any], _: Headers, now: float) -> Event:
    kind, event_id = _text(said, "event_type"), _text(said, "event_id")
    try:
        occurred = datetime.fromisoformat(_text(said, "occurred_at")).timestamp()
    except (ValueError, OverflowError):
        raise invalid("Invalid event timestamp") from None
    if abs(now - occurred) > signatures.OLDEST_S:
        raise TooOldError("Event timestamp too old or in future")
    if not event_id:
        raise invalid("Missing event_id")
    if not kind:
        raise invalid("Missing event_type")
    ignored = None if kind in billing.PADDLE_EVENTS else {"received": True, "ignored": True}
    return Event(
        kind=kind,
        key=f"webhook:paddle:event:{event_id}",
        about=said,
        answer={"received": True, "type": kind},
        repeated={"received": True, "duplicate": True},
        ignored=ignored,
    )


def _clerk(said: Mapping[str, Any], headers: Headers, _: float) -> Event:
    kind, data = _text(said, "type"), said.get("data")
    if not kind or not isinstance(data, Mapping) or not _text(data, "id"):
        raise invalid("Invalid event structure")
    return Event(
        kind=kind,
        key=f"webhook:clerk:{headers['svix-id']}:{kind}",
        about=data,
        answer={"received": True},
        repeated={"received": True, "duplicate": True},
        ignored=None,
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


PROVIDERS: Mapping[str, Provider] = {
    "stripe": Provider(
        "stripe", "STRIPE_WEBHOOK_SECRET", signatures.check_stripe, 400, _stripe, billing.stripe
    ),
    "paddle": Provider(
        "paddle", "PADDLE_WEBHOOK_SECRET", signatures.check_paddle, 401, _paddle, billing.paddle
    ),
    "clerk": Provider(
        "clerk", "CLERK_WEBHOOK_SECRET", signatures.check_clerk, 401, _clerk, accounts.clerk
    ),
}
"""Providers by name."""
