"""The questions that guards ask PostgreSQL."""

from __future__ import annotations

from typing import Final, LiteralString

PROGRESS: Final[LiteralString] = """
SELECT pg_is_in_recovery() AS recovering, pg_last_wal_replay_lsn()::text AS replayed,
       pg_last_xact_replay_timestamp() AS at,
       CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state()
         ELSE 'not paused' END AS pause
"""

FOLLOWERS: Final[LiteralString] = """
SELECT (pg_current_wal_lsn() - replay_lsn)::float AS behind
FROM pg_stat_replication WHERE state = 'streaming' ORDER BY 1
"""

SLOTS: Final[LiteralString] = """
SELECT current_setting('max_connections')::integer
  - current_setting('superuser_reserved_connections')::integer
  - coalesce(current_setting('reserved_connections', true), '0')::integer
"""

SLOT: Final[LiteralString] = """
SELECT active, active_pid FROM pg_replication_slots WHERE slot_name = %s
"""

SESSION: Final[LiteralString] = """
SELECT session.pid, session.usename, session.application_name, session.state,
       session.backend_type, coalesce(role.rolsuper, false) AS rolsuper,
       (SELECT count(*) FROM pg_stat_activity AS waiting
        WHERE session.pid = ANY (pg_blocking_pids(waiting.pid))) AS blocks,
       coalesce(extract(epoch FROM clock_timestamp() - session.xact_start), 0)::float AS open_s,
       coalesce(greatest(age(session.backend_xid), age(session.backend_xmin)), 0) AS behind
FROM pg_stat_activity AS session LEFT JOIN pg_roles AS role ON role.rolname = session.usename
WHERE session.pid = %s
"""

ORDINARY: Final[LiteralString] = """
SELECT count(*) FROM pg_roles
WHERE rolname = %s AND rolcanlogin AND NOT rolsuper AND NOT rolreplication
"""

TIMELINE: Final[LiteralString] = """
SELECT timeline_id, current_setting('server_version_num')::integer AS version
FROM pg_control_checkpoint()
"""
