"""Webhooks as the providers sign and send them, and what became of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.stack.box import FACTS, Answer, Box, Call

WEB = "http://web:3000"


class Sender:
    """Signs and sends webhooks as the providers do."""

    def __init__(self, box: Box) -> None:
        self._box = box
        names = ("stripe", "paddle", "clerk")
        self._secrets = {
            name: box.shell("web", f"cat /run/secrets/{name}-webhook").strip() for name in names
        }

    def signed(self, provider: str, body: bytes, event: str, **changes: str) -> Call:
        """A webhook, ready to be sent as often as wanted."""
        now, secret = int(time.time()), self._secrets[provider]
        if provider == "stripe":
            signature = _hex(secret, f"{now}.", body)
            headers = {"Stripe-Signature": f"t={now},v1={signature}"}
        elif provider == "paddle":
            headers = {"Paddle-Signature": f"ts={now};h1={_hex(secret, f'{now}:', body)}"}
        else:
            text = re.sub("[^A-Za-z0-9+/]", "", secret)
            key = base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + "===")
            digest = hmac.new(key, f"{event}.{now}.".encode() + body, hashlib.sha256).digest()
            headers = {
                "svix-id": event,
                "svix-timestamp": str(now),
                "svix-signature": f"v1,{base64.b64encode(digest).decode()}",
            }
        return Call("POST", f"/api/webhooks/{provider}", body=body, headers={**headers, **changes})

    def stripe(self, kind: str, thing: Mapping[str, Any], **changes: Any) -> Call:
        """An event of Stripe."""
        event = f"evt_{uuid.uuid4().hex}"
        said = {
            **{"id": event, "type": kind, "created": int(time.time())},
            **{"api_version": FACTS["webhooks"]["stripe"]["version"], "data": {"object": thing}},
            **changes,
        }
        return self.signed("stripe", json.dumps(said).encode(), event)

    def paddle(self, kind: str, org: str, **changes: Any) -> Call:
        """An event of Paddle."""
        event = f"evt_{uuid.uuid4().hex}"
        said = {
            **{"event_id": event, "event_type": kind, "org_id": org},
            **{"occurred_at": datetime.now(UTC).isoformat(), **changes},
        }
        return self.signed("paddle", json.dumps(said).encode(), event)

    def clerk(self, kind: str, data: Mapping[str, Any]) -> Call:
        """An event of Clerk."""
        body = json.dumps({"type": kind, "data": data, "object": "event"}).encode()
        return self.signed("clerk", body, f"msg_{uuid.uuid4().hex}")

    def send(self, *calls: Call) -> list[Answer]:
        """How they are answered."""
        return self._box.calls(*calls, base=WEB)


def _hex(secret: str, before: str, body: bytes) -> str:
    return hmac.new(secret.encode(), before.encode() + body, hashlib.sha256).hexdigest()


def subscription(box: Box, org: int) -> list[str]:
    return box.sql(
        "SELECT status, plan_id, grace_until IS NOT NULL FROM subscriptions "
        f"WHERE org_id = 'org_{org}' ORDER BY created_at, id"
    )
