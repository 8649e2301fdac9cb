"""What providers send to the web host, and what they are told.

The events are only described here: `webhooks` reads them, from bytes whose signature is
right, and asks for no more than this.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from smartbeak.http.shapes.base import Shape

Text = Annotated[str, Field(min_length=1)]


class StripeData(TypedDict):
    """What an event of Stripe is about; needed by those that change a subscription."""

    object: dict[str, Any]


class StripeEvent(TypedDict):
    """An event of Stripe. One whose type is not taken needs no `created`."""

    id: Text
    type: Text
    created: Annotated[int, Field(gt=0, description="Seconds since 1970.")]
    api_version: NotRequired[str | None]
    data: NotRequired[StripeData]


class PaddleEvent(TypedDict):
    """An event of Paddle."""

    event_id: Text
    event_type: Text
    occurred_at: datetime
    org_id: NotRequired[Annotated[str, Field(description="Needed by what is not ignored.")]]
    status: NotRequired[Annotated[str, Field(description="Of the subscription.")]]


class ClerkEmail(TypedDict):
    """An address of a user."""

    email_address: str


class ClerkMember(TypedDict):
    """The user of a membership."""

    user_id: str


class ClerkData(TypedDict):
    """What an event of Clerk is about: a user, or a membership of one."""

    id: Text
    email_addresses: NotRequired[list[ClerkEmail]]
    organization_id: NotRequired[str]
    public_user_data: NotRequired[ClerkMember]
    role: NotRequired[str]


class ClerkEvent(TypedDict):
    """An event of Clerk."""

    type: Text
    data: ClerkData
    object: NotRequired[Literal["event"]]


class Received(Shape):
    """An event that was applied."""

    model_config = ConfigDict(extra="forbid")

    received: Literal[True]


class ReceivedKind(Received):
    """An event that was applied, and its type."""

    type: str


class Idempotent(Received):
    """An event that was applied before."""

    idempotent: Literal[True]


class Duplicate(Received):
    """An event that was applied before."""

    duplicate: Literal[True]


class Ignored(Received):
    """An event that changes nothing."""

    ignored: Literal[True]


class IgnoredKind(Ignored):
    """An event that changes nothing, and its type."""

    event_type: str
