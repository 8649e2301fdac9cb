"""What "the platform is served" means: one oracle for each kind of damage.

An oracle looks with new connections of its own and says why it does not hold.
A fault names its oracle (`drillbook.drills.faults`); the page is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from drillbook.inside.journal import Journal
from drillbook.inside.trouble import Trouble
from smartbeak_drills.session import Session

INSERT = "INSERT INTO drillbook.probe (seq) VALUES ($1::bigint)"

PATIENCE_S = 1.0
"""Seconds that a write may take before users call the platform down."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an oracle of the database can reach."""

    journal: Journal
    """Of the numbered rows."""

    nodes: Sequence[str]
    """The database hosts; the first is the one that is meant to be primary."""

    platform: Callable[[], Session]
    """Connects as the platform does: to the address in its configuration."""

    node: Callable[[str], Session]
    """Connects to one of the nodes."""


class Oracle(Protocol):
    """Says whether users are served."""

    def look(self) -> str:
        """Why users are not served now, in one line; empty when they are.

        Raises:
            Trouble: An error of the platform that says it.
        """
        ...


class All:
    """Users are served when each of several oracles says so.

    Args:
        parts: The oracles. All of them look each time: some have to know how long
            something has lasted.
    """

    def __init__(self, *parts: Oracle) -> None:
        self._parts = parts

    def look(self) -> str:
        """See `Oracle`."""
        said, raised = "", None
        for part in self._parts:
            try:
                found = part.look()
            except Trouble as error:
                raised = raised or error
            else:
                said = said or found
        if raised:
            raise raised
        return said
