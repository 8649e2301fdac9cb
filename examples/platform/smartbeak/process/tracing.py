"""Spans of OpenTelemetry: what a process serves, asks and does, one line of a file each.

Imported only where traces are asked for (`OTEL_EXPORTER_OTLP_ENDPOINT`): loading it takes
as long as the process itself. The official instrumentations make the spans of HTTP,
PostgreSQL and Redis; what they do not know, the queues, `data/queues` and `worker/publisher`
say themselves through OpenTelemetry's API, which does nothing while this is not started.

| Span | Kind | Whom it names |
|---|---|---|
| a request that is served | server | `http.route`; of a webhook `peer.service` |
| a statement | client | `db.system`, `db.statement` |
| a command of Redis | client | `peer.service`, `smartbeak.redis.keys` |
| a request to a target | client | `peer.service`, `http.url` |
| a job that is added, or worked on | producer, consumer | `messaging.destination.name` |

`python3 -m smartbeak.arrows` reads the files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from starlette.types import ASGIApp

from smartbeak.process.settings import Settings

_SCRIPTS = ("EVAL", "EVALSHA")
_LOOPBACK = ("127.0.0.1", "localhost")
_ABOUT_NO_KEY = ("SCRIPT", "CLIENT")
_KEY = re.compile(r"[a-z][a-z0-9_-]*:\S+")


def start(settings: Settings) -> None:
    """Begins to write spans into `<traces>/<host>.jsonl`, in OTLP's JSON.

    On a developer's machine, where all processes have one address, the role stands for the host.

    Args:
        settings: Whose `traces` is a folder that is there.

    Raises:
        OSError: The file cannot be written.
    """
    name = settings.role if settings.host in _LOOPBACK else settings.host
    about = {
        "service.name": name,
        "service.namespace": "smartbeak",
        "deployment.environment.name": settings.environment,
    }
    provider = TracerProvider(resource=Resource.create(about))
    # Each span at once: a process that is killed leaves all that it had done.
    exporter = FileSpanExporter(Path(settings.traces, f"{name}.jsonl"))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    PsycopgInstrumentor().instrument()
    RedisInstrumentor().instrument(request_hook=_name_keys)
    HTTPXClientInstrumentor().instrument(async_request_hook=_name_target)


def served(app: ASGIApp) -> ASGIApp:
    """The app, with a span for each request."""
    traced: ASGIApp = OpenTelemetryMiddleware(app, exclude_spans=["receive", "send"])
    return traced


def key_group(command: Sequence[Any]) -> str:
    """What a command of Redis is about: the beginning of its first key, e.g. `cache:*`.

    Never the whole key: ids of users and content would make every span another.

    Args:
        command: Its name and arguments.

    Returns:
        The beginning and `:*`; empty for a command without a key of the platform.
    """
    name, *rest = command
    if str(name).upper() in _SCRIPTS:
        rest = rest[2:] if len(rest) > 2 and int(rest[1]) else []
    first = rest[0] if rest else ""
    if isinstance(first, list | tuple):
        first = first[0] if first else ""
    key = first.decode(errors="replace") if isinstance(first, bytes) else str(first)
    if str(name).upper().startswith(_ABOUT_NO_KEY) or not _KEY.fullmatch(key):
        return ""
    parts = key.split(":")
    # A queue's name is part of what its keys are about.
    return ":".join([*parts[: 2 if parts[0] == "bull" else 1], "*"])


def _name_keys(span: trace.Span, _: Any, command: Sequence[Any], __: Any) -> None:
    span.set_attribute("peer.service", "redis")
    if group := key_group(command):
        span.set_attribute("smartbeak.redis.keys", group)


async def _name_target(span: trace.Span, request: Any) -> None:
    if name := (request.extensions or {}).get("peer.service"):
        span.set_attribute("peer.service", name)
