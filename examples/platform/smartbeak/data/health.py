"""How the process is: what it needs, and whether that works."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from smartbeak.data.database import Connection, Database, fetch_one
from smartbeak.data.store import Store
from smartbeak.process.errors import UnavailableError
from smartbeak.process.metrics import Metrics

MOST_STALLED = 10
"""Jobs in work for more than half an hour that are still no reason to worry."""

_COUNTS = """
SELECT count(*) FILTER (WHERE status = 'publishing'
                          AND updated_at < now() - interval '30 minutes') AS stalled,
       count(*) FILTER (WHERE status = 'failed'
                          AND updated_at > now() - interval '1 hour') AS failed,
       count(*) FILTER (WHERE status = 'pending') AS pending
FROM publishing_jobs
"""


@dataclass
class Health:
    """What the process needs, and whether it is about to end."""

    database: Database
    store: Store
    metrics: Metrics
    draining: bool = False
    """Whether the process finishes what it has and takes nothing new."""

    async def check(self) -> dict[str, dict[str, Any]]:
        """Each thing the process needs, with what was found out about it."""
        checks = (self._database(), self._redis(), self._queues())
        found = await asyncio.gather(*(_outcome(check) for check in checks))
        return dict(zip(("database", "redis", "queues"), found, strict=True))

    async def ready(self) -> bool:
        """Whether the process takes requests."""
        if self.draining:
            return False
        found = await asyncio.gather(_outcome(self._database()), _outcome(self._redis()))
        return all(each["status"] == "ok" for each in found)

    async def _database(self) -> dict[str, Any]:
        began = time.perf_counter()
        await self.database.run(lambda connection: fetch_one(connection, "SELECT 1"))
        return {"latency": _ms(began)}

    async def _redis(self) -> dict[str, Any]:
        began = time.perf_counter()
        await self.store.ask(self.store.client.ping())
        return {"latency": _ms(began), "mode": "connected"}

    async def _queues(self) -> dict[str, Any]:
        async def count(connection: Connection) -> Any:
            return await fetch_one(connection, _COUNTS)

        row = await self.database.run(count)
        if row["stalled"] > MOST_STALLED:
            raise RuntimeError(f"{row['stalled']} stalled jobs")
        return {
            "stalledJobs": row["stalled"], "failedJobs": row["failed"],
            "pendingJobs": row["pending"],
        }  # fmt: skip


def status_of(found: dict[str, dict[str, Any]]) -> str:
    """What the checks come to: queues alone only degrade."""
    if any(found[name]["status"] != "ok" for name in ("database", "redis")):
        return "unhealthy"
    return "healthy" if found["queues"]["status"] == "ok" else "degraded"


async def _outcome(check: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"status": "ok", **await check}
    except UnavailableError as error:
        return {"status": "error", "error": f"{error.service}: {error.cause}"}
    except Exception as error:
        return {"status": "error", "error": str(error)}


def _ms(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
