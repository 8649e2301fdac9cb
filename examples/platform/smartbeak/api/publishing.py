"""Routes of publishing: targets, and jobs that are taken only when they are in a queue."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from smartbeak.access.dependencies import allow, answers, whoever
from smartbeak.access.tokens import Identity
from smartbeak.api.content import own_domain
from smartbeak.data import jobs
from smartbeak.data.database import Connection, Database, fetch, fetch_one
from smartbeak.data.queues import JobData, Queues
from smartbeak.http.shapes.base import ID, Made, Ok
from smartbeak.http.shapes.publishing import JobDetail, JobRow, NewJob, NewTarget, Queued, TargetRow
from smartbeak.process.errors import UnavailableError, conflict, forbidden, not_found
from smartbeak.process.logs import Log

User = Annotated[Identity, Depends(whoever)]
JobId = Annotated[str, Path(pattern=ID)]
DomainId = Annotated[str, Query(alias="domainId", pattern=ID)]

MOST_LISTED = 100
"""Jobs in a list."""

_IN_QUEUE = frozenset({"waiting", "prioritized", "delayed", "active", "paused"})

_JOB = """
SELECT job.*, domain.org_id FROM publishing_jobs AS job
LEFT JOIN domains AS domain ON domain.id = job.domain_id WHERE job.id = %s
"""

log = Log("publishing")


class Publishing:
    """Publishing jobs and targets of all organizations.

    Args:
        database: Where they are.
        queues: Where jobs wait for a worker.
    """

    def __init__(self, database: Database, queues: Queues) -> None:
        self._database = database
        self._queues = queues

    async def targets(self, user: Identity, domain: str) -> list[DictRow]:
        """The targets of a domain."""

        async def work(connection: Connection) -> list[DictRow]:
            await own_domain(connection, user.org, domain)
            query = "SELECT * FROM publish_targets WHERE domain_id = %s ORDER BY created_at, id"
            return await fetch(connection, query, domain)

        return await self._database.run(work)

    async def add_target(self, user: Identity, domain: str, new: NewTarget) -> str:
        """A new target of a domain."""
        target = str(uuid.uuid4())

        async def work(connection: Connection) -> None:
            await own_domain(connection, user.org, domain, writes=True)
            await connection.execute(
                "INSERT INTO publish_targets (id, domain_id, type, config) VALUES (%s, %s, %s, %s)",
                (target, domain, new.type, Jsonb(new.config.model_dump())),
            )

        await self._database.run(work)
        return target

    async def list(self, user: Identity, domain: str) -> list[DictRow]:
        """The jobs of a domain, newest first."""

        async def work(connection: Connection) -> list[DictRow]:
            await own_domain(connection, user.org, domain)
            return await fetch(
                connection,
                "SELECT * FROM publishing_jobs WHERE domain_id = %s "
                "ORDER BY created_at DESC, id LIMIT %s",
                *(domain, MOST_LISTED),
            )

        return await self._database.run(work)

    async def read(self, user: Identity, job_id: str) -> DictRow:
        """A job."""
        row = await self._database.run(lambda connection: fetch_one(connection, _JOB, job_id))
        if row is None:
            raise not_found("Job")
        if row["org_id"] != user.org:
            raise forbidden("Access denied", "ACCESS_DENIED")
        return row

    async def create(self, user: Identity, new: NewJob) -> str:
        """Takes a job: only what is in the database and in the queue is acknowledged."""
        data = await self._database.run(lambda connection: _resolve(connection, user, new))
        await self._queues.admit(data.region)
        await self._database.run(lambda connection: jobs.insert(connection, data))
        try:
            await self._queues.add(data)
        except UnavailableError as error:
            if await self._withdrawn(data.jobId):
                raise
            # It is in the queue after all, and a worker was faster.
            log.info("queued without an answer", jobId=data.jobId, error=error.cause)
        return data.jobId

    async def retry(self, user: Identity, job_id: str) -> None:
        """Queues a job again that failed, or that got lost on its way."""
        row = await self._database.run(lambda connection: fetch_one(connection, _JOB, job_id))
        if row is None or row["org_id"] != user.org:
            raise forbidden("Access denied", "ACCESS_DENIED")
        await self.requeue(row)

    async def requeue(self, row: DictRow) -> None:
        """Queues a job again.

        Args:
            row: The job as the database has it.

        Raises:
            ApiError: 409, it is published or on its way.
        """
        was, data = row["status"], _data(row)
        if was == "published":
            raise conflict("Job is published")
        if was != "failed" and await self._queues.state(data.region, data.jobId) in _IN_QUEUE:
            raise conflict(f"Job is {was}")
        if not await self._database.run(lambda link: jobs.renew(link, data.jobId, was)):
            raise conflict("Job has changed meanwhile")
        try:
            await self._queues.again(data)
        except UnavailableError:
            await self._database.run(lambda link: jobs.restore(link, data.jobId, was))
            raise
        log.info("queued again", jobId=data.jobId, was=was)

    async def _withdrawn(self, job_id: str) -> bool:
        try:
            return await self._database.run(lambda link: jobs.withdraw(link, job_id))
        except UnavailableError as error:
            log.error("job is pending in no queue", jobId=job_id, error=error.cause)
            return True


def routes(publishing: Publishing) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/publishing", tags=["publishing"])

    @router.get(
        "/targets", response_model=list[TargetRow],
        responses=answers(400, 401, 403, 429, 503),
        dependencies=[allow("GET", "/v1/publishing/targets")],
    )  # fmt: skip
    async def list_targets(user: User, domain: DomainId) -> list[DictRow]:
        """Lists the targets of a domain."""
        return await publishing.targets(user, domain)

    @router.post(
        "/targets", response_model=Made, responses=answers(400, 401, 403, 413, 429, 503),
        dependencies=[allow("POST", "/v1/publishing/targets")],
    )  # fmt: skip
    async def add_target(user: User, new: NewTarget, domain: DomainId) -> dict[str, Any]:
        """Adds a target to a domain."""
        return {"id": await publishing.add_target(user, domain, new)}

    @router.get(
        "/jobs", response_model=list[JobRow], responses=answers(400, 401, 403, 429, 503),
        dependencies=[allow("GET", "/v1/publishing/jobs")],
    )  # fmt: skip
    async def list_jobs(user: User, domain: DomainId) -> list[DictRow]:
        """Lists the jobs of a domain, newest first."""
        return await publishing.list(user, domain)

    @router.post(
        "/jobs", response_model=Queued,
        responses=answers(400, 401, 403, 404, 409, 413, 429, 503),
        dependencies=[allow("POST", "/v1/publishing/jobs")],
    )  # fmt: skip
    async def create_job(user: User, new: NewJob) -> dict[str, Any]:
        """Takes a job to publish content on a target."""
        return {"id": await publishing.create(user, new)}

    @router.get(
        "/jobs/{id}", response_model=JobDetail,
        responses=answers(400, 401, 403, 404, 429, 503),
        dependencies=[allow("GET", "/v1/publishing/jobs/{id}")],
    )  # fmt: skip
    async def read_job(user: User, id: JobId) -> DictRow:
        """Reads a job."""
        return await publishing.read(user, id)

    @router.post(
        "/jobs/{id}/retry", response_model=Ok,
        responses=answers(400, 401, 403, 409, 429, 503),
        dependencies=[allow("POST", "/v1/publishing/jobs/{id}/retry")],
    )  # fmt: skip
    async def retry_job(user: User, id: JobId) -> dict[str, Any]:
        """Queues a job again that failed, or that is in no queue."""
        await publishing.retry(user, id)
        return {}

    return router


async def _resolve(connection: Connection, user: Identity, new: NewJob) -> JobData:
    """What a new job is about; refuses what is not the user's or not there."""
    query = "SELECT domain_id FROM content_items WHERE id = %s"
    content = await fetch_one(connection, query, new.content_id)
    if content is None:
        raise not_found("Content", "CONTENT_NOT_FOUND")
    domain = content["domain_id"]
    await own_domain(connection, user.org, domain, writes=True)
    if new.domain_id and new.domain_id != domain:
        raise not_found("Content", "CONTENT_NOT_FOUND")
    query = "SELECT region, enabled FROM publish_targets WHERE id = %s AND domain_id = %s"
    target = await fetch_one(connection, query, new.target_id, domain)
    if target is None:
        raise not_found("Publish target")
    if not target["enabled"]:
        raise conflict("Publish target is disabled")
    return JobData(str(uuid.uuid4()), domain, new.content_id, new.target_id, target["region"])


def _data(row: DictRow) -> JobData:
    return JobData(row["id"], row["domain_id"], row["content_id"], row["target_id"], row["region"])
