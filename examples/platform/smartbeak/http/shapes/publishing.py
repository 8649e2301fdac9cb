"""Targets and publishing jobs."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from smartbeak.data.addresses import is_inside
from smartbeak.http.shapes.base import Id, Instant, Row, Shape, optional

JobStatus = Literal["pending", "publishing", "published", "failed"]
Adapter = Literal["wordpress", "linkedin"]


class TargetRow(Row):
    """A place where a domain's content is published."""

    id: str
    type: str
    enabled: bool
    created_at: Instant | None


class TargetConfig(BaseModel):
    """How to reach a target."""

    model_config = ConfigDict(extra="allow")

    url: Annotated[str, Field(max_length=2000, pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?$")]

    @field_validator("url")
    @classmethod
    def _outside(cls, url: str) -> str:
        """Refuses an address inside a network (SSRF)."""
        if is_inside(urlsplit(url).hostname or ""):
            raise ValueError("the address is not on the internet")
        return url


class NewTarget(Shape):
    """A target to be made."""

    model_config = ConfigDict(extra="forbid")

    type: Adapter
    config: TargetConfig


class NewJob(Shape):
    """Content to be published."""

    domain_id: Annotated[Id, Field(json_schema_extra=optional)] = ""
    content_id: Id
    target_id: Id


class Queued(Shape):
    """A publishing job that was taken."""

    id: str
    status: Literal["pending"] = "pending"


class JobRow(Row):
    """A publishing job in a list."""

    id: str
    content_id: str
    target_id: str
    status: JobStatus
    created_at: Instant | None
    published_at: Instant | None


class JobDetail(JobRow):
    """A publishing job."""

    domain_id: str
    region: str
    attempt_count: int
    metadata: dict[str, Any] | None
    updated_at: Instant | None
