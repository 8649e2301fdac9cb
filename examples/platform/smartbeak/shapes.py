"""What goes over HTTP: the fields of requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from smartbeak.clock import instant

ID = r"^[A-Za-z0-9_-]{1,128}$"
"""An id. The platform takes UUIDs; its seed here has readable ids."""

UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
"""The id of what no seed has."""

_NO_NUL = "^[^\\u0000]*$"


Instant = Annotated[
    datetime,
    PlainSerializer(instant, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Id = Annotated[str, Field(pattern=ID)]
Title = Annotated[str, Field(min_length=1, max_length=500, pattern=_NO_NUL)]
Body = Annotated[str, Field(max_length=50_000, pattern=_NO_NUL)]
Text = Annotated[str, Field(max_length=200, pattern=_NO_NUL)]
ContentType = Literal["article", "page", "product", "review", "guide", "post", "video", "image"]
ContentStatus = Literal["draft", "scheduled", "published", "archived"]
JobStatus = Literal["pending", "publishing", "published", "failed"]
Adapter = Literal["wordpress", "linkedin"]
MediaType = Literal[
    "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif",
    "video/mp4", "video/webm", "video/quicktime",
    "audio/mpeg", "audio/wav", "audio/ogg", "audio/webm",
    "application/pdf",
]  # fmt: skip
NotificationStatus = Literal["pending", "sending", "delivered", "failed", "cancelled"]
Region = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


def _optional(schema: dict[str, Any]) -> None:
    """A text that may be left out: what stands for that is not shown, and null is no text."""
    schema.pop("default", None)


def _number(value: Any) -> Any:
    """A number as JSON has it, where 5.0 is 5, and no text or truth stands for one."""
    if type(value) not in (int, float):
        raise ValueError("Not a number")
    return value


Threshold = Annotated[int, Field(ge=0, le=2_147_483_647), BeforeValidator(_number)]


class Shape(BaseModel):
    """An object whose names are written as the platform writes them."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Row(BaseModel):
    """An object that the platform passes on as the database has it."""


class Problem(Shape):
    """Why a request was refused."""

    error: str
    code: str
    request_id: str
    retry_after: int | None = None


# Content.


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

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{3,128}$", json_schema_extra=_optional)] = ""
    domain_id: Id
    title: Title
    body: Body = ""
    content_type: ContentType = "article"


class Change(Shape):
    """What is to become of a draft."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["title"]}, {"required": ["body"]}]}
    )

    title: Annotated[Title, Field(json_schema_extra=_optional)] = ""
    body: Annotated[Body, Field(json_schema_extra=_optional)] = ""

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


# Publishing.


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


class NewTarget(Shape):
    """A target to be made."""

    model_config = ConfigDict(extra="forbid")

    type: Adapter
    config: TargetConfig


class Made(Shape):
    """Something that was made."""

    id: str


class NewJob(Shape):
    """Content to be published."""

    domain_id: Annotated[Id, Field(json_schema_extra=_optional)] = ""
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


class Ok(Shape):
    """It was done."""

    ok: Literal[True] = True


# Media.


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


# Billing.


class ActivePlan(Row):
    """The plan of an organization."""

    id: str
    name: str
    price_cents: int
    interval: str
    features: list[str]
    max_domains: int | None
    max_content: int | None
    subscription_id: str
    subscription_status: Literal["active"]


# Administration.


class DeadLetter(Shape):
    """A publishing job that was given up."""

    id: str
    job_id: str
    region: str
    error_message: str | None
    error_stack: str | None
    error_category: str
    job_data: Any
    retry_count: int
    created_at: Instant | None


class Retried(Shape):
    """Whether there was a dead letter to retry."""

    success: Literal[True] = True
    data: bool


class QueueMetrics(Shape):
    """How a queue is doing for one organization."""

    backlog: int
    error_rate: float
    concurrency: Literal["adaptive"] = "adaptive"


class AllQueueMetrics(Shape):
    """How the queues are doing."""

    publishing: QueueMetrics
    search: QueueMetrics


class Flag(Shape):
    """A switch of an organization."""

    key: str
    value: bool


class FlagValue(Shape):
    """What a switch is set to."""

    value: StrictBool


class FlagSet(Ok):
    """A switch that was set."""

    key: str


# Notifications and usage alerts.


class NotificationRow(Row):
    """A notification in a list."""

    id: str
    org_id: str
    user_id: str
    channel: str
    template: str
    status: NotificationStatus
    created_at: Instant | None


class NotificationLetter(Shape):
    """Why a notification was not delivered."""

    id: str
    notification_id: str
    channel: str
    reason: str
    created_at: Instant | None


class NotificationMetrics(Shape):
    """How many notifications there are, and what became of them."""

    delivered: int
    failed: int
    total: int


class NewAlert(Shape):
    """A metric, and the value from which on somebody is told."""

    metric: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.]{1,100}$")]
    threshold: Threshold


class AlertMade(Ok):
    """An alert that was added."""

    metric: str
    threshold: int


class AlertRow(Row):
    """A usage alert."""

    id: str
    org_id: str
    metric: str
    threshold: int
    triggered: bool
    created_at: Instant | None


class ActiveAlerts(Shape):
    """Alerts that have not been triggered."""

    alerts: list[AlertRow]


# Health.


class Health(Shape):
    """How the process is, for load balancers."""

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: Instant


class Ready(Shape):
    """Whether the process takes requests."""

    ready: bool
    timestamp: Instant


class Alive(Shape):
    """Whether the process is stuck."""

    alive: bool
    timestamp: Instant


class Services(Shape):
    """Which of the things it needs work."""

    database: bool
    redis: bool
    queues: bool


class HealthDetails(Shape):
    """How the process is, for those who run it."""

    status: Literal["healthy", "degraded", "unhealthy"]
    services: Services
    details: dict[str, dict[str, Any]]


class PoolStats(Shape):
    """How the connections of a pool are used."""

    total: int
    idle: int
    waiting: int


class Repositories(Shape):
    """How the process reaches its databases."""

    pools: int
    repositories: int
    pool_stats: dict[str, PoolStats]


class Sequence(Shape):
    """How much of a sequence is used up."""

    name: str
    current_value: int
    max_value: int
    utilization_percent: float
    status: Literal["OK", "WARNING", "CRITICAL"]


class Sequences(Shape):
    """Whether all sequences have room."""

    healthy: bool
    sequences: list[Sequence]
    checked_at: Instant
