"""Signatures of webhooks: who sent them, and when."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping

OLDEST_S = 300
"""Longest that a signature may be on its way."""

AHEAD_S = 30
"""How far a sender's clock may be ahead."""


class SignatureError(Exception):
    """A webhook that its provider did not send, or not just now.

    Attributes:
        missing: Whether it is not signed at all.
    """

    def __init__(self, text: str, *, missing: bool = False) -> None:
        self.missing = missing
        super().__init__(text)


def check_stripe(body: bytes, headers: Mapping[str, str], secret: str, now: float) -> None:
    """Checks `stripe-signature: t=<seconds>,v1=<hex>[,v1=<hex>]` over `<t>.<body>`.

    Raises:
        SignatureError: It is not right.
    """
    sent = headers.get("stripe-signature")
    if not sent:
        raise SignatureError("Missing stripe-signature header", missing=True)
    parts = [part.strip().partition("=") for part in sent.split(",")]
    moments = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1"]
    failed = SignatureError("Webhook signature verification failed")
    if len(moments) != 1 or not _fresh(moments[0], now):
        raise failed
    right = _hex(secret.encode(), f"{moments[0]}.".encode() + body)
    if not _among(right, signatures):
        raise failed


def check_paddle(body: bytes, headers: Mapping[str, str], secret: str, now: float) -> None:
    """Checks `paddle-signature: ts=<seconds>;h1=<hex>[;h1=<hex>]` over `<ts>:<body>`.

    While a secret is rotated Paddle signs with both; one that is right is enough.

    Raises:
        SignatureError: It is not right.
    """
    sent = headers.get("paddle-signature")
    if not sent:
        raise SignatureError("Missing Paddle-Signature header", missing=True)
    parts = [part.strip().partition("=")[::2] for part in sent.split(";")]
    moments = [value for name, value in parts if name == "ts" and value]
    signatures = [value for name, value in parts if name == "h1" and value]
    if not moments or not signatures:
        raise SignatureError("Malformed Paddle-Signature header", missing=True)
    right = _hex(secret.encode(), f"{moments[0]}:".encode() + body)
    fresh = len(moments) == 1 and _fresh(moments[0], now, ahead_s=OLDEST_S)
    if not fresh or not _among(right, signatures):
        raise SignatureError("Invalid signature")


def check_clerk(body: bytes, headers: Mapping[str, str], secret: str, now: float) -> None:
    """Checks Svix' headers: `svix-signature: v1,<base64>[ v1,<base64>]` over
    `<svix-id>.<svix-timestamp>.<body>`.

    Raises:
        SignatureError: It is not right.
    """
    names = ("svix-id", "svix-timestamp", "svix-signature")
    event, moment, sent = (headers.get(name, "") for name in names)
    if not (event and moment and sent):
        raise SignatureError("Missing required Svix headers", missing=True)
    failed = SignatureError("Invalid webhook signature")
    if not _fresh(moment, now):
        raise failed
    signed = f"{event}.{moment}.".encode() + body
    digest = hmac.digest(svix_key(secret), signed, hashlib.sha256)
    right = base64.b64encode(digest).decode()
    parts = [part.partition(",") for part in sent.split(" ")]
    if not _among(right, [value for version, _, value in parts if version == "v1"]):
        raise failed


def svix_key(secret: str) -> bytes:
    """The key in a Svix secret: base64 behind `whsec_`, read as leniently as Node does."""
    text = re.sub(r"[^A-Za-z0-9+/]", "", secret.removeprefix("whsec_"))
    try:
        return base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + "===")
    except binascii.Error:
        return b""


def _hex(key: bytes, signed: bytes) -> str:
    return hmac.digest(key, signed, hashlib.sha256).hex()


def _among(right: str, sent: list[str]) -> bool:
    """Whether one of the signatures is right; takes as long whichever it is."""
    return any([hmac.compare_digest(right.encode(), each.encode()) for each in sent])


def _fresh(moment: str, now: float, *, ahead_s: float = AHEAD_S) -> bool:
    if not (moment.isascii() and moment.isdecimal() and len(moment) < 12):
        return False
    return -ahead_s <= now - int(moment) <= OLDEST_S
