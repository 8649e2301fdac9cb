"""The platform as its users reach it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from smartbeak_drills.oracles.base import PATIENCE_S
from smartbeak_drills.session import Session
from smartbeak_drills.users.calls import Answer, CallError, Line
from smartbeak_drills.users.roster import Roster, User

_TIMEOUT_S = 2.5
"""Longer than users wait: the platform says within two seconds that it cannot answer, and
what it says is worth having."""


TOO_SLOW = f"an answer took longer than {PATIENCE_S:g} s"
"""What came, and too late for whoever waited."""


class Waiting(CallError):
    """Every user who could do it has reached the platform's rate limit."""

    def __init__(self) -> None:
        super().__init__("every user has to wait a minute", seen=False)


def check_in_time(*answers: Answer) -> None:
    """Refuses answers that users would not have waited for.

    Raises:
        CallError: One of them came too late.
    """
    for answer in answers:
        if answer.took_s > PATIENCE_S:
            raise CallError(TOO_SLOW)


@dataclass(frozen=True, slots=True)
class Platform:
    """Where the platform is and who uses it."""

    url: str
    """Of the control plane, without the path."""

    roster: Roster

    database: Callable[[], Session]
    """Connects to the database at the configured address, for the account."""

    def line(self) -> Line:
        """A new connection."""
        return Line(self.url, timeout_s=_TIMEOUT_S)

    def take(self, route: str, roles: Sequence[str], org: str = "") -> User:
        """A user for one request; see `Roster.take`.

        Raises:
            Waiting: There is none just now.
        """
        user = self.roster.take(route, roles, org)
        if user is None:
            raise Waiting
        return user

    def call(
        self, line: Line, user: User, method: str, path: str, body: dict[str, Any] | None = None
    ) -> Answer:
        """One request of a user, who signs in anew where the token is no longer taken.

        Raises:
            CallError: No answer, or one that is not 2xx.
        """
        try:
            return line.call(method, path, token=self.roster.token(user), body=body)
        except CallError as error:
            if error.status != 401:
                raise
        self.roster.sign_out(user)
        return line.call(method, path, token=self.roster.token(user), body=body)
