"""Sequences of the database: how much of each is used up."""

from __future__ import annotations

from typing import Any

from smartbeak.data.database import Connection, fetch

# Parts of a sequence that may be used before somebody should look, and act.
_WARNING, _CRITICAL = 0.75, 0.9

_SEQUENCES = f"""
SELECT sequencename AS name, coalesce(last_value, 0) AS current_value, max_value,
       round(used * 100, 2)::float8 AS utilization_percent,
       CASE WHEN used > {_CRITICAL} THEN 'CRITICAL' WHEN used > {_WARNING} THEN 'WARNING'
            ELSE 'OK' END AS status
FROM pg_sequences, LATERAL (SELECT coalesce(last_value, 0)::numeric / max_value AS used) AS part
WHERE schemaname = 'public' AND max_value > 0
ORDER BY used DESC, name
"""


async def read(connection: Connection) -> list[dict[str, Any]]:
    """The platform's sequences, the fullest first."""
    return [dict(row) for row in await fetch(connection, _SEQUENCES)]


def healthy(found: list[dict[str, Any]]) -> bool:
    """Whether all of them still have room."""
    return all(each["status"] != "CRITICAL" for each in found)
