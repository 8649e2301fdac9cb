"""States that a fault waits for: a time would be too short on one machine, too long on another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drillbook.drills.hosts import run, until
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.places import OPERATOR

Counted = Callable[[Sandbox], int]

_LETTERS = "SELECT count(*) FROM publishing_dlq WHERE created_at > now() - interval '1 hour'"
_ARRIVED = """
SELECT count(DISTINCT job.id) FROM publishing_jobs AS job
JOIN publish_attempts AS attempt ON attempt.publishing_job_id = job.id
WHERE job.status = 'published' AND attempt.error LIKE '%disconnected%'
"""
_WRITES = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"

# What is ordered with a priority waits in another list than what is not.
_WAITING = """
return redis.call('ZCARD', 'bull:publishing:prioritized')
  + redis.call('LLEN', 'bull:publishing:wait') + redis.call('LLEN', 'bull:publishing:paused')
"""


def reached(sandbox: Sandbox, state: str, count: str) -> None:
    """Waits until there are so many of what the state counts, from this step on or in all."""
    counted = STATES[state]
    begun = counted(sandbox) if state in _FROM_HERE else 0
    until(lambda: counted(sandbox) >= begun + int(count), f"{state} {count}")


def _rows(statement: str) -> Counted:
    return lambda sandbox: int(
        run(
            sandbox, OPERATOR, "psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only",
            "--host=db-1", "--username=smartbeak", "--dbname=smartbeak", "--set=ON_ERROR_STOP=1",
            f"--command={statement}",
        )
    )  # fmt: skip


def _waiting(sandbox: Sandbox) -> int:
    return int(run(sandbox, OPERATOR, "redis-cli", "-e", "-h", "redis-1", "EVAL", _WAITING, "0"))


STATES: Mapping[str, Counted] = {
    "letters": _rows(_LETTERS),
    "arrived": _rows(_ARRIVED),
    "waiting": _waiting,
    "writes": _rows(_WRITES),
}
"""What can be counted, by its name in a fault."""

_FROM_HERE = ("writes",)
