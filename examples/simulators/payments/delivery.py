"""Webhooks on their way: signed, sent, and sent again until they are taken or given up.

Sent one after another, the longest due first; an answer of 2xx within the time limit
counts as taken. An endpoint of Stripe's that takes nothing for days is disabled.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from simulators.folders import Folders
from simulators.payments import books, ledger
from simulators.payments.ledger import Delivery, Ledger, Thing
from simulators.payments.paddle.desk import payload
from simulators.payments.stripe.desk import shown

Sign = Callable[[Sequence[str], bytes, int], Mapping[str, str]]

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_FAILS = "_failing_since"
"""Field of an endpoint: when the first attempt failed since it took one, seconds since 1970."""

_LOOK_S = 0.05
_TIMEOUT_S = 10.0
_AUTHORITY = "run/tls/ca.crt"


@dataclass(frozen=True)
class Courier:
    """How a provider delivers."""

    agent: str
    """What it calls itself."""

    later: Sequence[float]
    """Seconds after the event at which it tries again."""

    indent: int | None
    """How its JSON is laid out: what is signed is the bytes."""

    sign: Sign

    address: Callable[[Thing], str]
    """Where an endpoint is; empty if it does not listen."""

    body: Callable[[Ledger, Thing], Thing]
    """What an endpoint is sent."""

    disables_s: float | None
    """Seconds after which it disables an endpoint that takes nothing, and tries nothing again that
    is due to it; None where it does not say that it does."""


def stripe_headers(secrets: Sequence[str], body: bytes, now: int) -> dict[str, str]:
    """One signature for each secret: https://docs.stripe.com/webhooks#verify-manually."""
    signed = f"{now}.".encode() + body
    return {"Stripe-Signature": f"t={now}," + ",".join(f"v1={_hex(s, signed)}" for s in secrets)}


def paddle_headers(secrets: Sequence[str], body: bytes, now: int) -> dict[str, str]:
    """https://developer.paddle.com/webhooks/signature-verification."""
    signed = f"{now}:".encode() + body
    return {"Paddle-Signature": f"ts={now};" + ";".join(f"h1={_hex(s, signed)}" for s in secrets)}


STRIPE = Courier(
    "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    # Stripe says "up to three days with an exponential back off"; the steps are ours.
    (
        *(_MINUTE, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR),
        *(24 * _HOUR, 36 * _HOUR, 48 * _HOUR, 60 * _HOUR, 72 * _HOUR),
    ),
    2,
    stripe_headers,
    lambda endpoint: endpoint["url"] if endpoint["status"] == "enabled" else "",
    lambda books, event: {**shown(event), "pending_webhooks": books.pending(event["id"])},
    # Stripe says "multiple days in a row". Its e-mail to who failed since 1 May named 10 May:
    # https://dev.to/edhiblemeer/stripe-webhook-was-silently-failing-for-5-days-the-4xx-retry-trap-and-the-beginning-of-month-time-5d2o
    9 * _DAY,
)
PADDLE = Courier(
    "Paddle",
    # 60 attempts in three days: 20 in the first hour, 47 in the first day.
    (
        *(3 * _MINUTE * n for n in range(1, 20)),
        *(_HOUR + 51 * _MINUTE * n for n in range(1, 28)),
        *(24 * _HOUR + 3.6 * _HOUR * n for n in range(1, 14)),
    ),
    None,
    paddle_headers,
    lambda setting: setting["destination"] if setting["active"] else "",
    payload,
    None,
)


def stripe(folders: Folders) -> None:
    """Delivers Stripe's events, without an end."""
    _run(folders, STRIPE)


def paddle(folders: Folders) -> None:
    """Delivers Paddle's notifications, without an end."""
    _run(folders, PADDLE)


def attempt(courier: Courier, address: str, secrets: Sequence[str], event: Thing, root: str) -> int:
    """Sends an event once.

    Returns:
        HTTP status; 0 without an answer.
    """
    body = json.dumps(event, indent=courier.indent).encode()
    place = urlsplit(address)
    assert place.hostname
    headers = {
        **{"Content-Type": "application/json; charset=utf-8", "User-Agent": courier.agent},
        **courier.sign(secrets, body, int(time.time())),
    }
    line: http.client.HTTPConnection
    if place.scheme == "https":
        context = ssl.create_default_context(cafile=root + _AUTHORITY)
        line = http.client.HTTPSConnection(
            place.hostname, place.port, timeout=_TIMEOUT_S, context=context
        )
    else:
        line = http.client.HTTPConnection(place.hostname, place.port, timeout=_TIMEOUT_S)
    with contextlib.closing(line):
        try:
            line.request("POST", place.path, body, headers)
            return line.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


def _run(folders: Folders, courier: Courier) -> None:
    scale = float(os.environ.get("TIME_SCALE", "1"))
    root = str(folders.root).rstrip("/") + "/"
    while True:
        # Opened anew after trouble: a disk that was full may have room again.
        with contextlib.suppress(OSError), ledger.opened(books(folders)) as known:
            while True:
                if not _next(known, courier, scale, root):
                    time.sleep(_LOOK_S)
        time.sleep(_LOOK_S)


def _next(known: Ledger, courier: Courier, scale: float, root: str) -> bool:
    """Makes the attempt that is due; whether there was one."""
    delivery = known.due(time.time())
    if delivery is None:
        return False
    event, endpoint = known.get(delivery.event), known.get(delivery.endpoint)
    address = courier.address(endpoint) if endpoint else ""
    status = 0
    if event and address:
        secrets = known.secrets(delivery.endpoint)
        status = attempt(courier, address, secrets, courier.body(known, event), root)
    with known.changing():
        known.attempted(delivery, *after(delivery, courier, scale, status, address), status)
        if address and courier.disables_s is not None:
            _judge(known, delivery.endpoint, courier.disables_s, taken=_taken(status))
    return True


def _judge(known: Ledger, key: str, disables_s: float, *, taken: bool) -> None:
    """Notes since when an endpoint takes nothing; disables it if that is too long."""
    endpoint, now = known.get(key), int(time.time())
    since = endpoint.get(_FAILS) if endpoint else None
    if endpoint is None or (taken and since is None):
        return
    if taken:
        endpoint[_FAILS] = None
    elif since is None:
        endpoint[_FAILS] = now
    elif now - since >= disables_s:
        endpoint.update({"status": "disabled", _FAILS: None})
    else:
        return
    known.save(endpoint)


def after(
    delivery: Delivery, courier: Courier, scale: float, status: int, address: str
) -> tuple[str, float]:
    """State of a delivery after an attempt, and when the next is due.

    Args:
        delivery: With the attempts before this one.
        courier: Whose it is.
        scale: Delays are divided by it.
        status: HTTP status; 0 without an answer.
        address: Where the endpoint is; empty if it does not listen.
    """
    if _taken(status):
        return "delivered", 0.0
    stopped = not address and courier.disables_s is not None
    if stopped or delivery.attempts >= len(courier.later):
        return "given up", 0.0
    return "pending", delivery.first + courier.later[delivery.attempts] / scale


def _taken(status: int) -> bool:
    return 200 <= status < 300


def _hex(secret: str, signed: bytes) -> str:
    return hmac.digest(secret.encode(), signed, hashlib.sha256).hex()
