"""Looks out for two nodes that take writes at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from smartbeak_drills.oracles.base import INSERT
from smartbeak_drills.session import Session, SessionError

_LOOK_S = 0.1
_CLAIM = "SELECT pg_is_in_recovery()::text, current_setting('transaction_read_only')"


class SplitBrain:
    """When two nodes took writes in one look.

    Args:
        nodes: The database hosts.
        connect: Connects to one of them.
    """

    def __init__(self, nodes: Sequence[str], connect: Callable[[str], Session]) -> None:
        self.first: float | None = None
        """CLOCK_MONOTONIC seconds at which it was first seen."""
        self.last: float | None = None
        self.answers = dict.fromkeys(nodes, 0)
        """How often each node answered: who never answered was never watched."""
        self._nodes = nodes
        self._connect = connect

    def watch(self, stop: threading.Event) -> None:
        """Looks until the event is set."""
        sessions: dict[str, Session] = {}
        while not stop.is_set():
            claims = [node for node in self._nodes if self._is_primary(node, sessions)]
            # The first ones once more, after the last: then they were primaries
            # together and not one after the other.
            if len(claims) > 1 and all(
                self._takes_writes(node, sessions) for node in [*claims, *claims[:-1]]
            ):
                now = time.monotonic()
                self.first = self.first or now
                self.last = now
            stop.wait(_LOOK_S)
        for session in sessions.values():
            session.close()

    def _is_primary(self, node: str, sessions: dict[str, Session]) -> bool:
        try:
            if node not in sessions:
                sessions[node] = self._connect(node)
            answer = sessions[node].run(_CLAIM)
        except SessionError:
            _forget(node, sessions)
            return False
        self.answers[node] += 1
        return answer == [("false", "off")]

    def _takes_writes(self, node: str, sessions: dict[str, Session]) -> bool:
        """Whether a write works there; it is taken back."""
        try:
            sessions[node].run("BEGIN")
            sessions[node].run(INSERT, "0")
            sessions[node].run("ROLLBACK")
        except SessionError:
            _forget(node, sessions)
            return False
        return True


def _forget(node: str, sessions: dict[str, Session]) -> None:
    session = sessions.pop(node, None)
    if session is not None:
        session.close()
