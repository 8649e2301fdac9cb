"""Somebody who has left: their tokens were revoked and must stay refused.

The platform has no route for it: whoever is responsible writes `jwt:revoked:<jti>`
for each of the person's tokens, for seven days, and raises the `session_version` of
their row in `users`. The row is what is left of it when Redis has forgotten.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from itertools import cycle

from smartbeak_drills.resp import Redis
from smartbeak_drills.session import Session
from smartbeak_drills.users.calls import CallError, Line
from smartbeak_drills.users.platform import Platform
from smartbeak_drills.users.roster import READERS, Roster, User

TOKENS = 100
"""How many tokens the person had: many, so that each is seldom tried. What is asked for
all the time is what a Redis that evicts keeps longest."""

_REVOKED_S = "604800"
_NOTED = "UPDATE users SET session_version = session_version + 1 WHERE id = $1"


class Leaver:
    """Tries the revoked tokens in turn, and a good one beside them.

    Args:
        platform: Where.
        user: Who has left.
        piece: Something that the user's organization may read.
    """

    def __init__(self, platform: Platform, user: User, piece: str) -> None:
        self._platform = platform
        self._user = user
        self._path = f"/v1/content/{piece}"
        self._tokens: tuple[str, ...] = ()
        self._turn: Iterator[str] = iter(())

    def leave(self, redis: Callable[[], Redis], session: Session) -> None:
        """Revokes the tokens.

        Raises:
            Trouble: Redis or the database does not take it.
        """
        roster: Roster = self._platform.roster
        names = [str(uuid.uuid4()) for _ in range(TOKENS)]
        self._tokens = tuple(roster.sign_in(self._user, name) for name in names)
        self._turn = cycle(self._tokens)
        with redis() as connection:
            for name in names:
                connection.run("SET", f"jwt:revoked:{name}", "revoked", "EX", _REVOKED_S)
        session.run(_NOTED, self._user.id)

    def refused(self, line: Line) -> bool:
        """Whether the next of the revoked tokens is refused.

        To be told to wait a while is to be let in.

        Raises:
            CallError: The platform answers neither way.
        """
        try:
            line.call("GET", self._path, token=next(self._turn))
        except CallError as error:
            if error.status not in (401, 429):
                raise
            return error.status == 401
        return False

    def colleague(self, line: Line) -> None:
        """Reads the same with a good token.

        Raises:
            CallError: It is not answered.
        """
        user = self._platform.take("read", READERS, self._user.org)
        self._platform.call(line, user, "GET", self._path)
