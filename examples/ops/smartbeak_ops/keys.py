"""Whether the platform takes a key: tokens are signed with it and tried, never printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smartbeak_ops import settings, tokens, web
from smartbeak_ops.failures import ServiceError

ROLES = ("owner", "admin", "editor", "viewer")
ORGANIZATION = "org_1"
_ROUTE = "/v1/admin/flags/maintenance_mode", "/v1/content?limit=1"
"""Routes that together each role may use: the first owners, the second the others."""


@dataclass(frozen=True, slots=True)
class Tried:
    """How tokens were answered.

    Attributes:
        statuses: By role.
    """

    statuses: dict[str, int]

    @property
    def taken(self) -> bool:
        """Whether one of them was: whoever is told to wait was let in."""
        return any(status != 401 for status in self.statuses.values())

    @property
    def line(self) -> str:
        """For a person."""
        by_word: dict[str, list[str]] = {}
        for role, status in self.statuses.items():
            word = "refused (401)" if status == 401 else f"taken ({status})"
            by_word.setdefault(word, []).append(role)
        return "; ".join(f"{word} as {', '.join(roles)}" for word, roles in by_word.items())


def tried(file: Path | None) -> Tried:
    """Signs a token for each role and uses it.

    Args:
        file: Holds the key; the one that signs now without it.

    Raises:
        RefusedError: The key cannot be read.
        ServiceError: The API does not answer.
    """
    statuses = {}
    for role in ROLES:
        route = _ROUTE[0] if role == "owner" else _ROUTE[1]
        token = tokens.sign(ORGANIZATION, role=role, file=file)
        reply = web.request("GET", settings.API + route, token=token)
        if not reply.answered:
            raise ServiceError(reply.text)
        statuses[role] = reply.status
    return Tried(statuses)
