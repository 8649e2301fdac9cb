"""A power cut, simulated: what had not reached the disk is not there any more.

No machine loses its power in a drill. Its processes get SIGKILL, and their files are put into
a state in which a power cut leaves them:

- PostgreSQL: every file but the log goes back to the checkpoint before, the last moment for which
  it is sure of them. Of its log there stays what it had the disk keep: all that it wrote, as a
  commit waits for it, where it counts calls of fsync meanwhile; where it counts none, nothing
  behind that checkpoint. The stack's servers do without fsync; here it is on, as in production.
- Redis: its append-only file loses the last second, the most that `appendfsync everysec` allows.

Not done: torn pages, a disk that says it has what it has not, files that the file system loses.
"""

from __future__ import annotations

from drillbook.drills.hosts import run, signal, until
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.injections.postgres import DATA, sql
from smartbeak_drills.injections.redis import DATA as REDIS_DATA
from smartbeak_drills.injections.redis import MASTER, NEWEST_FILE
from smartbeak_drills.places import PRIMARY

_KEPT = "/srv/backup/at-checkpoint.tar"

# The control file first: recovery begins at the checkpoint that it names, whatever the others
# have from later. Files that change while they are read make tar end with 1.
AT_CHECKPOINT = """
cd "$1"
psql --no-psqlrc --quiet --dbname=postgres --command=CHECKPOINT
tar --create --file="$2" global/pg_control
tar --append --file="$2" --exclude=./pg_wal --exclude='./postmaster.*' \\
  --exclude=./global/pg_control . 2>/dev/null || [[ $? == 1 ]]
"""
PUT_BACK = """
tar --extract --file="$2" --directory="$1"
rm "$2"
"""
_WRITTEN = 20
"""Transactions after the checkpoint, of which only the log knows."""

_KEEP = ("ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()")
_SYNCED = "SELECT wal_write, wal_sync FROM pg_stat_wal"
_END_OF_LOG = """
SELECT file_name, file_offset FROM pg_walfile_name_offset(pg_current_wal_insert_lsn())"""

# From a position on there are zeros, where the server reads the end of its log.
FORGET = """
cd "$1/pg_wal"
truncate --size "$3" "$2"
truncate --size 1M "$2"
for file in [0-9A-F]*; do
  if [[ $file > $2 && ${#file} == 24 ]]; then rm "$file"; fi
done
"""

_ORDER = r"^bull:publishing:[0-9a-f]\{8\}-[0-9a-f-]*.$"
"""A job of the worker's queue, in the append-only file; the line ends with a carriage return."""

# Again, until users have ordered something in the last second that the dead worker would do:
# nobody but the API writes such a key then.
LAST_SECOND = f"""
cd "$1"
pid=$(<redis.pid)
{NEWEST_FILE}
until
  size=$(stat --format %s "$file")
  sleep 1
  tail --bytes +$((size + 1)) "$file" | grep --text "$2" >/dev/null
do :; done
kill -KILL "$pid"
while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
truncate --size "$size" "$file"
"""


def cut(sandbox: Sandbox) -> None:
    """Has the machine of the primary, of Redis and of the worker lose its power."""
    sql(sandbox, PRIMARY, *_KEEP)
    until(lambda: sql(sandbox, PRIMARY, "SHOW fsync") == "on", "fsync")
    run(sandbox, PRIMARY, "bash", "-euc", AT_CHECKPOINT, "bash", DATA, _KEPT)
    kept = sql(sandbox, PRIMARY, _END_OF_LOG).split("|")
    begin, (written, synced) = _transactions(sandbox), _log_calls(sandbox)
    until(lambda: _transactions(sandbox) > begin + _WRITTEN, "users to write")
    # Sessions report what they did once a second at most.
    until(lambda: _log_calls(sandbox)[0] > written + _WRITTEN, "the log to be written")
    is_kept = _log_calls(sandbox)[1] > synced
    signal(sandbox, "worker", "KILL")
    run(sandbox, MASTER, "bash", "-euo", "pipefail", "-c", LAST_SECOND, "bash", REDIS_DATA, _ORDER)
    signal(sandbox, PRIMARY, "KILL")
    run(sandbox, PRIMARY, "bash", "-euc", PUT_BACK, "bash", DATA, _KEPT)
    if not is_kept:
        run(sandbox, PRIMARY, "bash", "-euc", FORGET, "bash", DATA, *kept)


def _transactions(sandbox: Sandbox) -> int:
    return int(sql(sandbox, PRIMARY, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))


def _log_calls(sandbox: Sandbox) -> tuple[int, int]:
    """How often the server wrote its log, and how often it had the disk keep that."""
    written, synced = sql(sandbox, PRIMARY, _SYNCED).split("|")
    return int(written), int(synced)
