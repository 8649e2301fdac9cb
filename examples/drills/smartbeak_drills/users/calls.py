"""One kept HTTP connection, on which nothing waits longer than it may."""

from __future__ import annotations

import http.client
import json
import select
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from drillbook.inside.trouble import Trouble

AUTHORITY = "/run/tls/ca.crt"
"""The throw-away authority that signed the stack's certificates."""

_MOST_SHOWN = 200


class CallError(Trouble):
    """A call that failed.

    Attributes:
        status: HTTP status, 0 where no answer came.
    """

    def __init__(self, text: str, *, seen: bool = True, status: int = 0) -> None:
        self.status = status
        super().__init__(text, seen=seen)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of status 2xx."""

    status: int
    body: Any
    """The JSON, None where there is none."""

    took_s: float
    """Seconds from the request to the whole answer."""


class Line:
    """A connection that is opened when it is needed and kept, as applications do.

    Args:
        url: Scheme, host and port.
        timeout_s: Seconds that connecting, and then the answer, may take.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def call(
        self, method: str, path: str, *, token: str = "", body: dict[str, Any] | None = None
    ) -> Answer:
        """Makes one request.

        Raises:
            CallError: No answer came, or one that is not 2xx. Without an answer it
                is not known whether the request took effect.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._ask(method, path, None if body is None else json.dumps(body).encode(), headers)

    def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Posts a body, byte for byte; JSON unless a header says otherwise.

        Raises:
            CallError: As for `call`.
        """
        return self._ask("POST", path, body, headers)

    def _ask(self, method: str, path: str, data: bytes | None, more: Mapping[str, str]) -> Answer:
        headers = {"Accept": "application/json", **more}
        if data is not None:
            headers.setdefault("Content-Type", "application/json")
        begin = time.monotonic()
        try:
            connection = self._open()
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            said = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._failed(error) from error
        if response.will_close:
            self.close()
        if not 200 <= response.status < 300:
            raise CallError(
                f"{method} {_route(path)}: {response.status} {_reason(said)}",
                status=response.status,
            )
        return Answer(response.status, _json(said), time.monotonic() - begin)

    def close(self) -> None:
        """Closes the connection; the next call opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> http.client.HTTPConnection:
        """The kept connection, or a new one where the other side has ended it."""
        kept = self._connection
        if kept is not None and kept.sock is not None and _quiet(kept):
            return kept
        self.close()
        place = urlsplit(self._url)
        assert place.hostname
        if place.scheme == "https":
            context = ssl.create_default_context(cafile=AUTHORITY)
            self._connection = http.client.HTTPSConnection(
                place.hostname, place.port, timeout=self._timeout_s, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(
                place.hostname, place.port, timeout=self._timeout_s
            )
        self._connection.connect()
        return self._connection

    def _failed(self, error: Exception) -> CallError:
        if isinstance(error, TimeoutError):
            return CallError(f"no answer from {self._url} within {self._timeout_s:g} s", seen=False)
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return CallError(f"{self._url}: {said}")


def _quiet(connection: http.client.HTTPConnection) -> bool:
    """Whether nothing came unasked: an end or a rest of something."""
    return not select.select([connection.sock], [], [], 0)[0]


def _route(path: str) -> str:
    """The path without ids, so that the same trouble has the same text."""
    parts = path.partition("?")[0].split("/")
    return "/".join(":id" if any(c.isdigit() for c in part[2:]) else part for part in parts)


def _reason(said: bytes) -> str:
    """What an error's body says, in one line."""
    body = _json(said)
    if isinstance(body, dict) and "error" in body:
        code = f" ({body['code']})" if body.get("code") else ""
        return f"{body['error']}{code}"[:_MOST_SHOWN]
    return " ".join(said.decode(errors="backslashreplace").split())[:_MOST_SHOWN]


def _json(said: bytes) -> Any:
    try:
        return json.loads(said) if said else None
    except ValueError:
        return None
