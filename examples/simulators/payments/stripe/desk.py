"""What an operation works with: the ledger, the moment, and the events it brings about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.payments.ledger import Ledger, Thing, new_id
from simulators.payments.stripe import errors

API_VERSION = "2023-10-16"
"""Version of the API that objects and events have; the platform's account is pinned to it."""

RETENTION_S = 30 * 24 * 3600
"""Seconds that events can be read: https://docs.stripe.com/api/events."""


@dataclass(frozen=True)
class Desk:
    """One operation's means."""

    ledger: Ledger
    now: int
    """Seconds since 1970."""

    request: str
    """Id of the request; empty where nobody asked."""

    key: str = ""
    """Its idempotency key."""

    def get(self, kind: str, key: str, param: str = "id") -> Thing:
        """The object of that id.

        Raises:
            StripeError: There is none.
        """
        found = self.ledger.get(key, kind)
        if found is None:
            raise errors.missing(kind, key, param)
        return found

    def make(self, kind: str, prefix: str, fields: Mapping[str, Any], *, length: int = 24) -> Thing:
        """Adds an object with these fields and those that all have."""
        thing: Thing = {
            **{"id": new_id(prefix, length), "object": kind},
            **{"created": self.now, "livemode": False, "metadata": {}},
            **fields,
        }
        self.ledger.add(thing)
        return thing

    def change(self, thing: Thing, fields: Mapping[str, Any], event: str = "") -> Thing:
        """Writes new values into an object, and says so in an event if one is named."""
        before = {key: thing.get(key) for key, new in fields.items() if thing.get(key) != new}
        thing.update(fields)
        self.ledger.save(thing)
        if event:
            self.emit(event, thing, before)
        return thing

    def emit(self, kind: str, thing: Thing, before: Mapping[str, Any] | None = None) -> None:
        """Notes an event, and for which endpoints it is."""
        data: dict[str, Any] = {"object": thing}
        if before is not None:
            data["previous_attributes"] = dict(before)
        endpoints = [
            endpoint["id"]
            for endpoint in self.ledger.find("webhook_endpoint", [("status", "=", "enabled")])
            if {"*", kind} & set(endpoint["enabled_events"])
        ]
        event: Thing = {
            **{"id": new_id("evt_"), "object": "event", "api_version": API_VERSION},
            **{"created": self.now, "data": data, "livemode": False, "type": kind},
            "pending_webhooks": len(endpoints),
            "request": {"id": self.request or None, "idempotency_key": self.key or None},
        }
        self.ledger.add(event)
        for endpoint in endpoints:
            self.ledger.deliver(event["id"], endpoint, self.now)


def shown(value: Any) -> Any:
    """As Stripe shows it: without what is the simulator's own."""
    if isinstance(value, dict):
        return {name: shown(each) for name, each in value.items() if not name.startswith("_")}
    if isinstance(value, list):
        return [shown(each) for each in value]
    return value
