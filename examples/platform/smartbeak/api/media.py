"""Routes of media: files that a client puts into the storage itself."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from psycopg.types.json import Jsonb

from smartbeak.access.dependencies import allow, answers, whoever
from smartbeak.access.tokens import Identity
from smartbeak.data import storage
from smartbeak.data.database import Connection, Database, fetch_one
from smartbeak.http.shapes.base import UUID
from smartbeak.http.shapes.media import NewMedia, Uploaded, UploadIntent
from smartbeak.process.errors import UnavailableError, invalid, not_found
from smartbeak.process.settings import Bucket

User = Annotated[Identity, Depends(whoever)]
MediaId = Annotated[str, Path(pattern=UUID)]

# The table has no column for the organization: it stands in the metadata.
_INTEND = """
INSERT INTO media_assets (id, url, type, storage_key, mime_type, status, metadata)
VALUES (%s, %s, %s, %s, %s, 'pending', %s)
"""

_COMPLETE = """
UPDATE media_assets SET status = 'uploaded'
WHERE id = %s AND metadata ->> 'orgId' = %s AND status = 'pending' RETURNING id
"""

_KNOWN = "SELECT status FROM media_assets WHERE id = %s AND metadata ->> 'orgId' = %s"


class Media:
    """Media of all organizations.

    Args:
        database: Where they are listed.
        bucket: Where they are kept; None if the process was not told.
    """

    def __init__(self, database: Database, bucket: Bucket | None) -> None:
        self._database = database
        self._bucket = bucket

    async def intend(self, user: Identity, mime_type: str) -> dict[str, Any]:
        """Lists a file that is to come, and where to put it."""
        bucket = self._bucket
        if bucket is None:
            raise UnavailableError("storage", "STORAGE_BUCKET is not set")
        media_id, key = str(uuid.uuid4()), f"media/{uuid.uuid4()}"
        values = (
            *(media_id, storage.address(bucket, key), mime_type.partition("/")[0], key),
            *(mime_type, Jsonb({"orgId": user.org})),
        )

        async def work(connection: Connection) -> None:
            await connection.execute(_INTEND, values)

        await self._database.run(work)
        # Signed only now: its life does not pass while the database is waited for.
        url = storage.upload_address(bucket, key, datetime.now(UTC))
        return {"id": media_id, "url": url, "expires_in": storage.UPLOAD_S}

    async def complete(self, user: Identity, media_id: str) -> datetime:
        """Takes the client's word that the file has come.

        Returns:
            When that was.

        Raises:
            ApiError: 404, the organization has no such file; 400, it has come before.
        """

        async def work(connection: Connection) -> None:
            if await fetch_one(connection, _COMPLETE, media_id, user.org):
                return
            row = await fetch_one(connection, _KNOWN, media_id, user.org)
            if row is None:
                raise not_found("Media")
            raise invalid(f"Media cannot be completed: it is {row['status']}")

        await self._database.run(work)
        return datetime.now(UTC)


def routes(media: Media) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/media", tags=["media"])

    @router.post(
        "/upload-intent", response_model=UploadIntent,
        responses=answers(400, 401, 403, 413, 429, 503),
        dependencies=[allow("POST", "/v1/media/upload-intent")],
    )  # fmt: skip
    async def intend_upload(user: User, new: NewMedia) -> dict[str, Any]:
        """Says where to put a file: `PUT` it to `url` within `expiresIn` seconds."""
        return await media.intend(user, new.mime_type)

    @router.post(
        "/{id}/complete", response_model=Uploaded,
        responses=answers(400, 401, 403, 404, 429, 503),
        dependencies=[allow("POST", "/v1/media/{id}/complete")],
    )  # fmt: skip
    async def complete_upload(user: User, id: MediaId) -> dict[str, Any]:
        """Marks a file as uploaded; whether it is in the storage is not looked for."""
        return {"media_id": id, "completed_at": await media.complete(user, id)}

    return router
