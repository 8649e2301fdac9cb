"""Access tokens as the platform's sign-in gives them out: JWT, signed with HMAC-SHA256.

Standard library only: hosts have nothing else, and one signature is four lines.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

LIFE_S = 3600
"""Seconds until a token of the platform ends."""


def make(key: bytes, claims: Mapping[str, Any], *, audience: str, issuer: str) -> str:
    """A signed token.

    Args:
        key: JWT_KEY_1, as in its file.
        claims: Who it is for: `sub`, `orgId`, `role`, and `jti` where it may be revoked.
        audience: JWT_AUDIENCE.
        issuer: JWT_ISSUER.
    """
    now = int(time.time())
    payload = {**claims, "iat": now, "exp": now + LIFE_S, "aud": audience, "iss": issuer}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(payload)}"
    return f"{signed}.{_encoded(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def _part(data: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(data, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
