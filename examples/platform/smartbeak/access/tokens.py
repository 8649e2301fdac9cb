"""Access tokens: JWT signed with HMAC-SHA256, two keys, revocation in Redis."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from smartbeak.access.roles import ROLES, Role
from smartbeak.data.store import Store
from smartbeak.process import lean
from smartbeak.process.errors import unauthorized
from smartbeak.process.settings import Settings

# Where `cryptography` is installed, PyJWT loads all of it: 9 MB for algorithms that are
# refused here.
with lean.without("cryptography"):
    import jwt

ALGORITHM = "HS256"
"""The only one that is accepted."""

LIFE_S = 3600
"""Seconds that a token is good for unless asked otherwise."""

LONGEST_LIFE_S = 24 * 3600
"""Seconds that a token is good for at most."""

REVOKED_S = 7 * 24 * 3600
"""Seconds that a revocation is remembered: longer than any token lasts."""

_SKEW_S = 30
_LONGEST_NAME = 256


@dataclass(frozen=True)
class Identity:
    """Who sent a request."""

    user: str
    """`sub` of the token."""

    org: str
    """Organization that they act for."""

    role: Role
    """What they may do there."""

    token: str
    """`jti` of the token; empty if it has none."""

    issued_at: int
    """When the token was made, in seconds since 1970; 0 if it does not say."""


class Tokens:
    """Makes and reads tokens.

    Args:
        settings: Keys, audience and issuer.
    """

    def __init__(self, settings: Settings) -> None:
        self._keys = settings.jwt_keys
        self._audience = settings.jwt_audience
        self._issuer = settings.jwt_issuer

    def sign(self, user: str, org: str, role: Role, *, life_s: int = LIFE_S) -> str:
        """A token, signed with the first key."""
        now = int(time.time())
        claims = {
            "sub": user,
            "orgId": org,
            "role": role,
            "jti": secrets.token_hex(16),
            "boundOrgId": org,
            "iat": now,
            "exp": now + min(life_s, LONGEST_LIFE_S),
            "aud": self._audience,
            "iss": self._issuer,
        }
        return jwt.encode(claims, self._keys[0], ALGORITHM)

    def read(self, token: str) -> Identity:
        """Who a token is for.

        Raises:
            ApiError: 401; it does not say why, since that helps only who forges one.
        """
        for key in filter(None, self._keys):
            try:
                claims = jwt.decode(
                    token,
                    key,
                    [ALGORITHM],
                    audience=self._audience,
                    issuer=self._issuer,
                    leeway=_SKEW_S,
                    options={"require": ["exp", "aud", "iss", "sub"]},
                )
            except jwt.InvalidTokenError:
                continue
            user, org, role = claims["sub"], claims.get("orgId"), claims.get("role")
            if _is_name(user) and _is_name(org) and role in ROLES:
                token_id, issued_at = claims.get("jti"), claims.get("iat")
                return Identity(
                    user=user,
                    org=str(org),
                    role=role,
                    token=token_id if isinstance(token_id, str) else "",
                    issued_at=int(issued_at) if isinstance(issued_at, int | float) else 0,
                )
        raise unauthorized("Unauthorized")


def token_key(token_id: str) -> str:
    """Where it is said that one token is no longer good."""
    return f"jwt:revoked:{token_id}"


def user_key(user: str) -> str:
    """Where it is said that a user's tokens are no longer good; holds when that was decided,
    in milliseconds since 1970."""
    return f"jwt:revoked:user:{user}"


async def check_revoked(store: Store, identity: Identity) -> None:
    """Lets through whose token is still good.

    Raises:
        ApiError: 401, it was revoked.
        UnavailableError: That cannot be told; nobody gets in on a guess.
    """
    by_user, by_token = await store.texts(
        user_key(identity.user), token_key(identity.token or "none")
    )
    if by_token is not None or (by_user is not None and _before(identity.issued_at, by_user)):
        raise unauthorized("Unauthorized")


def _before(issued_at: int, decided: str) -> bool:
    """Whether a token is older than the decision; every token is older than an unclear one."""
    return not decided.isdecimal() or issued_at * 1000 <= int(decided)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME
