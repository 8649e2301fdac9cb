"""Who was seen to ask whom for what: reads spans, prints arrows.

`python3 -m smartbeak.arrows FILE...` prints each arrow once, sorted, one a line:

    api -> postgresql : INSERT content_items
    api -> queue publishing : add
    api -> redis : SET cache:*
    client -> api : POST /v1/content
    queue publishing -> worker : process
    stripe -> web : POST /api/webhooks/stripe
    worker -> wordpress : POST /wp-json/wp/v2/posts

A FILE is what a process of the platform writes where OTEL_EXPORTER_OTLP_ENDPOINT names
a folder: requests of OTLP in JSON, one a line
(https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/). The caller is the
process that made the span; of a request that it served, the `peer.service` that it
found out, else `client`. A statement is named by its command and its first table, a
command of Redis by itself and what its first key begins with.

Left out is what only keeps things going: health probes (`/readyz`, `/livez`,
`/metrics`), statements without a table, commands of Redis without a key; and requests
that reached no route. No arrow has an id or a value in it. Standard library only: any
host can run it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_SERVER, _CLIENT, _PRODUCER, _CONSUMER = 2, 3, 4, 5
"""`Span.SpanKind` of opentelemetry/proto/trace/v1/trace.proto."""

_PROBES = ("/readyz", "/livez", "/metrics")
_COMMAND = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|MERGE|TRUNCATE)\b", re.IGNORECASE)
_TABLE = re.compile(
    r"\b(?:FROM|INTO|UPDATE|JOIN)\s+(?:ONLY\s+)?([a-z_][a-z0-9_.]*)(?![a-z0-9_.(])", re.IGNORECASE
)


def arrows(lines: Iterable[str]) -> set[str]:
    """The arrows that some spans show.

    Args:
        lines: Lines of a file of spans. The last one may be cut off, by a process that
            was killed.

    Raises:
        ValueError: Another line is no request of OTLP.
    """
    found: set[str] = set()
    broken = ""
    for line in lines:
        if broken:
            raise ValueError(f"not a line of spans: {broken[:80]}")
        try:
            request = json.loads(line)
        except ValueError:
            broken = line
            continue
        for caller, span in _spans(request):
            found |= {arrow} if (arrow := _arrow(caller, span)) else set()
    return found


def _spans(request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "resourceSpans" not in request:
        raise ValueError(f"not a request of OTLP with spans: {str(request)[:80]}")
    for group in request["resourceSpans"]:
        service = str(_attributes(group["resource"])["service.name"])
        for scope in group["scopeSpans"]:
            for span in scope["spans"]:
                yield service, span


def _attributes(owner: Mapping[str, Any]) -> dict[str, Any]:
    return {
        each["key"]: next(iter(each["value"].values()), "") for each in owner.get("attributes", ())
    }


def _arrow(service: str, span: Mapping[str, Any]) -> str:
    """The arrow of a span; empty for one that is left out."""
    about, kind = _attributes(span), span.get("kind")
    if kind == _SERVER:
        route = urlsplit(span["name"].partition(" ")[2]).path
        if not route.startswith("/") or route in _PROBES:
            return ""
        return f"{about.get('peer.service', 'client')} -> {service} : {span['name']}"
    if kind in (_PRODUCER, _CONSUMER):
        queue = f"queue {about['messaging.destination.name']}"
        ends = (service, queue) if kind == _PRODUCER else (queue, service)
        return f"{ends[0]} -> {ends[1]} : {about['messaging.operation.name']}"
    if kind != _CLIENT:
        return ""
    if "db.system" in about and about["db.system"] != "redis":
        statement = _statement(str(about.get("db.statement", "")))
        return f"{service} -> {about['db.system']} : {statement}" if statement else ""
    if "db.system" in about:
        keys = about.get("smartbeak.redis.keys")
        return f"{service} -> redis : {span['name']} {keys}" if keys else ""
    url = str(about.get("http.url") or about.get("url.full") or "")
    # A query has slugs in it.
    method = about.get("http.method") or about.get("http.request.method")
    peer = about.get("peer.service") or urlsplit(url).hostname
    return f"{service} -> {peer} : {method} {urlsplit(url).path}"


def _statement(text: str) -> str:
    """A statement's command and table; empty without either."""
    command, table = _COMMAND.search(text), _TABLE.search(text)
    return f"{command[1].upper()} {table[1].lower()}" if command and table else ""


def main(arguments: Sequence[str]) -> int:
    """Prints the arrows of the files; 2 without a file, 1 if one cannot be read."""
    if not arguments:
        print("usage: python3 -m smartbeak.arrows FILE...", file=sys.stderr)
        return 2
    found: set[str] = set()
    for name in arguments:
        try:
            found |= arrows(Path(name).read_text(encoding="utf-8").splitlines())
        except (OSError, ValueError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    print(*sorted(found), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
