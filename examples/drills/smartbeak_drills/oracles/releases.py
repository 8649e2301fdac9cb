"""Oracles that see what a release does to users, and how far it was rolled out."""

from __future__ import annotations

import time

from drillbook.inside.oracle import Oracle
from drillbook.inside.trouble import Trouble
from smartbeak_drills.users.calls import Line
from smartbeak_drills.users.visits import Visits

_LOOK_S = 0.3


class Visited:
    """The newest visits went well, and were answered as quickly as usual."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        return self._visits.trouble()


class Quiet:
    """Another oracle has held for a while: one that errs now and then is not quiet.

    Args:
        oracle: The other one.
        for_s: Seconds without a trouble.
    """

    def __init__(self, oracle: Oracle, for_s: float) -> None:
        self._oracle = oracle
        self._for_s = for_s
        self._troubled = time.monotonic()

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        try:
            said = self._oracle.look()
        except Trouble:
            self._troubled = time.monotonic()
            raise
        if said:
            self._troubled = time.monotonic()
        elif time.monotonic() - self._troubled < self._for_s:
            said = f"there was trouble within the last {self._for_s:g} s"
        return said


class RolledOut:
    """Every Deployment has one release, all its pods serve, and none is paused.

    Args:
        url: Of the simulated cluster.
    """

    def __init__(self, url: str) -> None:
        self._line = Line(url, timeout_s=2.0)
        self._next = 0.0
        self._said = "nothing was looked at yet"

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if time.monotonic() < self._next:
            return self._said
        self._next = time.monotonic() + _LOOK_S
        try:
            said = self._line.call("GET", "/_drillbook/rollouts").body
        except Trouble as error:
            self._said = error.text
            raise
        late = [name for name, each in said.items() if not each["done"] or each["paused"]]
        self._said = f"{late[0]} is not rolled out" if late else ""
        return self._said
