"""Routes of content: drafts, their way to published and archived, and the cache."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from smartbeak.access.dependencies import allow, answers, whoever
from smartbeak.access.entitlements import READ_ONLY, writable
from smartbeak.access.tokens import Identity
from smartbeak.data.database import Connection, Database, fetch_one
from smartbeak.data.store import Entry, Store
from smartbeak.http.shapes.base import ID, Text
from smartbeak.http.shapes.content import (
    Change,
    ContentType,
    Deleted,
    Happened,
    Item,
    Listing,
    NewContent,
    Saved,
    Schedule,
)
from smartbeak.process.errors import conflict, forbidden, not_found

User = Annotated[Identity, Depends(whoever)]
ContentId = Annotated[str, Path(pattern=ID)]

# The last change by the clock, not by when its transaction began: two changes of the
# same row come one after the other, and so must their times.
_NOW = "clock_timestamp() AT TIME ZONE 'UTC'"

_ITEM = """
SELECT content.*, domain.org_id FROM content_items AS content
LEFT JOIN domains AS domain ON domain.id = content.domain_id WHERE content.id = %s
"""

_CHANGED = f"""
SELECT content.*, domain.org_id, entitlement.read_only FROM content_items AS content
LEFT JOIN domains AS domain ON domain.id = content.domain_id {READ_ONLY}
WHERE content.id = %s FOR UPDATE OF content
"""

_LIST = """
SELECT content.*, domain.name AS domain_name, count(*) OVER () AS total
FROM content_items AS content JOIN domains AS domain ON domain.id = content.domain_id
WHERE domain.org_id = %(org)s
  AND (%(domain)s::text IS NULL OR content.domain_id = %(domain)s)
  AND (%(status)s = 'all' OR content.status = %(status)s)
  AND (%(type)s::text IS NULL OR content.content_type = %(type)s)
  AND (%(search)s::text IS NULL OR content.title ILIKE %(search)s OR content.body ILIKE %(search)s)
ORDER BY content.updated_at DESC, content.id LIMIT %(limit)s OFFSET %(offset)s
"""

_DOMAIN = f"""
SELECT entitlement.read_only FROM domains AS domain {READ_ONLY}
WHERE domain.id = %s AND domain.org_id = %s
"""

_REVISION = """
INSERT INTO content_revisions (id, content_id, title, body) VALUES (%s, %s, %s, %s)
"""


class Content:
    """Content of all organizations.

    Args:
        database: Where it is.
        store: Where it is cached.
        slugs: Whether the release gives each piece a slug.
    """

    def __init__(self, database: Database, store: Store, *, slugs: bool = False) -> None:
        self._database = database
        self._store = store
        self._slug = (", slug", ", %s") if slugs else ("", "")

    async def read(self, user: Identity, content_id: str) -> dict[str, Any]:
        """A piece of content."""
        entry = await self._store.cached(content_id)
        if entry is None:
            row = await self._database.run(
                lambda connection: fetch_one(connection, _ITEM, content_id)
            )
            if row is None:
                raise not_found("Content", "CONTENT_NOT_FOUND")
            entry = _entry(row)
            await self._store.keep(content_id, entry)
        if entry.org != user.org:
            raise forbidden("Domain not owned by organization", "DOMAIN_NOT_OWNED")
        return entry.item

    async def list(self, user: Identity, asked: Asked) -> dict[str, Any]:
        """A page of the organization's content."""

        async def work(connection: Connection) -> list[DictRow]:
            if asked.domain is not None:
                await own_domain(connection, user.org, asked.domain, "Access denied to domain")
            cursor = await connection.execute(_LIST, asked.values(user.org))
            return await cursor.fetchall()

        rows = await self._database.run(work)
        total = rows[0]["total"] if rows else 0
        return {
            "data": [{**row, "published_at": _published_at(row)} for row in rows],
            "pagination": {"total_pages": -(-total // asked.limit)},
        }

    async def create(self, user: Identity, new: NewContent) -> dict[str, Any]:
        """A new draft."""
        content_id = new.id or str(uuid.uuid4())
        column, value = self._slug

        async def work(connection: Connection) -> DictRow | None:
            await own_domain(connection, user.org, new.domain_id, writes=True)
            return await fetch_one(
                connection,
                f"INSERT INTO content_items (id, domain_id, title, body, status, content_type, "
                f"updated_at{column}) VALUES (%s, %s, %s, %s, 'draft', %s, {_NOW}{value}) "
                f"RETURNING *, %s::text AS org_id",
                *(content_id, new.domain_id, new.title, new.body, new.content_type),
                *((content_id,) if value else ()),
                user.org,
            )

        try:
            return await self._written(await self._database.run(work))
        except UniqueViolation:
            raise conflict(f"Content {content_id} exists already") from None

    async def change(self, user: Identity, content_id: str, change: Change) -> Any:
        """Changes a draft. What is scheduled becomes a draft again."""

        async def work(connection: Connection) -> DictRow | None:
            async with connection.transaction():
                old = await self._locked(connection, user, content_id)
                if old["status"] not in ("draft", "scheduled"):
                    raise conflict("Only drafts and scheduled content can be edited")
                title = change.title if "title" in change.model_fields_set else old["title"]
                body = change.body if "body" in change.model_fields_set else old["body"]
                revision = (str(uuid.uuid4()), content_id, old["title"], old["body"])
                await connection.execute(_REVISION, revision)
                return await self._update(
                    connection, old, "title = %s, body = %s, status = 'draft', publish_at = NULL",
                    title, body,
                )  # fmt: skip

        return await self._written(await self._database.run(work))

    async def publish(self, user: Identity, content_id: str) -> dict[str, Any]:
        """Marks a draft, or what was scheduled for now, as published."""
        now = datetime.now(UTC)

        async def work(connection: Connection) -> DictRow | None:
            async with connection.transaction():
                old = await self._locked(connection, user, content_id)
                due = old["publish_at"]
                if old["status"] not in ("draft", "scheduled"):
                    raise conflict(f"Content cannot be published: it is {old['status']}")
                if old["status"] == "scheduled" and due and due.replace(tzinfo=UTC) > now:
                    raise conflict("Publish time has not been reached yet")
                return await self._update(
                    connection, old, f"status = 'published', publish_at = {_NOW}"
                )

        await self._written(await self._database.run(work))
        return _event("content.published", content_id, now)

    async def schedule(self, user: Identity, content_id: str, when: datetime) -> dict[str, Any]:
        """Sets when a draft is to be published."""
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        now = datetime.now(UTC)

        async def work(connection: Connection) -> DictRow | None:
            async with connection.transaction():
                old = await self._locked(connection, user, content_id)
                if old["status"] != "draft":
                    raise conflict("Only drafts can be scheduled")
                if not old["title"].strip() or not old["body"].strip():
                    raise conflict("Only content with a title and a body can be scheduled")
                if when <= now:
                    raise conflict("Schedule time must be in the future")
                return await self._update(
                    connection, old, "status = 'scheduled', publish_at = %s",
                    when.astimezone(UTC).replace(tzinfo=None),
                )  # fmt: skip

        await self._written(await self._database.run(work))
        return {**_event("content.scheduled", content_id, now), "scheduled_at": when}

    async def archive(self, user: Identity, content_id: str) -> None:
        """Archives a piece of content; nothing is ever removed."""

        async def work(connection: Connection) -> DictRow | None:
            async with connection.transaction():
                old = await self._locked(connection, user, content_id)
                return await self._update(
                    connection, old, f"status = 'archived', archived_at = {_NOW}"
                )

        await self._written(await self._database.run(work))

    async def _locked(self, connection: Connection, user: Identity, content_id: str) -> DictRow:
        row = await fetch_one(connection, _CHANGED, content_id)
        if row is None:
            raise not_found("Content", "CONTENT_NOT_FOUND")
        if row["org_id"] != user.org:
            raise forbidden("Domain not owned by organization", "DOMAIN_NOT_OWNED")
        writable(row)
        return row

    async def _update(
        self, connection: Connection, old: DictRow, changes: str, *values: Any
    ) -> DictRow | None:
        return await fetch_one(
            connection,
            f"UPDATE content_items SET {changes}, updated_at = {_NOW} WHERE id = %s "
            "RETURNING *, %s::text AS org_id",
            *(*values, old["id"], old["org_id"]),
        )

    async def _written(self, row: DictRow | None) -> dict[str, Any]:
        """Lets the cache know of a change; only then it is acknowledged."""
        assert row is not None, "it was locked, or is new"
        entry = _entry(row)
        await self._store.replace(row["id"], entry)
        return entry.item


class Asked:
    """What a list of content is asked for."""

    def __init__(
        self,
        domain_id: Annotated[str | None, Query(alias="domainId", pattern=ID)] = None,
        status: Literal["draft", "scheduled", "published", "archived", "all"] = "all",
        content_type: Annotated[ContentType | None, Query(alias="contentType")] = None,
        page: Annotated[int, Query(ge=1, le=101)] = 1,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        search: Annotated[Text | None, Query()] = None,
    ) -> None:
        self.domain = domain_id
        self.limit = limit
        self._status = status
        self._type = content_type
        self._offset = (page - 1) * limit
        self._search = search

    def values(self, org: str) -> dict[str, Any]:
        """Parameters of the query, for one organization."""
        return {
            **{"org": org, "domain": self.domain, "status": self._status, "type": self._type},
            **{"limit": self.limit, "offset": self._offset},
            "search": None if not self._search else f"%{_literal(self._search)}%",
        }


async def own_domain(
    connection: Connection,
    org: str,
    domain: str,
    refusal: str = "Domain not owned by organization",
    *,
    writes: bool = False,
) -> None:
    """Lets a domain of the organization through; to write, only if the organization pays."""
    row = await fetch_one(connection, _DOMAIN, domain, org)
    if row is None:
        raise forbidden(refusal, "DOMAIN_NOT_OWNED")
    if writes:
        writable(row)


def routes(content: Content) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/content", tags=["content"])

    @router.get(
        "", response_model=Listing, responses=answers(400, 401, 403, 429, 503),
        dependencies=[allow("GET", "/v1/content")],
    )  # fmt: skip
    async def list_content(user: User, asked: Annotated[Asked, Depends()]) -> dict[str, Any]:
        """Lists the organization's content, the last changed first."""
        return await content.list(user, asked)

    @router.post(
        "", response_model=Saved, responses=answers(400, 401, 403, 409, 413, 429, 503),
        dependencies=[allow("POST", "/v1/content")],
    )  # fmt: skip
    async def create_content(user: User, new: NewContent) -> dict[str, Any]:
        """Makes a draft."""
        return {"item": await content.create(user, new)}

    one = answers(400, 401, 403, 404, 429, 503)
    changing = answers(400, 401, 403, 404, 409, 413, 429, 503)

    @router.get(
        "/{id}", response_model=Saved, responses=one,
        dependencies=[allow("GET", "/v1/content/{id}")],
    )  # fmt: skip
    async def read_content(user: User, id: ContentId) -> Any:
        """Reads a piece of content, from the cache if it is there."""
        # As it was written into the cache: it needs no second look at each field.
        return JSONResponse({"success": True, "item": await content.read(user, id)})

    @router.patch(
        "/{id}", response_model=Saved, responses=changing,
        dependencies=[allow("PATCH", "/v1/content/{id}")],
    )  # fmt: skip
    async def change_content(user: User, id: ContentId, change: Change) -> dict[str, Any]:
        """Changes title or body of a draft and keeps the old ones as a revision."""
        return {"item": await content.change(user, id, change)}

    @router.delete(
        "/{id}", response_model=Deleted, responses=one,
        dependencies=[allow("DELETE", "/v1/content/{id}")],
    )  # fmt: skip
    async def archive_content(user: User, id: ContentId) -> dict[str, Any]:
        """Archives a piece of content."""
        await content.archive(user, id)
        return {"id": id}

    @router.post(
        "/{id}/publish", response_model=Happened, response_model_exclude_none=True,
        responses=answers(400, 401, 403, 404, 409, 429, 503),
        dependencies=[allow("POST", "/v1/content/{id}/publish")],
    )  # fmt: skip
    async def publish_content(user: User, id: ContentId) -> dict[str, Any]:
        """Marks a piece of content as published."""
        return {"event": await content.publish(user, id)}

    @router.post(
        "/{id}/schedule", response_model=Happened, response_model_exclude_none=True,
        responses=changing, dependencies=[allow("POST", "/v1/content/{id}/schedule")],
    )  # fmt: skip
    async def schedule_content(user: User, id: ContentId, plan: Schedule) -> dict[str, Any]:
        """Sets when a draft is to be published."""
        return {"event": await content.schedule(user, id, plan.publish_at)}

    return router


def _entry(row: DictRow) -> Entry:
    item = Item.model_validate(row).model_dump(by_alias=True)
    changed = row["updated_at"] or datetime(1970, 1, 1)
    version = round(changed.replace(tzinfo=UTC).timestamp() * 1_000_000)
    return Entry(org=row["org_id"] or "", version=version, item=item)


def _published_at(row: DictRow) -> datetime | None:
    return row["publish_at"] if row["status"] == "published" else None


def _event(name: str, content_id: str, now: datetime) -> dict[str, Any]:
    meta = {"correlation_id": str(uuid.uuid4()), "domain_id": "content", "source": "domain"}
    return {
        "name": name,
        "version": 1,
        "occurred_at": now,
        "payload": {"content_id": content_id},
        "meta": meta,
    }


def _literal(text: str) -> str:
    """A text for LIKE in which no character means anything else."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
