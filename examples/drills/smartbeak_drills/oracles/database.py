"""Oracles that look at the databases themselves, beside the platform."""

from __future__ import annotations

import time
from collections.abc import Mapping

from drillbook.inside.probing import Twins
from smartbeak_drills.oracles.base import INSERT, PATIENCE_S, Surroundings
from smartbeak_drills.session import Session, SessionError

FRESH_S = 0.5
"""Age from which on a confirmed write must show on a replica."""

APART_S = 3.0
"""Seconds without a second primary after which there is one again: more than a round of looks
takes on a slow machine."""

MOST_LAG_BYTES = 1024 * 1024

_ROLE = """
SELECT pg_is_in_recovery()::text, current_setting('transaction_read_only'),
       CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END::text,
       EXISTS (SELECT FROM drillbook.probe WHERE seq = $1::bigint)::text
"""

# To a role without pg_monitor the receiver shows its pid and nothing else; the
# position and the newest row tell the rest.
_FOLLOWS = """
SELECT pg_is_in_recovery()::text,
       EXISTS (SELECT FROM pg_stat_wal_receiver
               WHERE coalesce(status, 'streaming') = 'streaming')::text,
       pg_wal_lsn_diff($1::pg_lsn, pg_last_wal_receive_lsn())::bigint::text,
       EXISTS (SELECT FROM drillbook.probe WHERE seq = $2::bigint)::text
"""

_TABLES = ("content_items", "publishing_jobs", "publishing_dlq")


class Writes:
    """The kept connection and a new one, at the configured address, take writes."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        journal = self._around.journal
        trouble = journal.kept_trouble(PATIENCE_S)
        number = journal.number()
        if trouble or number is None:
            return trouble
        with self._around.platform() as session:
            session.run(INSERT, str(number))
        journal.confirm(number)
        return ""


class Connections:
    """A new connection works, at the configured address and as the platform's role."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        with self._around.platform() as session:
            session.run("SELECT 1")
        return ""


class Replica:
    """Some node in recovery streams, is less than 1 MB behind and shows the newest row."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        newest = self._around.journal.newest(age_s=FRESH_S)
        with self._around.platform() as session:
            position = session.run(_ROLE, str(newest or 0))[0][2]
        if position is None:
            return "the configured address leads to a server in recovery"
        troubles = []
        for node in self._around.nodes:
            try:
                trouble = _trouble_following(self._around, node, position, newest)
            except SessionError as error:
                trouble = error.text
            if not trouble:
                return ""
            troubles.append(f"{node}: {trouble}")
        return "no replica: " + "; ".join(troubles)


class Roles:
    """The first node is the primary the platform writes to, and the others follow it."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        primary, *replicas = self._around.nodes
        newest = self._around.journal.newest(age_s=FRESH_S)
        with self._around.node(primary) as session:
            _, read_only, position, present = session.run(_ROLE, str(newest or 0))[0]
        if position is None or read_only != "off":
            return f"{primary} is not a writable primary"
        trouble = self._around.journal.kept_trouble(PATIENCE_S)
        if trouble:
            return trouble
        if present != "true":
            return f"{primary} does not have the newest row"
        for node in replicas:
            trouble = _trouble_following(self._around, node, position, newest)
            if trouble:
                return f"{node}: {trouble}"
        return ""


class OnePrimary:
    """Two nodes have not taken writes at the same time for a while.

    Args:
        twins: Looks out for it, over sessions that it keeps: a server that lets nobody
            in any more still serves whoever has one.
    """

    def __init__(self, twins: Twins) -> None:
        self._twins = twins

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        last = self._twins.last
        recent = last is not None and time.monotonic() - last < APART_S
        return "two servers take writes" if recent else ""


class Rows:
    """The rows of the first look are there unchanged, and so is every confirmed write.

    New rows are welcome: restoring must not undo what users did since.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._before: Mapping[str, Mapping[str, str]] = {}
        self._fingerprint = ""
        self._damage = ""

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        written = self._around.journal.numbers()
        with self._around.platform() as session:
            fingerprint = ",".join(_fingerprint(session, table) for table in _TABLES)
            if not self._before:
                self._before = {table: _digests(session, table) for table in _TABLES}
            elif fingerprint != self._fingerprint:
                # Row by row only when something moved: looking must stay cheap.
                self._damage = "; ".join(filter(None, (self._compare(session, t) for t in _TABLES)))
            self._fingerprint = fingerprint
            present = {int(row[0] or 0) for row in session.run("SELECT seq FROM drillbook.probe")}
        missing = len(written - present)
        rows = f"{missing} confirmed rows are missing" if missing else ""
        return "; ".join(filter(None, (self._damage, rows)))

    def _compare(self, session: Session, table: str) -> str:
        before, now = self._before[table], _digests(session, table)
        missing = sum(1 for key in before if key not in now)
        changed = sum(1 for key, digest in before.items() if now.get(key, digest) != digest)
        if not missing and not changed:
            return ""
        return f"{table}: of {len(before)} rows {missing} are missing and {changed} changed"


def _trouble_following(around: Surroundings, node: str, position: str, newest: int | None) -> str:
    """Why the node does not follow a primary that is at `position`; empty when it does."""
    with around.node(node) as session:
        in_recovery, streams, lag, present = session.run(_FOLLOWS, position, str(newest or 0))[0]
    if in_recovery != "true":
        return "it is not in recovery"
    if streams != "true" or lag is None:
        return "it does not stream"
    if int(lag) >= MOST_LAG_BYTES:
        return f"it is {int(lag)} bytes behind"
    if newest is None or present != "true":
        return f"it does not show what was confirmed {FRESH_S:g} s ago"
    return ""


def _fingerprint(session: Session, table: str) -> str:
    query = f"SELECT count(*), bit_xor(hashtextextended(t::text, 0)) FROM {table} AS t"
    return "/".join(str(value) for value in session.run(query)[0])


def _digests(session: Session, table: str) -> dict[str, str]:
    rows = session.run(f"SELECT id, md5(t::text) FROM {table} AS t")
    return {key: digest for key, digest in rows if key is not None and digest is not None}
