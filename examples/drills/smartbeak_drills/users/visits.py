"""What most users do: they read a page, and go away when it fails or is slow."""

from __future__ import annotations

import contextlib
import itertools
import statistics
import threading
import time
from collections import deque
from collections.abc import Sequence

from drillbook.inside.account import Count, Work, count_of
from drillbook.inside.journal import Journal, Losses
from smartbeak_drills.users.calls import CallError
from smartbeak_drills.users.platform import Platform, Waiting
from smartbeak_drills.users.readers import Readers

_INTERVAL_S = 0.2
WINDOW_S = 6.0
"""The visits of so many seconds decide."""

ENOUGH = 10
"""So many of them there must be."""

SLOW_S = 0.5
"""Median time of an answer from which on users call it slow: ten times the usual."""


class Visits:
    """Reads pieces, on a new connection each time, so that every pod is asked.

    Args:
        platform: Where.
        readers: Who reads what.
    """

    kind = "visits"

    def __init__(self, platform: Platform, readers: Readers) -> None:
        self.journal = Journal()
        self.journal.begin_after(0)
        self._platform = platform
        self._readers = readers
        self._turn = itertools.cycle(readers.pieces)
        self._lock = threading.Lock()
        self._last: deque[tuple[float, float, str]] = deque(maxlen=200)
        """When each ended, how long it took, and its error."""

    @property
    def works(self) -> Sequence[Work]:
        """See `drillbook.inside.account.Client`."""
        return (self._go,)

    def settle(self) -> float | None:
        """See `drillbook.inside.account.Client`; nothing is under way."""
        return None

    def count(self) -> Count:
        """See `drillbook.inside.account.Client`; who only reads loses nothing."""
        none = Losses((), 0.0, 0)
        return count_of(self.kind, self.journal, none)

    def trouble(self) -> str:
        """Why users call it broken or slow; empty when they do not."""
        since = time.monotonic() - WINDOW_S
        with self._lock:
            last = [(took, error) for at, took, error in self._last if at > since]
        failed = [error for _, error in last if error]
        if failed:
            return f"of {len(last)} visits {len(failed)} failed: {failed[-1]}"
        if len(last) < ENOUGH:
            return f"only {len(last)} visits within {WINDOW_S:g} s"
        median = statistics.median(took for took, _ in last)
        return f"half of {len(last)} visits took {median:.2f} s" if median > SLOW_S else ""

    def _go(self, stop: threading.Event) -> None:
        while not stop.is_set():
            begin = time.monotonic()
            with contextlib.suppress(Waiting):
                self._visit(begin)
            stop.wait(max(begin + _INTERVAL_S - time.monotonic(), 0))

    def _visit(self, begin: float) -> None:
        line, error = self._platform.line(), ""
        try:
            self._readers.read(line, next(self._turn))
            self.journal.confirm(self.journal.number() or 0)
        except Waiting:
            raise
        except CallError as failed:
            error = failed.text
            self.journal.fail(error, seen=failed.seen)
        finally:
            line.close()
        with self._lock:
            now = time.monotonic()
            self._last.append((now, now - begin, error))
