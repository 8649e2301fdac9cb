"""What editors do: they write content and read it back."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping, Sequence

from drillbook.inside.account import Count, Work, count_of
from drillbook.inside.journal import Journal
from drillbook.inside.trouble import Trouble
from smartbeak_drills.session import Session
from smartbeak_drills.users.calls import Answer, CallError, Line
from smartbeak_drills.users.pace import keep_at
from smartbeak_drills.users.platform import Platform, check_in_time
from smartbeak_drills.users.roster import READERS, WRITERS

_INTERVAL_S = 0.4
_ACCOUNT_S = 20.0
_AGAIN_S = 0.1
_READ_AT_END = 10
"""Newest pieces that are also read through the platform when the account is made up."""

_DOMAINS = "SELECT id, org_id FROM domains WHERE archived_at IS NULL ORDER BY id"
_TITLES = "SELECT title FROM content_items WHERE starts_with(title, $1)"


class Content:
    """Writes pieces with numbered titles over one kept connection and reads them back.

    Args:
        platform: Where to.
        domains: Domain ids by organization.
    """

    kind = "content"

    def __init__(self, platform: Platform, domains: Mapping[str, Sequence[str]]) -> None:
        self.journal = Journal()
        self.journal.begin_after(0)
        self._platform = platform
        self._domains = domains
        self._prefix = f"Drill {uuid.uuid4().hex[:8]} "
        self._written: dict[int, tuple[str, str]] = {}
        """Id and organization by number."""

    @property
    def works(self) -> Sequence[Work]:
        """See `drillbook.inside.account.Client`."""
        return (self._write,)

    def settle(self) -> float | None:
        """See `drillbook.inside.account.Client`; a piece is there when it is confirmed."""
        return None

    def write(self, line: Line) -> None:
        """Writes a piece and reads it back.

        Raises:
            CallError: One or the other failed or took too long.
        """
        user = self._platform.take("write", WRITERS)
        number = self.journal.number() or 0
        domains = self._domains[user.org]
        body = {
            "domainId": domains[number % len(domains)],
            "title": f"{self._prefix}{number}",
            "body": "Written while the platform is being watched.",
        }
        answer = self._platform.call(line, user, "POST", "/v1/content", body)
        self._written[number] = answer.body["item"]["id"], user.org
        self.journal.confirm(number)
        try:
            check_in_time(answer, self._read(line, number))
        except CallError as error:
            if error.status == 404:
                self.journal.stale_read()
            raise

    def count(self) -> Count:
        """See `drillbook.inside.account.Client`."""
        present = self._present()
        losses = None
        if present is not None:
            gone = self._gone()
            left = [number for number in present if number not in gone]
            losses = self.journal.compare(left, _INTERVAL_S, of_all=True)
        return count_of(self.kind, self.journal, losses)

    def _write(self, stop: threading.Event) -> None:
        line = self._platform.line()
        keep_at(lambda: self.write(line), self.journal, _INTERVAL_S, stop)
        line.close()

    def _read(self, line: Line, number: int) -> Answer:
        key, org = self._written[number]
        reader = self._platform.take("read", READERS, org)
        answer = self._platform.call(line, reader, "GET", f"/v1/content/{key}")
        if answer.body["item"]["title"] != f"{self._prefix}{number}":
            self.journal.stale_read()
            raise CallError("content is answered with another title than was written")
        return answer

    def _present(self) -> list[int] | None:
        """Numbers of the pieces that the database holds; None if it cannot be read."""
        deadline = time.monotonic() + _ACCOUNT_S
        while time.monotonic() < deadline:
            try:
                with self._platform.database() as session:
                    rows = session.run(_TITLES, self._prefix)
                return [int(str(row[0]).removeprefix(self._prefix)) for row in rows]
            except Trouble as error:
                self.journal.fail(error.text, seen=error.seen)
                time.sleep(_AGAIN_S)
        return None

    def _gone(self) -> set[int]:
        """Numbers of those of the newest pieces that the platform says it does not have."""
        gone: set[int] = set()
        line = self._platform.line()
        for number in sorted(self._written)[-_READ_AT_END:]:
            try:
                self._read(line, number)
            except CallError as error:
                if error.status != 404:
                    break
                gone.add(number)
        line.close()
        return gone


def domains(session: Session) -> dict[str, list[str]]:
    """Domain ids by organization.

    Raises:
        SessionError: They cannot be read.
    """
    found: dict[str, list[str]] = {}
    for key, org in session.run(_DOMAINS):
        found.setdefault(str(org), []).append(str(key))
    return found
