"""Oracles that see what the platform's users see."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

from drillbook.inside.trouble import Trouble
from smartbeak_drills.agreed import ORDERED_ONCE
from smartbeak_drills.resp import Redis
from smartbeak_drills.session import Session
from smartbeak_drills.users.content import Content
from smartbeak_drills.users.leavers import Leaver
from smartbeak_drills.users.platform import Platform, Waiting
from smartbeak_drills.users.publishing import Publishing
from smartbeak_drills.users.readers import Readers

_NEW_S = 1.0
_AGAIN_S = 0.25
_CONTENT_S = 1.5
"""Seconds without a piece written and read back before users call the platform down:
the time between two and what one may take."""

_READ_S = 0.3
_TRY_S = 0.4
_COLLEAGUE_S = 2.0
_KEPT = """
SELECT id FROM publishing_jobs WHERE status <> 'failed' AND id = ANY (string_to_array($1, ','))
"""
_PROOF = 20
"""Revoked tokens that are tried before all are believed to be refused again."""


class ContentServed:
    """Content is written and read back, on the kept connection and on a new one."""

    def __init__(self, content: Content, platform: Platform) -> None:
        self._content = content
        self._platform = platform
        self._next = 0.0
        self._said = ""

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        trouble = self._content.journal.kept_trouble(_CONTENT_S)
        # Rate limits: a new connection now and then, not at every look.
        if trouble or time.monotonic() < self._next:
            return trouble or self._said
        line = self._platform.line()
        try:
            self._content.write(line)
            self._said, self._next = "", time.monotonic() + _NEW_S
        except Waiting:
            pass
        except Trouble as error:
            self._said, self._next = error.text, time.monotonic() + _AGAIN_S
            raise
        finally:
            line.close()
        return self._said


class PublishingServed:
    """Jobs are acknowledged, none is late, and one of the newest is published.

    The last proves that the way is open again: after a trouble nothing is late at
    first, whether or not anything is published.
    """

    def __init__(self, publishing: Publishing) -> None:
        self._publishing = publishing
        self._troubled = time.monotonic()

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        trouble = self._publishing.trouble()
        if trouble:
            self._troubled = time.monotonic()
        elif self._publishing.newest_done < self._troubled:
            trouble = "no job that was acknowledged since then is published yet"
        return trouble


class OrderedOnce:
    """Of the jobs for a piece that a client wanted published once, one is left.

    Args:
        database: Connects as the platform does.
        file: What clients wanted once, see `smartbeak_drills.agreed`.
    """

    def __init__(self, database: Callable[[], Session], file: Path = Path(ORDERED_ONCE)) -> None:
        self._database = database
        self._file = file
        self._next = 0.0
        self._said = ""

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if self._file.exists() and time.monotonic() >= self._next:
            self._next = time.monotonic() + _READ_S
            lines = self._file.read_text(encoding="utf-8").splitlines()
            pieces = [json.loads(line)["jobs"] for line in lines]
            with self._database() as session:
                kept = {
                    str(row[0])
                    for row in session.run(_KEPT, ",".join(job for jobs in pieces for job in jobs))
                }
            left = [sum(job in kept for job in jobs) for jobs in pieces]
            wrong = [f"{left.count(0)} not at all"] if 0 in left else []
            twice = sum(count > 1 for count in left)
            wrong += [f"{twice} more than once"] if twice else []
            self._said = f"of {len(left)} pieces {', '.join(wrong)}" if wrong else ""
        return self._said


class Fresh:
    """What readers are answered is what the database holds.

    One piece at each look, in turn, and all of them when that piece has changed for
    better or worse: rate limits.
    """

    def __init__(self, readers: Readers, platform: Platform) -> None:
        self._readers = readers
        self._line = platform.line()
        self._turn = cycle(readers.pieces)
        self._stale: set[str] = set()
        self._all_read = False
        self._next = 0.0
        self._said = "nothing was read yet"

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if time.monotonic() < self._next:
            return self._said
        self._next = time.monotonic() + _READ_S
        piece = next(iter(sorted(self._stale)), "") or next(self._turn)
        was = piece in self._stale
        try:
            self._compare([piece])
            if (piece in self._stale) != was or not self._all_read:
                self._compare(self._readers.pieces)
                self._all_read = True
        except Waiting:
            return self._said
        except Trouble as error:
            self._said = error.text
            raise
        count = len(self._stale)
        self._said = f"{count} pieces are read other than they were written" if count else ""
        return self._said

    def _compare(self, pieces: Sequence[str]) -> None:
        for piece in pieces:
            read = self._readers.read(self._line, piece)
            # After the answer, which can then not be older than this.
            if read == self._readers.written().get(piece):
                self._stale.discard(piece)
            else:
                self._stale.add(piece)


class Revoked:
    """A token that was revoked is refused, and a good one is taken."""

    def __init__(self, leaver: Leaver, platform: Platform) -> None:
        self._leaver = leaver
        self._line = platform.line()
        self._next = self._next_colleague = 0.0
        self._said = "no token was tried yet"

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if time.monotonic() < self._next:
            return self._said
        self._next = time.monotonic() + _TRY_S
        try:
            if self._next > self._next_colleague:
                self._next_colleague = self._next + _COLLEAGUE_S
                self._leaver.colleague(self._line)
            # One at a time while all is well, so that each is tried seldom.
            wanted = 1 if not self._said else _PROOF
            refused = sum(1 for _ in range(wanted) if self._leaver.refused(self._line))
            # Where few are lost, the turn may come by none of them.
            again = 0 if refused < wanted else self._leaver.still_taken(self._line, _PROOF)
        except Waiting:
            return self._said
        except Trouble as error:
            self._said = error.text
            raise
        if again:
            wanted, refused = again, 0
        taken = wanted - refused
        self._said = f"of {wanted} revoked tokens {taken} are taken" if taken else ""
        return self._said


class RedisReached:
    """A new connection to Redis, at the configured address, takes a write."""

    def __init__(self, connect: Callable[[], Redis]) -> None:
        self._connect = connect

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        with self._connect() as redis:
            redis.run("SET", "drillbook:probe", "1", "EX", "60")
        return ""


class RedisFollowed:
    """A replica is in step with the Redis at the configured address."""

    def __init__(self, connect: Callable[[], Redis]) -> None:
        self._connect = connect

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        with self._connect() as redis:
            said = str(redis.run("INFO", "replication"))
        return "" if "state=online" in said else "no replica of Redis is in step"
