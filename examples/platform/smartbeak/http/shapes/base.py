"""What the objects of all subjects share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from smartbeak.process.clock import instant

ID = r"^[A-Za-z0-9_-]{1,128}$"
"""An id. The platform takes UUIDs; its seed here has readable ids."""

UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
"""The id of what no seed has."""

NO_NUL = "^[^\\u0000]*$"


Instant = Annotated[
    datetime,
    PlainSerializer(instant, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Id = Annotated[str, Field(pattern=ID)]
Text = Annotated[str, Field(max_length=200, pattern=NO_NUL)]


def optional(schema: dict[str, Any]) -> None:
    """A text that may be left out: what stands for that is not shown, and null is no text."""
    schema.pop("default", None)


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


class Made(Shape):
    """Something that was made."""

    id: str


class Ok(Shape):
    """It was done."""

    ok: Literal[True] = True
