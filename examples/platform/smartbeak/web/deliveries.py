"""Routes of the web host: deliveries of events, each with its provider's signature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from opentelemetry import trace
from pydantic import TypeAdapter

from smartbeak.http.shapes.base import Problem
from smartbeak.web import events
from smartbeak.web.webhooks import PROVIDERS, Webhooks


@dataclass(frozen=True)
class Delivery:
    """What a provider and the web host say to each other."""

    title: str
    """The provider's name, for people."""

    event: Any
    """Type of the event."""

    headers: Mapping[str, str]
    """What is in the headers of the signature, by their names."""

    answer: Any
    """Types of the answers to an event that was taken."""


_MOMENT = "seconds since 1970"

DELIVERIES: Mapping[str, Delivery] = {
    "stripe": Delivery(
        "Stripe",
        events.StripeEvent,
        {"stripe-signature": f"`t=<{_MOMENT}>,v1=<HMAC-SHA256 of t.body, in hex>`"},
        events.ReceivedKind | events.Idempotent | events.IgnoredKind,
    ),
    "paddle": Delivery(
        "Paddle",
        events.PaddleEvent,
        {"paddle-signature": f"`ts=<{_MOMENT}>;h1=<HMAC-SHA256 of ts:body, in hex>`"},
        events.ReceivedKind | events.Duplicate | events.Ignored,
    ),
    "clerk": Delivery(
        "Clerk",
        events.ClerkEvent,
        {
            "svix-id": "Id of the delivery.",
            "svix-timestamp": f"{_MOMENT.capitalize()}.",
            "svix-signature": "`v1,<HMAC-SHA256 of svix-id.svix-timestamp.body, in base64>`",
        },
        events.Duplicate | events.Received,
    ),
}
"""By provider."""

_WORDS = {
    400: "No signature; where there is no 401, a wrong one; or no event that can be applied.",
    401: "The signature is not right, or too old.",
    413: "The body is too long.",
    500: "The event contradicts what the platform knows.",
    503: "PostgreSQL or Redis is away, or the same event is being applied.",
}


def routes(webhooks: Webhooks) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])
    for name, delivery in DELIVERIES.items():
        _add(router, webhooks, name, delivery)
    return router


def _add(router: APIRouter, webhooks: Webhooks, name: str, delivery: Delivery) -> None:
    statuses = sorted({400, PROVIDERS[name].refused, 413, 500, 503})

    @router.post(
        f"/{name}",
        name=f"take_{name}",
        summary=f"Takes an event of {delivery.title}",
        response_model=delivery.answer,
        responses={each: {"model": Problem, "description": _WORDS[each]} for each in statuses},
        openapi_extra=_asked(delivery),
    )
    async def take(request: Request) -> JSONResponse:
        """Applies an event once. An event that is not applied is refused and can be sent again."""
        # Read here and not by the framework: the signature is of these very bytes.
        body = await request.body()
        trace.get_current_span().set_attribute("peer.service", name)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return JSONResponse(await webhooks.take(name, headers, body))


def _asked(delivery: Delivery) -> dict[str, Any]:
    """What is to be sent, for the route's documentation."""
    schema = TypeAdapter(delivery.event).json_schema()
    return {
        "parameters": [
            {
                **{"name": name, "in": "header", "required": True, "description": text},
                "schema": {"type": "string", "title": name.title()},
            }
            for name, text in delivery.headers.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _whole(schema, schema.get("$defs", {}))}},
        },
    }


def _whole(part: Any, known: Mapping[str, Any]) -> Any:
    """A schema with what it refers to in its place."""
    if isinstance(part, list):
        return [_whole(each, known) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _whole(known[part["$ref"].rpartition("/")[2]], known)
    return {name: _whole(each, known) for name, each in part.items() if name != "$defs"}
