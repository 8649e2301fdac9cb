"""The oracle that looks at what keeps a database well, beside its users."""

from __future__ import annotations

from smartbeak_drills.oracles.base import Surroundings

MOST_HELD = 64 << 20
MOST_SEGMENTS = 3
MOST_BEHIND = 100_000
MOST_AGE = 200_000_000
"""The server's own default of autovacuum_freeze_max_age."""

# Only what an ordinary role may see; names of WAL files compare as their places do.
_LOOK = f"""
SELECT (SELECT coalesce(max(pg_current_wal_lsn() - restart_lsn), 0)::bigint
        FROM pg_replication_slots WHERE NOT active)::text,
       (SELECT (left(last_archived_wal, 24) >= pg_walfile_name(pg_current_wal_lsn()
                - {MOST_SEGMENTS} * pg_size_bytes(current_setting('wal_segment_size'))))::text
        FROM pg_stat_archiver),
       (SELECT coalesce(max(greatest(age(backend_xid), age(backend_xmin))), 0)
        FROM pg_stat_activity)::text,
       (SELECT max(age(datfrozenxid)) FROM pg_database)::text
"""


class Upkeep:
    """No WAL is held back, all of it is archived, and vacuum gets at what is old."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        with self._around.platform() as session:
            held, archived, behind, age = session.run(_LOOK)[0]
        troubles = []
        if int(held or 0) > MOST_HELD:
            troubles.append(f"a slot that nobody reads holds {held} bytes of WAL")
        if archived != "true":
            troubles.append(f"the archive is more than {MOST_SEGMENTS} files of WAL behind")
        if int(behind or 0) > MOST_BEHIND:
            troubles.append(f"a session holds back vacuum by {behind} transactions")
        if int(age or 0) > MOST_AGE:
            troubles.append(f"the oldest transaction id is {age} transactions old")
        return "; ".join(troubles)
