"""What every request goes through first: old paths, size, who sent it, and the log."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smartbeak.access.roles import PUBLIC
from smartbeak.access.tokens import Identity
from smartbeak.process.errors import ApiError, UnavailableError, internal, too_large, unauthorized
from smartbeak.process.logs import Log
from smartbeak.process.metrics import Metrics

MOST_BYTES = 10 * 1024 * 1024
"""Longest body that is read."""

VERSION = "/v1"
"""Prefix of the API's routes."""

_QUIET = frozenset({"/readyz", "/livez", "/metrics"})

Identify = Callable[[str], Awaitable[Identity]]
"""Who sent a token; raises ApiError where that is nobody."""

log = Log("http")


class Gate:
    """The outermost layer of an HTTP program.

    Args:
        app: What is behind it.
        metrics: Where requests are counted.
        identify: Who sent a token; None where no route asks.
        legacy_paths: What becomes of paths without the version: `redirect`, `rewrite`, `off`.
        guarded: Paths that want a token; None where all do but the public ones.
        stay: Paths without the version that are current.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        identify: Identify | None = None,
        legacy_paths: str = "off",
        guarded: frozenset[str] | None = None,
        stay: frozenset[str] = PUBLIC,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._identify = identify
        self._legacy_paths = legacy_paths
        self._guarded = guarded
        self._stay = stay

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request, as ASGI demands."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        request_id = headers.get(b"x-request-id", "")[:128]
        scope.setdefault("state", {})["request_id"] = request_id
        began, answer = time.perf_counter(), _Watched(scope, send)
        try:
            if not await self._moved(scope, answer):
                await self._admit(scope, headers)
                await self._app(scope, _limited(headers, receive), answer)
        except ApiError as error:
            if isinstance(error, UnavailableError):
                log.warn("dependency away", dependency=error.service, error=error.cause)
            await answer_with(error, request_id, answer)
        except Exception as error:
            log.error("defect", path=scope["path"], error=f"{type(error).__name__}: {error}")
            await answer_with(internal(), request_id, answer)
        finally:
            self._note(scope, answer.status or 500, time.perf_counter() - began, request_id)

    async def _moved(self, scope: Scope, send: Send) -> bool:
        """Sends a client with an old path to the new one, or lets it through there."""
        path: str = scope["path"]
        inside = path == VERSION or path.startswith((f"{VERSION}/", "/health/"))
        if self._legacy_paths == "off" or inside or path in self._stay or path == "/":
            return False
        if self._legacy_paths == "rewrite":
            scope["path"] = VERSION + path
            scope["raw_path"] = VERSION.encode() + scope.get("raw_path", path.encode())
            return False
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        location = VERSION.encode() + scope.get("raw_path", path.encode()) + query
        await send(
            {"type": "http.response.start", "status": 308, "headers": [(b"location", location)]}
        )
        await send({"type": "http.response.body", "body": b""})
        return True

    async def _admit(self, scope: Scope, headers: dict[bytes, str]) -> None:
        """Lets through whom the platform knows, and anybody to public paths."""
        path: str = scope["path"]
        if self._identify is None or path in PUBLIC:
            return
        if self._guarded is not None and path not in self._guarded:
            return
        sent = headers.get(b"authorization")
        if sent is None:
            raise unauthorized()
        scheme, _, token = sent.partition(" ")
        if scheme != "Bearer" or not token.isascii():
            raise unauthorized("Unauthorized")
        scope["state"]["identity"] = await self._identify(token)

    def _note(self, scope: Scope, status: int, took_s: float, request_id: str) -> None:
        method, route = _route(scope)
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.request_seconds.labels(method, route).observe(took_s)
        identity: Identity | None = scope["state"].get("identity")
        about = {
            "method": method,
            "path": scope["path"],
            "status": status,
            "ms": round(took_s * 1000, 1),
            "userId": identity.user if identity else "",
            "requestId": request_id,
        }
        said = log.debug if scope["path"] in _QUIET and status < 400 else log.info
        (log.error if status == 500 else said)("request completed", **about)


async def answer_with(error: ApiError, request_id: str, send: _Watched) -> None:
    """Answers a request with an error, unless it is being answered already."""
    if send.status:
        return
    body = json.dumps(error.body(request_id), separators=(",", ":")).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in error.headers.items()),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Watched:
    """Sends an answer, with what the user is told of limits, and remembers its status."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # Now: the span ends with the answer.
            method, route = _route(self._scope)
            span = trace.get_current_span()
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
            told: dict[str, str] = self._scope["state"].get("headers", {})
            more = [(name.lower().encode(), value.encode()) for name, value in told.items()]
            message["headers"] = [*message.get("headers", ()), *more]
        await self._send(message)


def _route(scope: Scope) -> tuple[str, str]:
    """Method and route of a request, never an id; `none` for what is no method or route."""
    method = scope["method"] if scope["method"].isalpha() else "none"
    return method, getattr(scope.get("route"), "path", "none")


def _limited(headers: dict[bytes, str], receive: Receive) -> Receive:
    """The request's body, until it is too long."""
    declared = headers.get(b"content-length", "")
    if declared.isdecimal() and int(declared) > MOST_BYTES:
        raise too_large()
    read = 0

    async def limited() -> Any:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MOST_BYTES:
            raise too_large()
        return message

    return limited
