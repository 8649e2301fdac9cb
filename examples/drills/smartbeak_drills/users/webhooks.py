"""What Stripe and Paddle do: they sign events, send them, and send again what was not taken.

An event counts as done when its subscription is in the database. Signatures are made here
with the standard library: hosts have nothing else. The tests hold them against the
providers' own libraries.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drillbook.inside.account import Count, Work, count_of
from drillbook.inside.journal import Journal
from drillbook.inside.trouble import Trouble
from smartbeak_drills import settings
from smartbeak_drills.session import Session
from smartbeak_drills.users.calls import Line
from smartbeak_drills.users.pace import keep_at

SECRETS = Path("/run/secrets")
"""Holds the secrets as the providers have them: `stripe-webhook` and `paddle-webhook`."""

STRIPE_API = "2023-10-16"
CUSTOMER, ORGANIZATION = "cus_example5", "org_5"
"""Who the events are about: an organization of the stack's first rows."""

PATIENCE_S = 2.0
"""Seconds without an event that was taken before its sender calls the endpoint down."""

_INTERVAL_S = 0.5
_TIMEOUT_S = 2.5
_ACCOUNT_S = 20.0
_AGAIN_S = 0.1
_PRESENT = "SELECT id FROM subscriptions WHERE starts_with(id, $1)"


def stripe_headers(secret: bytes, body: bytes, now: int, *older: bytes) -> dict[str, str]:
    """Stripe's signature: over `<t>.<body>`, see docs.stripe.com/webhooks#verify-manually.

    Args:
        secret: What it signs with.
        body: What is signed.
        now: Seconds since 1970.
        older: Secrets that were rolled and do not end yet: it signs with each of them too.
    """
    signed = f"{now}.".encode() + body
    parts = [f"v1={_hex(each, signed)}" for each in (secret, *older)]
    return {"Stripe-Signature": ",".join([f"t={now}", *parts])}


def paddle_headers(secret: bytes, body: bytes, now: int) -> dict[str, str]:
    """Paddle's signature: over `<ts>:<body>`."""
    return {"Paddle-Signature": f"ts={now};h1={_hex(secret, f'{now}:'.encode() + body)}"}


def stripe_event(key: str, kind: str, thing: Mapping[str, Any], created: int) -> bytes:
    """An event of Stripe, as it is signed.

    Args:
        key: Its id.
        kind: Its type.
        thing: What it is about.
        created: Seconds since 1970.
    """
    said = {
        **{"id": key, "type": kind, "created": created, "api_version": STRIPE_API},
        "data": {"object": thing},
    }
    return json.dumps(said).encode()


def send(line: Line, provider: str, body: bytes) -> None:
    """Signs an event as its provider does, and sends it.

    Raises:
        CallError: It was not taken.
        OSError: The secret cannot be read.
    """
    first = SECRETS / f"{provider}-webhook"
    secret, now = settings.secret(first).read_bytes().strip(), int(time.time())
    if provider == "stripe":
        old = first.read_bytes().strip()
        headers = stripe_headers(secret, body, now, *([old] if old != secret else []))
    else:
        headers = paddle_headers(secret, body, now)
    line.send(f"/api/webhooks/{provider}", body, headers)


class Webhooks:
    """Sends numbered events of Stripe, and one of Paddle beside each.

    Args:
        url: Of the web host.
        database: Connects to the database, for the account.
    """

    kind = "webhooks"

    def __init__(self, url: str, database: Callable[[], Session]) -> None:
        self.journal = Journal()
        self.journal.begin_after(0)
        self._url = url
        self._database = database
        self._prefix = f"sub_drill_{uuid.uuid4().hex[:8]}_"
        self._unsent: deque[int] = deque()
        """Numbers of events that were not taken: they are sent again, the oldest first."""

    @property
    def works(self) -> Sequence[Work]:
        """See `drillbook.inside.account.Client`."""
        return (self._deliver,)

    def settle(self) -> float | None:
        """See `drillbook.inside.account.Client`; what was taken is in the database."""
        return None

    def deliver(self, line: Line) -> None:
        """Sends an event of each provider.

        Raises:
            CallError: One of them was not taken.
        """
        if not self._unsent:
            self._unsent.append(self.journal.number() or 0)
        number, now = self._unsent[0], int(time.time())
        about = {"id": f"{self._prefix}{number}", "customer": CUSTOMER, "status": "trialing"}
        kind = "customer.subscription.created"
        body = stripe_event(f"evt_{self._prefix}{number}", kind, about, now)
        send(line, "stripe", body)
        self.journal.confirm(self._unsent.popleft())
        said = {
            **{"event_id": f"evt_{uuid.uuid4().hex}", "event_type": "transaction.completed"},
            **{"org_id": ORGANIZATION, "status": "completed"},
            "occurred_at": datetime.now(UTC).isoformat(),
        }
        send(line, "paddle", json.dumps(said).encode())

    def count(self) -> Count:
        """See `drillbook.inside.account.Client`."""
        present = self._present()
        losses = None if present is None else self.journal.compare(present, _INTERVAL_S)
        return count_of(self.kind, self.journal, losses)

    def _deliver(self, stop: threading.Event) -> None:
        line = Line(self._url, timeout_s=_TIMEOUT_S)
        keep_at(lambda: self.deliver(line), self.journal, _INTERVAL_S, stop)
        line.close()

    def _present(self) -> list[int] | None:
        """Numbers of the subscriptions in the database; None if it cannot be read."""
        deadline = time.monotonic() + _ACCOUNT_S
        while time.monotonic() < deadline:
            try:
                with self._database() as session:
                    rows = session.run(_PRESENT, self._prefix)
                return [int(str(row[0]).removeprefix(self._prefix)) for row in rows]
            except Trouble as error:
                self.journal.fail(error.text, seen=error.seen)
                time.sleep(_AGAIN_S)
        return None


def _hex(secret: bytes, signed: bytes) -> str:
    return hmac.digest(secret, signed, hashlib.sha256).hex()
