"""What an operation works with: the ledger, the moment, and what Paddle tells of it.

An entity keeps its moments as seconds since 1970, so that time can pass; `shown` writes them
as Paddle does. A notification is an entity with one delivery, which holds its state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulators.payments.ledger import Ledger, Thing, new_id
from simulators.payments.paddle import errors

RETENTION_S = 90 * 24 * 3600
"""Seconds that events and notifications can be read:
https://developer.paddle.com/changelog/2024/event-notification-retention-changes."""

_OURS = ("object", "created", "livemode", "metadata")
"""Fields that the ledger needs, or Stripe's seed shares; Paddle has none of them."""


@dataclass(frozen=True)
class Desk:
    """One operation's means."""

    ledger: Ledger
    now: int
    """Seconds since 1970."""

    def get(self, kind: str, key: str) -> Thing:
        """The entity of that id.

        Raises:
            PaddleError: There is none.
        """
        found = self.ledger.get(key, kind)
        if found is None:
            raise errors.missing(key)
        return found

    def make(self, kind: str, prefix: str, fields: Mapping[str, Any]) -> Thing:
        """Adds an entity with these fields and those that all have."""
        thing: Thing = {
            **{"id": new_id(prefix, 26).lower(), "object": kind, "created": self.now},
            **{"created_at": self.now, "updated_at": self.now},
            **fields,
        }
        self.ledger.add(thing)
        return thing

    def change(self, thing: Thing, fields: Mapping[str, Any], *events: str) -> Thing:
        """Writes new values into an entity, and says so in these events."""
        thing.update({**fields, "updated_at": self.now})
        self.ledger.save(thing)
        for event in events:
            self.emit(event, thing)
        return thing

    def emit(self, kind: str, thing: Thing) -> None:
        """Notes an event, and a notification for each destination that is active."""
        event = {
            **{"id": new_id("evt_", 26).lower(), "object": "event", "created": self.now},
            **{"event_type": kind, "occurred_at": self.now, "data": thing},
        }
        self.ledger.add(event)
        for setting in self.ledger.find("notification_setting"):
            if setting["active"] and kind in setting["_events"]:
                self.notify(event, setting["id"], "event")

    def notify(self, event: Thing, setting: str, origin: str) -> str:
        """Adds a notification of an event, to be delivered at once; returns its id."""
        key = new_id("ntf_", 26).lower()
        notification = {
            **{"id": key, "object": "notification", "created": event["occurred_at"]},
            **{"type": event["event_type"], "occurred_at": event["occurred_at"]},
            **{"notification_setting_id": setting, "origin": origin, "replayed_at": None},
            "_event": event["id"],
        }
        self.ledger.add(notification)
        self.ledger.deliver(key, setting, self.now)
        return key


def payload(books: Ledger, notification: Thing) -> Thing:
    """What a destination is sent."""
    event = books.get(notification["_event"], "event") or {}
    return {
        **{"event_id": notification["_event"], "event_type": notification["type"]},
        "occurred_at": moment(event["occurred_at"]),
        "notification_id": notification["id"],
        "data": shown(event["data"]),
    }


def shown(value: Any) -> Any:
    """As Paddle shows it: moments in words, without what is the simulator's own."""
    if isinstance(value, dict):
        return {
            name: each if name == "custom_data" else _of(name, each)
            for name, each in value.items()
            if not name.startswith("_") and name not in _OURS
        }
    if isinstance(value, list):
        return [shown(each) for each in value]
    return value


def _of(name: str, value: Any) -> Any:
    return moment(value) if name.endswith("_at") and isinstance(value, int) else shown(value)


def moment(seconds: float) -> str:
    """RFC 3339, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
