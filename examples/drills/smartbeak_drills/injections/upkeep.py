"""Faults of what keeps a database well: its WAL, its archive, vacuum.

Users notice none of them yet.
"""

from __future__ import annotations

from drillbook.drills.hosts import run, until
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.injections import client
from smartbeak_drills.injections.postgres import ARCHIVE, DATA, LOG, sql, until_healthy
from smartbeak_drills.places import FORGOTTEN, PRIMARY, REPLICA

SLOT = FORGOTTEN.replace("-", "_")

_SEGMENT = 1 << 20
"""Ids in a file of pg_xact: 32 pages of 8192 bytes, with four ids in each byte."""

NEXT = 861 * _SEGMENT
"""Transaction id that is next: 42 % of what there are."""

UNTIL = 120_000
"""Transactions that others make while a session is open."""


def leave_slot(sandbox: Sandbox) -> None:
    """Makes a replication slot whose reader never comes, and has WAL written."""
    sql(sandbox, PRIMARY, f"SELECT pg_create_physical_replication_slot('{SLOT}', true)")
    _write_wal(sandbox, 70)


def lose_archive(sandbox: Sandbox) -> None:
    """Removes the archive's folder with all that is in it, and has WAL written."""
    run(sandbox, PRIMARY, "rm", "--recursive", ARCHIVE)
    _write_wal(sandbox, 5)
    failed = "SELECT last_failed_time > last_archived_time FROM pg_stat_archiver"
    until(lambda: sql(sandbox, PRIMARY, failed) == "t", "the archive to fail")


def leave_session(sandbox: Sandbox, table: str) -> None:
    """Has a session read a table and stay open, while others change all rows of it."""
    client.start(
        sandbox, f"read-{table}", "hold", "--host", PRIMARY, "--name", FORGOTTEN,
        "--table", table, "--snapshot", what=f"{table} was never read",
    )  # fmt: skip
    burnt = f"""
        DO $$ BEGIN
          FOR number IN 1..{UNTIL} LOOP
            PERFORM pg_current_xact_id();
            COMMIT;
          END LOOP;
        END $$"""
    sql(
        sandbox, PRIMARY, "SET synchronous_commit = off", burnt,
        f"UPDATE {table} SET id = id", database="smartbeak",
    )  # fmt: skip


def use_up_ids(sandbox: Sandbox) -> None:
    """Sets the counter of transaction ids forward, and has nothing vacuum for it.

    So many transactions cannot be made in a drill. The replica is copied anew, as the counter
    is not in the WAL.
    """
    sql(sandbox, PRIMARY, "ALTER SYSTEM SET autovacuum_freeze_max_age = 2000000000")
    for host in (PRIMARY, REPLICA):
        run(sandbox, host, "pg_ctl", "stop", f"--pgdata={DATA}", "--mode=fast", "--wait")
    run(sandbox, PRIMARY, "pg_resetwal", f"--next-transaction-id={NEXT}", DATA)
    # The server expects the file of the ids that it is in to be there.
    states = f"{DATA}/pg_xact/{NEXT // _SEGMENT:04X}"
    run(sandbox, PRIMARY, "dd", "if=/dev/zero", f"of={states}", "bs=8192", "count=32")
    _start(sandbox, PRIMARY)
    run(sandbox, REPLICA, "find", DATA, "-mindepth", "1", "-delete")
    run(
        sandbox, REPLICA, "pg_basebackup", f"--dbname=host={PRIMARY}.repl user=replicator",
        f"--pgdata={DATA}", "--wal-method=stream", "--checkpoint=fast", "--no-sync",
    )  # fmt: skip
    run(sandbox, REPLICA, "touch", f"{DATA}/standby.signal")
    _start(sandbox, REPLICA)


def _write_wal(sandbox: Sandbox, segments: int) -> None:
    written = f"""
        SELECT count(pg_logical_emit_message(false, 'drill', 'x')), count(pg_switch_wal())
        FROM generate_series(1, {segments})"""
    sql(sandbox, PRIMARY, written)


def _start(sandbox: Sandbox, host: str) -> None:
    run(sandbox, host, "pg_ctl", "start", f"--pgdata={DATA}", f"--log={LOG}", "--wait")
    until_healthy(sandbox, host)
