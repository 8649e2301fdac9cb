"""Uploads."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from smartbeak.http.shapes.base import Instant, Shape

MediaType = Literal[
    "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif",
    "video/mp4", "video/webm", "video/quicktime",
    "audio/mpeg", "audio/wav", "audio/ogg", "audio/webm",
    "application/pdf",
]  # fmt: skip


class NewMedia(Shape):
    """A file that is to come."""

    model_config = ConfigDict(extra="forbid")

    mime_type: MediaType


class UploadIntent(Shape):
    """Where to put a file, and for how many seconds that is possible."""

    id: str
    url: str
    expires_in: int


class Uploaded(Shape):
    """A file that has come."""

    ok: Literal[True] = True
    media_id: str
    completed_at: Instant
