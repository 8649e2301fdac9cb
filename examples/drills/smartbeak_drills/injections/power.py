"""A power cut, simulated: what had not reached the disk is not there any more.

No machine loses its power in a drill. Its processes get SIGKILL, and their files are put into
a state in which a power cut leaves them:

- PostgreSQL: every file but the log goes back to the checkpoint before, the last moment for which
  it is sure of them; the log stays as it was written, since a commit waits for it.
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
    run(sandbox, PRIMARY, "bash", "-euc", AT_CHECKPOINT, "bash", DATA, _KEPT)
    begin = _transactions(sandbox)
    until(lambda: _transactions(sandbox) > begin + _WRITTEN, "users to write")
    signal(sandbox, "worker", "KILL")
    run(sandbox, MASTER, "bash", "-euo", "pipefail", "-c", LAST_SECOND, "bash", REDIS_DATA, _ORDER)
    signal(sandbox, PRIMARY, "KILL")
    run(sandbox, PRIMARY, "bash", "-euc", PUT_BACK, "bash", DATA, _KEPT)


def _transactions(sandbox: Sandbox) -> int:
    return int(sql(sandbox, PRIMARY, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
