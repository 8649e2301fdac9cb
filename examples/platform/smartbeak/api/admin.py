"""Routes of administration: dead letters, queue metrics, flags."""

from __future__ import annotations

from typing import Annotated, Any, Final, LiteralString

from fastapi import APIRouter, Depends, Path, Query
from psycopg.rows import DictRow

from smartbeak.access.dependencies import allow, answers, whoever
from smartbeak.access.tokens import Identity
from smartbeak.api.publishing import Publishing
from smartbeak.data import jobs
from smartbeak.data.database import Connection, Database, fetch, fetch_one
from smartbeak.http.shapes.administration import (
    AllQueueMetrics,
    DeadLetter,
    Flag,
    FlagSet,
    FlagValue,
    Region,
    Retried,
)
from smartbeak.http.shapes.base import ID

User = Annotated[Identity, Depends(whoever)]
JobId = Annotated[str, Path(pattern=ID)]
FlagKey = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_-]{1,100}$")]

_LETTERS = """
SELECT * FROM publishing_dlq WHERE org_id = %(org)s
  AND (%(region)s::text IS NULL OR region = %(region)s)
ORDER BY created_at DESC, id LIMIT %(limit)s OFFSET %(offset)s
"""

_DEAD_JOB = """
SELECT job.* FROM publishing_dlq AS letter
JOIN publishing_jobs AS job ON job.id = letter.publishing_job_id
WHERE letter.publishing_job_id = %s AND letter.org_id = %s LIMIT 1
"""

_BACKLOG = """
SELECT count(*) FILTER (WHERE job.status = 'pending') AS backlog,
       count(*) FILTER (WHERE job.status = 'failed') AS failed,
       count(*) FILTER (WHERE job.status IN ('published', 'failed')) AS finished
FROM publishing_jobs AS job JOIN domains AS domain ON domain.id = job.domain_id
WHERE domain.org_id = %s AND job.created_at > now() - interval '24 hours'
"""

_SET_FLAG = """
INSERT INTO system_flags (org_id, key, value, updated_at) VALUES (%s, %s, %s, now())
ON CONFLICT (org_id, key) DO UPDATE SET value = excluded.value, updated_at = now()
"""


class Admin:
    """What an organization's leaders may look at and change.

    Args:
        database: Where it is.
        publishing: Queues jobs again.
    """

    def __init__(self, database: Database, publishing: Publishing) -> None:
        self._database = database
        self._publishing = publishing

    async def letters(self, user: Identity, region: str | None, limit: int, offset: int) -> Any:
        """Dead letters, newest first."""
        asked = {"org": user.org, "region": region, "limit": limit, "offset": offset}

        async def work(connection: Connection) -> list[DictRow]:
            cursor = await connection.execute(_LETTERS, asked)
            return await cursor.fetchall()

        return [jobs.letter(row) for row in await self._database.run(work)]

    async def retry(self, user: Identity, job_id: str) -> bool:
        """Queues the job of a dead letter again, then removes the letter.

        Returns:
            Whether there was one.
        """
        row = await self._database.run(
            lambda connection: fetch_one(connection, _DEAD_JOB, job_id, user.org)
        )
        if row is None:
            return False
        await self._publishing.requeue(row)
        await self.remove(user, job_id)
        return True

    async def remove(self, user: Identity, job_id: str) -> None:
        """Removes the dead letters of a job; the job stays as it is."""

        async def work(connection: Connection) -> None:
            query = "DELETE FROM publishing_dlq WHERE publishing_job_id = %s AND org_id = %s"
            await connection.execute(query, (job_id, user.org))

        await self._database.run(work)

    async def metrics(self, user: Identity) -> dict[str, Any]:
        """How the queues did for the organization in the last day."""
        row = await self._database.run(lambda connection: fetch_one(connection, _BACKLOG, user.org))
        assert row is not None, "counts are always there"
        rate = row["failed"] / row["finished"] if row["finished"] else 0.0
        return {
            "publishing": {"backlog": row["backlog"], "error_rate": rate},
            "search": {"backlog": 0, "error_rate": 0.0},
        }

    async def flag(self, user: Identity, key: str) -> bool:
        """What a flag is set to; off if it was never set."""
        query = "SELECT value FROM system_flags WHERE org_id = %s AND key = %s"
        row = await self._database.run(
            lambda connection: fetch_one(connection, query, user.org, key)
        )
        return bool(row and row["value"])

    async def set_flag(self, user: Identity, key: str, value: bool) -> None:
        """Sets a flag."""

        async def work(connection: Connection) -> None:
            await connection.execute(_SET_FLAG, (user.org, key, value))

        await self._database.run(work)


_OLDEST: Final[LiteralString] = """
SELECT region, coalesce(extract(epoch FROM now() - min(job.created_at)), 0)::float AS age
FROM (SELECT DISTINCT region FROM publish_targets) AS served
LEFT JOIN (SELECT region, created_at FROM publishing_jobs
           WHERE status IN ('pending', 'publishing')) AS job USING (region)
GROUP BY region
"""


async def count_jobs(
    connection: Connection,
) -> tuple[dict[str, int], dict[str, int], dict[str, float]]:
    """Of all organizations: jobs by status, dead letters and the oldest job's age by region."""
    statuses = await fetch(connection, "SELECT status, count(*) FROM publishing_jobs GROUP BY 1")
    regions = await fetch(connection, "SELECT region, count(*) FROM publishing_dlq GROUP BY 1")
    ages = await fetch(connection, _OLDEST)
    found = dict.fromkeys(("pending", "publishing", "published", "failed"), 0)
    found |= {row["status"]: row["count"] for row in statuses}
    return (
        found,
        {row["region"]: row["count"] for row in regions},
        {row["region"]: row["age"] for row in ages},
    )


def routes(admin: Admin) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/admin", tags=["admin"])
    usual = answers(400, 401, 403, 429, 503)

    @router.get(
        "/dlq", response_model=list[DeadLetter], responses=usual,
        dependencies=[allow("GET", "/v1/admin/dlq")],
    )  # fmt: skip
    async def list_letters(
        user: User,
        region: Region | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
        offset: Annotated[int, Query(ge=0, le=10_000)] = 0,
    ) -> Any:
        """Lists dead letters, newest first."""
        return await admin.letters(user, region, limit, offset)

    @router.post(
        "/dlq/{id}/retry", response_model=Retried,
        responses=answers(400, 401, 403, 409, 429, 503),
        dependencies=[allow("POST", "/v1/admin/dlq/{id}/retry")],
    )  # fmt: skip
    async def retry_letter(user: User, id: JobId) -> dict[str, Any]:
        """Queues the job of a dead letter again; `id` is the job's."""
        return {"data": await admin.retry(user, id)}

    @router.delete(
        "/dlq/{id}", status_code=204, responses=usual,
        dependencies=[allow("DELETE", "/v1/admin/dlq/{id}")],
    )  # fmt: skip
    async def remove_letter(user: User, id: JobId) -> None:
        """Removes a job's dead letter; `id` is the job's."""
        await admin.remove(user, id)

    @router.get(
        "/queues/metrics", response_model=AllQueueMetrics,
        responses=answers(401, 403, 429, 503),
        dependencies=[allow("GET", "/v1/admin/queues/metrics")],
    )  # fmt: skip
    async def queue_metrics(user: User) -> dict[str, Any]:
        """Says how the queues did for the organization in the last day."""
        return await admin.metrics(user)

    @router.get(
        "/flags/{key}", response_model=Flag, responses=usual,
        dependencies=[allow("GET", "/v1/admin/flags/{key}")],
    )  # fmt: skip
    async def read_flag(user: User, key: FlagKey) -> dict[str, Any]:
        """Says what a flag is set to."""
        return {"key": key, "value": await admin.flag(user, key)}

    @router.post(
        "/flags/{key}", response_model=FlagSet,
        responses=answers(400, 401, 403, 413, 429, 503),
        dependencies=[allow("POST", "/v1/admin/flags/{key}")],
    )  # fmt: skip
    async def set_flag(user: User, key: FlagKey, flag: FlagValue) -> dict[str, Any]:
        """Sets a flag."""
        await admin.set_flag(user, key, flag.value)
        return {"key": key}

    return router
