"""Access tokens of an operator: signed here, for a few minutes, never printed."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

from smartbeak_ops import lean, settings
from smartbeak_ops.refusal import RefusedError

# Tokens are signed with a shared secret: keys of other kinds are not read here.
with lean.without("cryptography"):
    import jwt

LIFE_S = 600


def sign(org: str, *, role: str = "admin", file: Path | None = None) -> str:
    """A token of somebody in an organization.

    Args:
        org: The organization.
        role: What they are there.
        file: Holds the key; the one that signs now unless given.

    Raises:
        RefusedError: The key is not on this host.
    """
    file = file or settings.secret("jwt-key-1")
    try:
        key = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise RefusedError(f"{file} cannot be read ({error.strerror}): type this on ops") from error
    known = settings.read().values
    now = int(time.time())
    claims = {
        "sub": f"sb-{os.environ.get('USER', 'operator')}-{org}",
        "orgId": org,
        "role": role,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + LIFE_S,
        "aud": known.get("JWT_AUDIENCE", ""),
        "iss": known.get("JWT_ISSUER", ""),
    }
    return jwt.encode(claims, key, "HS256")
