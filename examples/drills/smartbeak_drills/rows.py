"""Numbered rows, written by SQL over one kept connection: what a database loses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from drillbook.inside.account import Count, Work, count_of
from drillbook.inside.journal import Journal
from smartbeak_drills.oracles.base import INSERT
from smartbeak_drills.session import Session, SessionError

_READ_BACK_S = 1.0
_ACCOUNT_S = 10.0
"""Seconds to wait for the table when the account is made up."""

_AGAIN_S = 0.1


class Rows:
    """Writes rows as a process of the platform does, and reads them back.

    Args:
        platform: Connects as the platform does: to the address in its configuration.
        interval_s: Seconds between two writes.
    """

    kind = "rows"

    def __init__(self, platform: Callable[[], Session], interval_s: float) -> None:
        self.journal = Journal()
        self._platform = platform
        self._interval_s = interval_s

    @property
    def works(self) -> Sequence[Work]:
        """See `drillbook.inside.account.Client`."""
        return (self._write,)

    def settle(self) -> float | None:
        """See `drillbook.inside.account.Client`; a row is there when it is confirmed."""
        return None

    def count(self) -> Count:
        """See `drillbook.inside.account.Client`."""
        present = self._present()
        losses = (
            None
            if present is None
            else self.journal.compare(present, self._interval_s, of_all=True)
        )
        return count_of(self.kind, self.journal, losses)

    def _write(self, stop: threading.Event) -> None:
        session: Session | None = None
        read_back = time.monotonic() + _READ_BACK_S
        while not stop.is_set():
            begin = time.monotonic()
            try:
                if session is None:
                    session = self._platform()
                    newest = session.run("SELECT coalesce(max(seq), 0) FROM drillbook.probe")
                    self.journal.begin_after(int(newest[0][0] or 0))
                number = self.journal.number()
                session.run(INSERT, str(number))
                self.journal.confirm(number or 0, kept=True)
                if begin >= read_back:
                    read_back = begin + _READ_BACK_S
                    self._read_back(session)
            except SessionError as error:
                self.journal.fail(error.text, seen=error.seen, kept=True)
                if session is not None:
                    session.close()
                session = None
            stop.wait(max(begin + self._interval_s - time.monotonic(), 0))
        if session is not None:
            session.close()

    def _read_back(self, session: Session) -> None:
        number = self.journal.newest()
        query = "SELECT 1 FROM drillbook.probe WHERE seq = $1::bigint"
        if not session.run(query, str(number)):
            self.journal.stale_read()
            text = f"row {number} was confirmed and cannot be read back"
            self.journal.fail(text, seen=False, kept=True)

    def _present(self) -> list[int] | None:
        """Every row's number at the configured address; None if it cannot be read."""
        deadline = time.monotonic() + _ACCOUNT_S
        while time.monotonic() < deadline:
            try:
                with self._platform() as session:
                    rows = session.run("SELECT seq FROM drillbook.probe")
                return [int(row[0] or 0) for row in rows]
            except SessionError as error:
                self.journal.fail(error.text, seen=error.seen)
                time.sleep(_AGAIN_S)
        return None
