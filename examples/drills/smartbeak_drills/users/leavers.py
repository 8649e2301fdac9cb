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
        self._taken: dict[str, None] = {}
        """Those that were let in, and not refused since, in the order in which it was seen."""

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
        return self._refused(line, next(self._turn))

    def still_taken(self, line: Line, most: int) -> int:
        """How many of the tokens that were let in last are let in still.

        Args:
            line: The way to the platform.
            most: So many of them are tried.

        Raises:
            CallError: As for `refused`.
        """
        tried = list(self._taken)[:most]
        return sum(1 for token in tried if not self._refused(line, token))

    def _refused(self, line: Line, token: str) -> bool:
        refused = False
        try:
            line.call("GET", self._path, token=token)
        except CallError as error:
            if error.status not in (401, 429):
                raise
            refused = error.status == 401
        if refused:
            self._taken.pop(token, None)
        else:
            self._taken[token] = None
        return refused

    def colleague(self, line: Line) -> None:
        """Reads the same with a good token.

        Raises:
            CallError: It is not answered.
        """
        user = self._platform.take("read", READERS, self._user.org)
        self._platform.call(line, user, "GET", self._path)
