"""Faults of the disk that a database has its data on."""

from __future__ import annotations

from drillbook.drills.hosts import InjectionFailed, ask, run, until
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.places import DATABASES

DISK = "/var/lib/postgresql"
"""What is bounded: a volume with a size."""

FOREIGN = f"{DISK}/report.csv"
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


_NO_SERVER = 3
"""Exit status of `pg_ctl status`."""


def fill(sandbox: Sandbox, host: str) -> None:
    """Fills the disk with a report, and has users write until there is no room for WAL."""
    if host not in DATABASES:
        raise InjectionFailed(f"{host} has no disk of its own: {' and '.join(DATABASES)} have")
    run(sandbox, host, "bash", "-euc", FILL, "bash", DISK, FOREIGN)

    def ended() -> bool:
        ask(sandbox, host, "psql", "--no-psqlrc", "--dbname=smartbeak", f"--command={WRITES}")
        return int(ask(sandbox, host, "pg_ctl", "status")["status"]) == _NO_SERVER

    until(ended, f"the server of {host} to end")
