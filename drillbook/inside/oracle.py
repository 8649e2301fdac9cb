"""What "users are served" means: one oracle for each kind of damage.

An oracle looks with new connections of its own and says why it does not hold. The
fault or the service that is gone names it; the page is not asked.
"""

from __future__ import annotations

from typing import Protocol

from drillbook.inside.trouble import Trouble


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
