"""The questions that looks ask PostgreSQL; none of them changes anything."""

from __future__ import annotations

from typing import Final, LiteralString

LOG: Final = "/var/log/postgresql/postgresql.log"
"""Where the servers' log is; a superuser reads its end through the server."""

ACCESS: Final[LiteralString] = """
SELECT pg_is_in_recovery() AS recovering,
       (SELECT reset_val = 'on' FROM pg_settings
        WHERE name = 'default_transaction_read_only') AS read_only,
       to_regclass('content_items') IS NULL AND EXISTS (
         SELECT FROM pg_class WHERE relname = 'content_items') AS hidden,
       current_setting('search_path') AS path
"""

# The client hears of a wrong password then; only the server's log says more.
ENDED: Final[LiteralString] = """
SELECT rolname, rolvaliduntil::text AS until FROM pg_roles
WHERE rolname = %s AND rolvaliduntil < now()
"""

API_SESSIONS: Final[LiteralString] = """
SELECT count(*) FROM pg_stat_activity WHERE application_name = 'smartbeak-api'
"""

ROLE: Final[LiteralString] = """
SELECT pg_is_in_recovery() AS recovering,
       (SELECT extract(epoch FROM clock_timestamp() - last_msg_receipt_time)::float
        FROM pg_stat_wal_receiver WHERE status = 'streaming') AS heard_s,
       pg_last_wal_receive_lsn()::text AS received,
       pg_last_wal_replay_lsn()::text AS replayed,
       coalesce(pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn(), 0)::float AS unreplayed,
       pg_last_xact_replay_timestamp() AS last_xact,
       CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state()
         ELSE 'not paused' END AS pause,
       (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming') AS streaming,
       (SELECT max(CASE WHEN pg_is_in_recovery() THEN NULL
                   ELSE pg_current_wal_lsn() - replay_lsn END)::float
        FROM pg_stat_replication WHERE state = 'streaming') AS behind
"""

GOT: Final[LiteralString] = """
SELECT pg_is_in_recovery() AS recovering,
       greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn AS got
"""

CONNECTIONS: Final[LiteralString] = """
SELECT count(*) FILTER (WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
         AS used,
       current_setting('max_connections')::integer
         - current_setting('superuser_reserved_connections')::integer
         - coalesce(current_setting('reserved_connections', true), '0')::integer AS slots
FROM pg_stat_activity
"""

HOLDERS: Final[LiteralString] = """
SELECT usename, application_name, mode() WITHIN GROUP (ORDER BY state) AS state, count(*)
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
GROUP BY 1, 2 ORDER BY 4 DESC LIMIT 3
"""

WAITING: Final[LiteralString] = """
SELECT pid, extract(epoch FROM clock_timestamp() - coalesce(
         (SELECT min(waitstart) FROM pg_locks AS lock
          WHERE lock.pid = session.pid AND NOT lock.granted), query_start))::float AS waits_s
FROM pg_stat_activity AS session WHERE cardinality(pg_blocking_pids(pid)) > 0
"""

# A blocker that is itself blocked is not the one to be dealt with.
BLOCKERS: Final[LiteralString] = """
WITH waiting AS (
  SELECT pid, unnest(pg_blocking_pids(pid)) AS blocker FROM pg_stat_activity
  WHERE cardinality(pg_blocking_pids(pid)) > 0
)
SELECT session.pid, session.usename, session.application_name, session.state, session.query,
       session.backend_type, coalesce(role.rolsuper, false) AS rolsuper,
       extract(epoch FROM clock_timestamp() - session.xact_start)::float AS open_s,
       (SELECT count(DISTINCT pid) FROM waiting) AS blocks
FROM pg_stat_activity AS session LEFT JOIN pg_roles AS role ON role.rolname = session.usename
WHERE session.pid IN (SELECT blocker FROM waiting)
  AND session.pid NOT IN (SELECT pid FROM waiting)
ORDER BY session.xact_start NULLS LAST LIMIT 5
"""

PREPARED: Final[LiteralString] = """
SELECT gid, owner, extract(epoch FROM clock_timestamp() - prepared)::float AS open_s
FROM pg_prepared_xacts ORDER BY prepared LIMIT 5
"""

# https://www.postgresql.org/docs/15/monitoring-stats.html#WAIT-EVENT-IPC-TABLE
COMMITS: Final[LiteralString] = """
SELECT count(*) AS waiting,
       extract(epoch FROM max(clock_timestamp() - query_start))::float AS waits_s,
       current_setting('synchronous_standby_names') AS asked,
       (SELECT string_agg(application_name || ' (' || sync_state || ')', ', ')
        FROM pg_stat_replication WHERE state = 'streaming') AS streaming
FROM pg_stat_activity WHERE wait_event = 'SyncRep'
"""

SLOTS: Final[LiteralString] = """
SELECT slot_name, active, wal_status,
       (pg_current_wal_lsn() - restart_lsn)::float AS held
FROM pg_replication_slots ORDER BY 4 DESC NULLS LAST
"""

# What a session may still see, or has begun, is what vacuum leaves: `behind` counts the
# transactions since. One that sees nothing is only old.
AGE: Final[LiteralString] = """
SELECT age(datfrozenxid) AS oldest, datname, session.*
FROM pg_database LEFT JOIN LATERAL (
  SELECT pid, usename, application_name, state,
         extract(epoch FROM clock_timestamp() - xact_start)::float AS open_s,
         coalesce(greatest(age(backend_xid), age(backend_xmin)), 0) AS behind
  FROM pg_stat_activity WHERE backend_type = 'client backend' AND xact_start IS NOT NULL
    AND pid <> pg_backend_pid()
  ORDER BY behind DESC, xact_start LIMIT 1) AS session ON true
ORDER BY 1 DESC, datname LIMIT 1
"""

ARCHIVER: Final[LiteralString] = """
SELECT coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) AS fails,
       last_failed_time
FROM pg_stat_archiver
"""

# Rows that one moment changed which are older than that moment: not an import, which
# creates its rows. At most 20,000 rows are looked at.
DAMAGE: Final[LiteralString] = """
WITH sample AS (
  SELECT updated_at, created_at FROM content_items LIMIT 20000
), moment AS (
  SELECT updated_at, count(*) AS most FROM sample
  WHERE updated_at > created_at + interval '1 second' AND updated_at > now() - interval '1 day'
  GROUP BY updated_at ORDER BY most DESC LIMIT 1
)
SELECT (SELECT count(*) FROM sample) AS total, coalesce(max(most), 0) AS most,
       max(updated_at) AS at
FROM moment
"""

LOG_END: Final[LiteralString] = """
SELECT CASE WHEN size IS NULL THEN '' ELSE
  pg_read_file(%s, greatest(0, size - 30000), 30000, true) END
FROM (SELECT (pg_stat_file(%s, true)).size) AS file
"""

# As the servers' log_line_prefix writes it; a full disk is written about at least every
# minute, since the archive is closed that often.
FRESH: Final[LiteralString] = """
SELECT to_char((now() - interval '70 seconds') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
"""

NEWEST: Final[LiteralString] = """
SELECT to_char((now() - interval '10 seconds') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
"""
