"""What goes between a simulator and the server in front of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from simulators.store import Record


@dataclass(frozen=True)
class Request:
    """One request, read whole."""

    method: str
    """In capitals, e.g. `POST`."""

    path: str
    """Without the query, e.g. `/wp-json/wp/v2/posts`."""

    query: Mapping[str, str]
    """The query's parameters; the last of each name counts."""

    headers: Mapping[str, str]
    """By name in small letters."""

    body: bytes
    """Empty without a body."""

    raw_query: str = ""
    """The query as it came, for services whose parameters are nested."""

    @property
    def site(self) -> str:
        """Whom the client believes to speak to, without the port."""
        return self.headers.get("host", "").partition(":")[0].lower()


@dataclass(frozen=True)
class Answer:
    """One answer."""

    status: int
    """HTTP status."""

    content: object = None
    """What becomes the JSON body; a text is sent as HTML, None as no body."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """On top of those that every answer has."""

    saved: Record | None = None
    """The post that was saved for this request, if one was."""

    def body(self) -> tuple[str, bytes]:
        """Content type and body; the type is empty when there is no body."""
        if self.content is None:
            return "", b""
        if isinstance(self.content, str):
            return "text/html; charset=UTF-8", self.content.encode()
        return "application/json; charset=UTF-8", json.dumps(self.content).encode()


class Simulator(Protocol):
    """A service that answers requests in place of another."""

    def answer(self, request: Request) -> Answer | None:
        """The service's answer; None for a route that it does not simulate.

        Raises:
            OSError: Its store cannot be read or written.
            ValueError: There is something else in it than it wrote.
        """

    def unavailable(self, request: Request) -> Answer:
        """What the service says while its store cannot be read or written."""

    def broken(self, request: Request) -> Answer:
        """What the service says when one of its plugins failed."""


def parsed(body: bytes) -> dict[str, Any] | None:
    """A JSON body that is an object; None for anything else."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
