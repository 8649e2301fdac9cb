"""The platform's users: who may do what, and how often."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smartbeak_drills import settings
from smartbeak_drills.session import Session
from smartbeak_drills.users import tokens

WRITERS = ("admin", "editor")
READERS = ("viewer", "admin", "editor")
PUBLISHERS = ("owner", "admin", "editor")

PER_MINUTE: Mapping[str, int] = {"write": 40, "read": 40, "publish": 8}
"""Requests that one user makes in a minute at most. The platform allows 50, 50 and 10,
and whoever follows the page may be one of these users."""

_MINUTE_S = 60.0
_MEMBERS = "SELECT user_id, org_id, role FROM memberships ORDER BY user_id, org_id"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a role in an organization."""

    id: str
    org: str
    role: str


class Roster:
    """Hands out users in turn, each no more often than the platform allows.

    Args:
        users: All of them.
        config: The platform's configuration file.
        key: File with the key that signs tokens.
    """

    def __init__(self, users: Sequence[User], config: Path, key: Path) -> None:
        self._users = users
        self._config = config
        self._key = key
        self._lock = threading.Lock()
        self._taken: dict[tuple[str, str], deque[float]] = {}
        self._tokens: dict[str, str] = {}

    def take(self, route: str, roles: Sequence[str], org: str = "") -> User | None:
        """The user who may use the route and has done so least; None when all have to wait.

        Args:
            route: A key of `PER_MINUTE`.
            roles: Roles that the route wants.
            org: The organization, where it matters.
        """
        now = time.monotonic()
        with self._lock:
            fitting = [u for u in self._users if u.role in roles and (not org or u.org == org)]
            if not fitting:
                return None
            user = min(fitting, key=lambda each: len(self._recent(route, each, now)))
            recent = self._recent(route, user, now)
            if len(recent) >= PER_MINUTE[route]:
                return None
            recent.append(now)
            return user

    def token(self, user: User) -> str:
        """The token the user is signed in with."""
        with self._lock:
            if user.id not in self._tokens:
                self._tokens[user.id] = self.sign_in(user)
            return self._tokens[user.id]

    def sign_out(self, user: User) -> None:
        """Lets the user sign in anew at the next use: what was signed before is not taken."""
        with self._lock:
            self._tokens.pop(user.id, None)

    def sign_in(self, user: User, name: str = "") -> str:
        """A new token for the user.

        Args:
            user: Whose.
            name: The token's id (`jti`), by which it may be revoked.

        Raises:
            SessionError: The configuration lacks what a token says.
            OSError: The key cannot be read.
        """
        return tokens.make(
            settings.secret(self._key).read_bytes().strip(),
            {
                "sub": user.id,
                "orgId": user.org,
                "role": user.role,
                "jti": name or str(uuid.uuid4()),
            },
            audience=settings.read(self._config, "JWT_AUDIENCE"),
            issuer=settings.read(self._config, "JWT_ISSUER"),
        )

    def _recent(self, route: str, user: User, now: float) -> deque[float]:
        recent = self._taken.setdefault((route, user.id), deque())
        while recent and recent[0] <= now - _MINUTE_S:
            recent.popleft()
        return recent


def members(session: Session) -> tuple[User, ...]:
    """Everybody with a role, as the platform's database has them.

    Raises:
        SessionError: They cannot be read.
    """
    return tuple(User(str(a), str(b), str(c)) for a, b, c in session.run(_MEMBERS))
