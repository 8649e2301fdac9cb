"""The WSGI application in front of moto: lets known actions through and keeps the others."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from simulators.aws.trail import Answer, Trail

Start = Callable[..., Any]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]

KNOWN: Mapping[str, frozenset[str]] = {
    "cloudtrail": frozenset({"LookupEvents"}),
    "elasticache": frozenset(
        {
            *("CreateSnapshot", "DescribeReplicationGroups", "DescribeSnapshots"),
            *("ModifyReplicationGroup", "TestFailover"),
        }
    ),
    "rds": frozenset(
        {
            *("DescribeDBInstances", "DescribeEvents", "FailoverDBCluster", "ModifyDBInstance"),
            *("RebootDBInstance", "RestoreDBInstanceToPointInTime"),
        }
    ),
    "s3": frozenset(),
    "secretsmanager": frozenset(
        {
            *("GetSecretValue", "ListSecrets", "PutSecretValue"),
        }
    ),
    "sts": frozenset({"GetCallerIdentity"}),
    "wafv2": frozenset({"GetIPSet", "ListIPSets", "UpdateIPSet", "ListWebACLs", "GetWebACL"}),
}
"""Actions that pages use and tests hold, by service. S3 has none: there the method and the
path are the action, and moto knows which it has."""

HEALTH = "/_drillbook/health"
"""Belongs to the drill, not to Amazon."""

_S3_MISSING = frozenset({"retention", "torrent", "select", "analytics"})
"""Subresources that moto answers with an error of its own (moto 5.2.5)."""


class Front:
    """Hands requests to moto, and keeps those for which nobody holds what it would say.

    Args:
        moto: moto's application.
        unknown: File of the requests that are not simulated.
        log: Takes a line for each request.
        also: Answers some actions in moto's place, by service and action.
        trail: Keeps who called what.
    """

    def __init__(
        self,
        moto: Application,
        unknown: Path,
        log: Callable[[str], None],
        also: Mapping[tuple[str, str], Answer],
        trail: Trail,
    ) -> None:
        self._moto = moto
        self._unknown = unknown
        self._log = log
        self._also = also
        self._trail = trail

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answers one request."""
        if environ.get("PATH_INFO") == HEALTH:
            return _send(start, 200, "text/plain", "well\n")
        began = time.monotonic()
        said: list[str] = []

        def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            said.append(status)
            return start(status, headers, *more)

        service = _service(environ)
        action, parameters = _action(environ, service)
        body: Iterable[bytes]
        if not _held(environ, service, action):
            body = _send(started, 501, "text/plain", f"{service} {action} is not simulated\n")
        elif own := self._own(service, action, parameters):
            body = _send(started, *own)
        else:
            body = list(self._moto(environ, started))
        status = said[-1].split()[0] if said else "500"
        if status.startswith("5"):
            # moto broke, or nobody simulates it: nothing that Amazon would say.
            self._missing(environ, service, action)
        about = {
            "key": _signed(environ)[0],
            "address": str(environ.get("REMOTE_ADDR", "")),
            "resource": str(parameters.get("SecretId") or parameters.get("Name") or ""),
        }
        self._trail.note(service, action, about, "" if status.startswith("2") else status)
        took = (time.monotonic() - began) * 1000
        self._log(f"{environ.get('HTTP_HOST', '')} {service} {action} {status} {took:.0f}ms")
        return body

    def _own(
        self, service: str, action: str, parameters: Mapping[str, Any]
    ) -> tuple[int, str, str] | None:
        answer = self._also.get((service, action))
        return answer(parameters) if answer else None

    def _missing(self, environ: Mapping[str, Any], service: str, action: str) -> None:
        query = environ.get("QUERY_STRING", "")
        path = environ.get("PATH_INFO", "/") + (f"?{query}" if query else "")
        said = {
            "method": str(environ["REQUEST_METHOD"]),
            "path": f"{environ.get('HTTP_HOST', '')}{path}",
            "action": f"{service}:{action}",
        }
        with self._unknown.open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")


def _signed(environ: Mapping[str, Any]) -> tuple[str, str]:
    """Key and service of the signature; empty without one."""
    scope = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2].split("/")
    return (scope[0], scope[3]) if len(scope) > 3 else ("", "")


def _service(environ: Mapping[str, Any]) -> str:
    """The service that the signature is for, else the one that the host's name says."""
    return _signed(environ)[1] or str(environ.get("HTTP_HOST", "")).split(".")[0]


def _action(environ: dict[str, Any], service: str) -> tuple[str, Mapping[str, Any]]:
    """The action and its parameters; S3's action is the method."""
    if service == "s3":
        return str(environ["REQUEST_METHOD"]), {}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)  # moto reads it once more
    text = body.decode("utf-8", "replace")
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        found = json.loads(text or "{}")
        return target.rpartition(".")[2], found if isinstance(found, dict) else {}
    form = {name: values[-1] for name, values in parse_qs(text).items()}
    return form.get("Action", ""), form


def _held(environ: Mapping[str, Any], service: str, action: str) -> bool:
    if service == "s3":
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return not _S3_MISSING & query.keys()
    return action in KNOWN.get(service, ())


def _send(start: Start, status: int, kind: str, text: str) -> Iterable[bytes]:
    start(f"{status} {HTTPStatus(status).phrase}", [("Content-Type", kind)])
    return [text.encode()]
