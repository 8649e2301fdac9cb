"""Faults of the disk that a database or Redis has its data on."""

from __future__ import annotations

from drillbook.drills.hosts import InjectionFailed, ask, run, signal, until
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.injections.postgres import ARCHIVE, DATA, sql
from smartbeak_drills.places import DATABASES, OPERATOR, PRIMARY, REPLICA

DISK, REDIS_DISK = "/var/lib/postgresql", "/var/lib/redis"
"""What is bounded: volumes with a size."""

REPORT = "report.csv"
"""What fills it: nothing of the server's own."""

# Where a volume shows files of a template, a file takes its room only once it was touched; on
# a disk it has it from the beginning.
FILL = """
find "$1" -type f -exec touch --no-create {} +
if dd if=/dev/zero of="$2" bs=1M 2>/dev/null; then echo "$1 was never full" >&2; exit 1; fi
"""

# Less than a page each: what is left of the last segment is used up, too.
WRITES = """
SELECT count(pg_logical_emit_message(false, 'drill', repeat('x', 500)))
FROM generate_series(1, 20000)"""

PILED = """
SELECT count(pg_logical_emit_message(false, 'drill', repeat('x', 1024 * 1024)))
FROM generate_series(1, 64)"""
"""Of WAL, in one go: the replica has room for twice as much."""

_LEFT_MB = 80
"""With less room than that the next one may be the last."""

_FULL_MB = 7
"""Less than 3 % of the disk, and more than the server needs to go on until it is killed."""

# More than a page: what is left of the last one is used up, too.
_REDIS_WRITE = "return redis.call('SET', 'cache:report:1', string.rep('x', 20000))"

_NO_SERVER = 3
"""Exit status of `pg_ctl status`."""


def fill(sandbox: Sandbox, host: str) -> None:
    """Fills the disk with a report, and has users write until the server finds no room."""
    if host in DATABASES:
        _fill(sandbox, host, DISK)
        until(lambda: _ended(sandbox, host), f"the server of {host} to end")
    elif host.startswith("redis-"):
        _fill(sandbox, host, REDIS_DISK)
        until(lambda: _refuses(sandbox, host), f"{host} to refuse writes")
    else:
        raise InjectionFailed(f"{host} has no disk of its own: databases and Redis hosts have")


def pile_up_wal(sandbox: Sandbox) -> None:
    """Has WAL pile up for an archive that is gone until the disk is full; then the server dies.

    It is killed: whether it ends by itself is a matter of the byte at which it finds no room.
    """
    run(sandbox, PRIMARY, "rm", "--recursive", ARCHIVE)
    while _free_mb(sandbox) > _LEFT_MB:
        _pile_up_more(sandbox)
    until(lambda: _nearly_full(sandbox), f"the disk of {PRIMARY} to be full")
    signal(sandbox, PRIMARY, "KILL")


def _nearly_full(sandbox: Sandbox) -> bool:
    free = _free_mb(sandbox)
    if free > _FULL_MB:
        more = f"""
            SELECT count(pg_logical_emit_message(false, 'drill', repeat('x', 1024 * 1024)))
            FROM generate_series(1, {free - _FULL_MB + 1})"""
        ask(sandbox, PRIMARY, "psql", "--no-psqlrc", "--dbname=postgres", f"--command={more}")
    return free <= _FULL_MB


def _pile_up_more(sandbox: Sandbox) -> None:
    """Ends with checkpoints: what stays is kept for the archive alone."""
    said = sql(sandbox, PRIMARY, PILED, "CHECKPOINT", "SELECT pg_current_wal_flush_lsn()")
    arrived = f"SELECT pg_last_wal_replay_lsn() >= '{said.split()[-1]}'"
    until(lambda: sql(sandbox, REPLICA, arrived) == "t", f"{REPLICA} to replay it")
    sql(sandbox, REPLICA, "CHECKPOINT")


def _free_mb(sandbox: Sandbox) -> int:
    said = run(sandbox, PRIMARY, "df", "--output=avail", "--block-size=M", DATA)
    return int(said.split()[-1].removesuffix("M"))


def _fill(sandbox: Sandbox, host: str, disk: str) -> None:
    run(sandbox, host, "bash", "-euc", FILL, "bash", disk, f"{disk}/{REPORT}")


def _ended(sandbox: Sandbox, host: str) -> bool:
    ask(sandbox, host, "psql", "--no-psqlrc", "--dbname=smartbeak", f"--command={WRITES}")
    return int(ask(sandbox, host, "pg_ctl", "status")["status"]) == _NO_SERVER


def _refuses(sandbox: Sandbox, host: str) -> bool:
    said = run(sandbox, OPERATOR, "redis-cli", "-h", host, "EVAL", _REDIS_WRITE, "0")
    return said.startswith("MISCONF")
