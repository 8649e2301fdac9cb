"""Publishing jobs in PostgreSQL: every change of their state, with its records."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, LiteralString

from psycopg.rows import DictRow

from smartbeak.data.database import Connection, fetch_one
from smartbeak.data.queues import JobData

_LONGEST = 2000

_WHAT = """
SELECT job.status, job.domain_id, content.title, content.body, content.content_type,
       target.type, target.config, target.enabled, domain.name AS domain_name, domain.org_id
FROM publishing_jobs AS job
LEFT JOIN content_items AS content ON content.id = job.content_id
LEFT JOIN publish_targets AS target ON target.id = job.target_id
LEFT JOIN domains AS domain ON domain.id = job.domain_id
WHERE job.id = %s
"""

Category = Literal["network", "auth", "validation", "timeout", "database", "unknown"]
"""Kinds of failures that dead letters are told apart by."""


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed."""

    message: str
    """In one line."""

    category: Category
    """What kind of reason that is."""

    stack: str = ""
    """Where in the program; empty if that says nothing."""


_AGE: Final[LiteralString] = "extract(epoch FROM now() - created_at)::float AS age"
"""Seconds since a job was ordered; a retry by hand does not begin anew."""


async def insert(connection: Connection, data: JobData) -> None:
    """A new job, pending."""
    await connection.execute(
        "INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status, region) "
        "VALUES (%s, %s, %s, %s, 'pending', %s)",
        (data.jobId, data.domainId, data.contentId, data.targetId, data.region),
    )


async def withdraw(connection: Connection, job_id: str) -> bool:
    """Takes back a job that did not get into a queue; false if a worker already has it."""
    query = "DELETE FROM publishing_jobs WHERE id = %s AND status = 'pending' RETURNING id"
    return await fetch_one(connection, query, job_id) is not None


async def renew(connection: Connection, job_id: str, was: str) -> bool:
    """Makes a job pending again; false if its state is another by now."""
    query = (
        "UPDATE publishing_jobs SET status = 'pending', updated_at = now() "
        "WHERE id = %s AND status = %s RETURNING id"
    )
    return await fetch_one(connection, query, job_id, was) is not None


async def restore(connection: Connection, job_id: str, status: str) -> None:
    """Gives a pending job back the state it had."""
    await connection.execute(
        "UPDATE publishing_jobs SET status = %s, updated_at = now() "
        "WHERE id = %s AND status = 'pending'",
        (status, job_id),
    )


async def begin(connection: Connection, job_id: str) -> DictRow | None:
    """Begins an attempt.

    Returns:
        What is to be published and where; None if there is no such job any more. Its
        status is the one from before: `published` means that nothing was begun.
    """
    async with connection.transaction():
        row = await fetch_one(connection, _WHAT + " FOR UPDATE OF job", job_id)
        if row is not None and row["status"] != "published":
            await connection.execute(
                "UPDATE publishing_jobs SET status = 'publishing', "
                "attempt_count = attempt_count + 1, updated_at = now() WHERE id = %s",
                (job_id,),
            )
        return row


async def succeed(connection: Connection, job_id: str) -> float | None:
    """Records that a job was published; saying it twice is saying it once.

    Returns:
        Seconds since it was ordered; None if that was recorded before.
    """
    async with connection.transaction():
        changed = await fetch_one(
            connection,
            "UPDATE publishing_jobs SET status = 'published', published_at = now(), "
            "updated_at = now() WHERE id = %s AND status <> 'published' RETURNING " + _AGE,
            job_id,
        )
        if changed is None:
            return None
        await _attempt(connection, job_id, "success", None)
        return float(changed["age"])


async def fail(
    connection: Connection, data: JobData, failure: Failure, *, final: bool, retries: int
) -> float | None:
    """Records an attempt that failed.

    Args:
        connection: To the database.
        data: The job.
        failure: Why.
        final: Whether it is the last: the job is then failed and has one dead letter.
        retries: How often it was tried.

    Returns:
        Seconds since the job was ordered, if this attempt was its last and is on record.
    """
    async with connection.transaction():
        changed = await fetch_one(
            connection,
            "UPDATE publishing_jobs SET status = %s, updated_at = now() "
            "WHERE id = %s AND status <> 'published' RETURNING " + _AGE,
            *("failed" if final else "pending", data.jobId),
        )
        if changed is None:
            return None
        await _attempt(connection, data.jobId, "failure", failure.message)
        if not final:
            return None
        await _bury(connection, data, failure, retries)
        return float(changed["age"])


async def _attempt(connection: Connection, job_id: str, status: str, error: str | None) -> None:
    await connection.execute(
        "INSERT INTO publish_attempts (id, publishing_job_id, attempt_number, status, error) "
        "SELECT %s, %s, count(*) + 1, %s, %s FROM publish_attempts WHERE publishing_job_id = %s",
        (str(uuid.uuid4()), job_id, status, error and error[:_LONGEST], job_id),
    )


async def _bury(connection: Connection, data: JobData, failure: Failure, retries: int) -> None:
    message = failure.message[:_LONGEST]
    await connection.execute(
        "DELETE FROM publishing_dlq WHERE publishing_job_id = %s", (data.jobId,)
    )
    await connection.execute(
        "INSERT INTO publishing_dlq (id, publishing_job_id, region, reason, error_message, "
        "error_stack, error_category, job_data, retry_count, org_id) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, "
        "(SELECT org_id FROM domains WHERE id = %s))",
        (
            *(str(uuid.uuid4()), data.jobId, data.region, message, message),
            *(failure.stack or None, failure.category, json.dumps(asdict(data)), retries),
            data.domainId,
        ),
    )


def letter(row: DictRow) -> dict[str, Any]:
    """A dead letter, with the names of the API."""
    return {**row, "job_id": row["publishing_job_id"]}
