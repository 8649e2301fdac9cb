"""Oracles of security: what was stolen is refused, and what was done with it is undone."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from drillbook.inside.journal import Journal
from smartbeak_drills import intruder, loot
from smartbeak_drills.agreed import VICTIM
from smartbeak_drills.collector import Collected
from smartbeak_drills.loot import NEIGHBOUR, Loot
from smartbeak_drills.session import Session, SessionError
from smartbeak_drills.users.calls import CallError, Line
from smartbeak_drills.users.platform import TOO_SLOW

_TRY_S = 0.5
_QUIET_S = 3.0
_FLOOD = 50
"""So many guesses of one address are no user whose token has ended."""

_HARM = """
SELECT (SELECT count(*) FROM content_items
        WHERE id = ANY (string_to_array($1, ',')) AND status = 'archived'),
       (SELECT count(*) FROM publish_targets WHERE id = $2 AND enabled),
       (SELECT count(*) FROM memberships WHERE user_id = $3 AND org_id = $4)
"""
_LEFT = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
_FORGED = """
SELECT count(*) FROM subscriptions WHERE stripe_subscription_id = $1 AND status = 'active'
"""

_MEMBERS = """
SELECT string_agg(user_id || org_id || role, ',' ORDER BY user_id, org_id) FROM memberships
"""
_LOGINS = """
SELECT string_agg(rolname, ', ' ORDER BY rolname) FROM pg_roles
WHERE (rolcanlogin OR rolsuper) AND rolname NOT IN ('postgres', 'smartbeak', 'replicator')
"""


class _Stolen(ABC):
    """Tries now and then what was stolen; until something is stolen all is well."""

    def __init__(self, database: Callable[[], Session]) -> None:
        self._database = database
        self._next = 0.0
        self._said = ""

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        stolen = loot.kept()
        if stolen is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + _TRY_S
            self._said = self._trouble(stolen)
        return self._said

    @abstractmethod
    def _trouble(self, stolen: Loot) -> str:
        """What the intruder still can, or has left behind; empty where nothing."""


class ShutOut(_Stolen):
    """A stolen key or session is refused, and what the intruder did is taken back."""

    def __init__(self, line: Line, database: Callable[[], Session]) -> None:
        super().__init__(database)
        self._line = line

    def _trouble(self, stolen: Loot) -> str:
        if self._taken(stolen):
            return f"the stolen {stolen.kind} is taken"
        with self._database() as session:
            ((archived, leads, entered),) = session.run(
                _HARM, ",".join(stolen.pieces), stolen.target, VICTIM, NEIGHBOUR
            )
        if int(str(entered)):
            return f"{VICTIM} is still a member of {NEIGHBOUR}"
        harmed = int(str(archived)) or int(str(leads))
        return f"{archived} pieces are archived, {leads} targets lead elsewhere" if harmed else ""

    def _taken(self, stolen: Loot) -> bool:
        # To be told to wait a while is to be let in.
        try:
            self._line.call("GET", f"/v1/content/{stolen.pieces[-1]}", token=stolen.token())
        except CallError as error:
            if error.status not in (401, 429):
                raise
            return error.status == 429
        return True


class LoggedOut(_Stolen):
    """A stolen login is refused by every server, no session of it is left, no user noticed.

    Args:
        database: Connects as the platform does.
        hosts: The database hosts.
        node: Connects to one of them, as the platform does now.
        users: What users do; one request of theirs that fails is never made good.
    """

    def __init__(
        self,
        database: Callable[[], Session],
        hosts: Sequence[str],
        node: Callable[[str], Session],
        users: Journal,
    ) -> None:
        super().__init__(database)
        self._hosts = hosts
        self._node = node
        self._users = users
        self._before: frozenset[str] | None = None

    def _trouble(self, stolen: Loot) -> str:
        # A late answer is the machine's, and one all the same.
        failed = frozenset(self._users.errors) - {TOO_SLOW}
        if self._before is None:
            self._before = failed
        if new := failed - self._before:
            return f"a request of a user failed: {min(new)}"
        if taken := next(filter(None, (self._at(host, stolen) for host in self._hosts)), ""):
            return taken
        # The replica's sessions are its own: nobody ends them who ends the primary's.
        return next(filter(None, map(self._left, self._hosts)), "")

    def _left(self, host: str) -> str:
        with self._node(host) as session:
            ((left,),) = session.run(_LEFT, intruder.CLIENT)
        return f"{left} sessions of the intruder are left on {host}" if int(str(left)) else ""

    def _at(self, host: str, stolen: Loot) -> str:
        try:
            intruder.log_in(stolen, host).close()
        except SessionError as error:
            if "authentication failed" in error.text or "not permitted to log in" in error.text:
                return ""
            raise
        return f"the stolen login is taken by {host}"


class Unforged(_Stolen):
    """An event signed with a stolen secret is refused, and nobody has what one granted."""

    def __init__(self, line: Line, database: Callable[[], Session]) -> None:
        super().__init__(database)
        self._line = line

    def _trouble(self, stolen: Loot) -> str:
        if self._taken(stolen):
            return "a forged event is taken"
        with self._database() as session:
            ((count,),) = session.run(_FORGED, intruder.UNPAID)
        granted = int(str(count))
        return f"{count} subscriptions count as paid by forged events" if granted else ""

    def _taken(self, stolen: Loot) -> bool:
        # Of a kind that changes nothing: to judge must not do harm.
        try:
            intruder.forge(self._line, stolen, "customer.created")
        except CallError as error:
            if error.status != 400:
                raise
            return False
        return True


class TurnedAway:
    """Who floods the load balancer gets no further than to it, and everybody else does.

    Args:
        line: To the load balancer.
        users: What users do; a request of theirs that was turned away is never made good.
    """

    def __init__(self, line: Line, users: Journal) -> None:
        self._line = line
        self._users = users
        self._next = 0.0
        self._said = ""

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _TRY_S
            self._said = self._trouble()
        return self._said

    def _trouble(self) -> str:
        turned = [error for error in self._users.errors if ": 403" in error]
        if turned:
            return f"a user was turned away: {turned[0]}"
        clients = self._line.call("GET", "/_drillbook/clients").body
        floods = [
            each for each in clients if each["refused"] >= _FLOOD and each["ago_s"] < _QUIET_S
        ]
        if any(each["status"] != 403 for each in floods):
            return "an address that floods us is let in"
        return ""


class Unspied:
    """Nothing comes to an intruder's listener any more, though what sent it is in use.

    Args:
        collected: What came so far; None before anybody listens.
    """

    def __init__(self, collected: Callable[[], Collected | None]) -> None:
        self._collected = collected

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        came = self._collected()
        if came is None or not came.stolen or came.checked > 1:
            return ""
        return "a package of the release sends what it reads to an intruder"


class Logins:
    """Nobody but the platform's roles logs in, and members are what they were at the first look."""

    def __init__(self, database: Callable[[], Session]) -> None:
        self._database = database
        self._members: str | None = None

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        with self._database() as session:
            ((logins,),) = session.run(_LOGINS)
            ((members,),) = session.run(_MEMBERS)
        if self._members is None:
            self._members = str(members)
        if logins:
            return f"{logins} may log in to the database"
        return "" if members == self._members else "members have other roles"
