"""Content."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from smartbeak.http.shapes.base import NO_NUL, Id, Instant, Shape, optional

Title = Annotated[str, Field(min_length=1, max_length=500, pattern=NO_NUL)]
Body = Annotated[str, Field(max_length=50_000, pattern=NO_NUL)]
ContentType = Literal["article", "page", "product", "review", "guide", "post", "video", "image"]
ContentStatus = Literal["draft", "scheduled", "published", "archived"]


class Item(Shape):
    """A piece of content."""

    id: str
    domain_id: str
    title: str
    body: str
    status: ContentStatus
    content_type: ContentType
    publish_at: Instant | None
    archived_at: Instant | None
    created_at: Instant | None
    updated_at: Instant | None


class Listed(Shape):
    """A piece of content in a list."""

    id: str
    title: str
    status: ContentStatus
    content_type: ContentType
    domain_id: str
    domain_name: str
    created_at: Instant | None
    updated_at: Instant | None
    published_at: Instant | None


class Pagination(Shape):
    """How many pages there are."""

    total_pages: int


class Listing(Shape):
    """One page of a list."""

    data: list[Listed]
    pagination: Pagination


class NewContent(Shape):
    """A draft to be made."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{3,128}$", json_schema_extra=optional)] = ""
    domain_id: Id
    title: Title
    body: Body = ""
    content_type: ContentType = "article"


class Change(Shape):
    """What is to become of a draft."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["title"]}, {"required": ["body"]}]}
    )

    title: Annotated[Title, Field(json_schema_extra=optional)] = ""
    body: Annotated[Body, Field(json_schema_extra=optional)] = ""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("At least one field must be provided for update")
        return self


class Saved(Shape):
    """Content after a change."""

    success: Literal[True] = True
    item: Item


class Deleted(Shape):
    """Content that was archived."""

    success: Literal[True] = True
    id: str
    deleted: Literal[True] = True


class Schedule(Shape):
    """When content is to be published."""

    publish_at: datetime


class EventMeta(Shape):
    """Where an event comes from."""

    correlation_id: str
    domain_id: str
    source: str


class EventPayload(Shape):
    """What an event is about."""

    content_id: str


class Event(Shape):
    """Something that happened to content."""

    name: Literal["content.published", "content.scheduled"]
    version: int
    occurred_at: Instant
    payload: EventPayload
    meta: EventMeta
    scheduled_at: Instant | None = None


class Happened(Shape):
    """The answer to a change of state."""

    success: Literal[True] = True
    event: Event
