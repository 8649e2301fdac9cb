"""The load balancer before the API: the web ACL's rules, then the API, and an access log.

Requests come for the API's public name. Rules of the web ACL that name a set of addresses count
at once, in Amazon's WAF within a minute; other kinds of rules are passed over. The log has the
fields of an Application Load Balancer's (https://docs.aws.amazon.com/elasticloadbalancing/latest/
application/load-balancer-access-logs.html#access-log-entry-format) and comes to its bucket each
second, Amazon's every five minutes.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import ipaddress
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.wafv2.models import wafv2_backends

from simulators.aws.names import ACCESS_LOG, ACL, PUBLIC, REGION

Start = Callable[..., Any]

API = ("api", 3001)
CLIENTS = "/_drillbook/clients"
"""Belongs to the drill: who asked, how often it was told 401, and what it was told last."""

_TIMEOUT_S = 10.0
_FLUSH_S = 1.0
_FORBIDDEN = b"<html><head><title>403 Forbidden</title></head></html>\n"
_OWN = frozenset({"connection", "transfer-encoding", "keep-alive"})


class Balancer:
    """A WSGI application.

    Args:
        put: Stores an object: bucket and key, and its bytes.
    """

    def __init__(self, put: Callable[[str, bytes], None]) -> None:
        self._put = put
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._clients: dict[str, dict[str, Any]] = {}
        self._written = 0

    def __call__(self, environ: Mapping[str, Any], start: Start) -> Iterable[bytes]:
        """Answers one request."""
        if environ.get("PATH_INFO") == CLIENTS:
            start("200 OK", [("Content-Type", "application/json")])
            return [self._told()]
        began = time.time()
        address = str(environ.get("REMOTE_ADDR", ""))
        target = ""
        if blocked(address):
            status, headers, body = 403, [("Content-Type", "text/html")], _FORBIDDEN
        else:
            target = ":".join(map(str, API))
            status, headers, body = _ask_api(environ)
        self._note(environ, began, status, target)
        start(f"{status} {_phrase(status)}", headers)
        return [body]

    def deliver(self) -> None:
        """Brings the log to its bucket, as long as the process lives."""
        while True:
            time.sleep(_FLUSH_S)
            with self._lock:
                lines, self._lines = self._lines, []
            if lines:
                self._written += 1
                now = time.gmtime()
                day, minute = time.strftime("%Y/%m/%d", now), time.strftime("%Y%m%dT%H%MZ", now)
                folder = f"AWSLogs/{DEFAULT_ACCOUNT_ID}/elasticloadbalancing/{REGION}/{day}"
                name = f"{DEFAULT_ACCOUNT_ID}_elasticloadbalancing_{REGION}_app.{ACL}.50dc6c495c0c"
                key = f"{folder}/{name}_{minute}_10.0.0.10_{self._written:08}.log.gz"
                self._put(f"/{ACCESS_LOG}/{key}", gzip.compress("".join(lines).encode()))

    def _note(self, environ: Mapping[str, Any], began: float, status: int, target: str) -> None:
        address, port = str(environ.get("REMOTE_ADDR", "")), environ.get("REMOTE_PORT", 0)
        took = time.time() - began
        stamp = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{int(began * 1e6) % 10**6:06}Z"
        )
        path = str(environ.get("PATH_INFO", "/"))
        line = (
            f"https {stamp} app/{ACL}/50dc6c495c0c {address}:{port} {target or '-'} "
            f"0.000 {took:.3f} 0.000 {status} {status if target else '-'} 0 0 "
            f'"{environ["REQUEST_METHOD"]} https://{PUBLIC}:443{path} HTTP/1.1" "-" - - - "-" '
            f'"{PUBLIC}" "-" 0 {stamp} "{"waf,forward" if target else "waf"}" "-" "-"\n'
        )
        with self._lock:
            self._lines.append(line)
            client = self._clients.setdefault(address, {"refused": 0})
            client["refused"] += status == 401
            client.update(status=status, at=time.monotonic())

    def _told(self) -> bytes:
        with self._lock:
            now = time.monotonic()
            told = [
                {**each, "address": address, "ago_s": round(now - each["at"], 2)}
                for address, each in self._clients.items()
            ]
        return json.dumps(told).encode()


def blocked(address: str) -> bool:
    """Whether a rule of the web ACL blocks an address."""
    backend = wafv2_backends[DEFAULT_ACCOUNT_ID][REGION]
    rules = [rule for acl in backend.wacls.values() if acl.name == ACL for rule in acl.rules]
    for rule in sorted(rules, key=lambda rule: int(rule.priority)):
        arn = rule.statement.get("IPSetReferenceStatement", {}).get("ARN")
        listed = backend.ip_sets[arn].addresses if arn in backend.ip_sets else []
        if any(ipaddress.ip_address(address) in ipaddress.ip_network(each) for each in listed):
            if "Block" in (rule.action or {}):
                return True
            if "Allow" in (rule.action or {}):
                return False
    return False


def _ask_api(environ: Mapping[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    """Asks the API, which is told from where the request came."""
    sent = {
        name[5:].replace("_", "-").title(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") and name != "HTTP_CONNECTION"
    }
    if environ.get("CONTENT_TYPE"):
        sent["Content-Type"] = str(environ["CONTENT_TYPE"])
    sent["X-Forwarded-For"] = str(environ.get("REMOTE_ADDR", ""))
    query = environ.get("QUERY_STRING", "")
    path = environ.get("PATH_INFO", "/") + (f"?{query}" if query else "")
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    connection = http.client.HTTPConnection(*API, timeout=_TIMEOUT_S)
    with contextlib.closing(connection):
        try:
            connection.request(environ["REQUEST_METHOD"], path, body or None, sent)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            return 502, [("Content-Type", "text/html")], b"<html><h1>502 Bad Gateway</h1></html>\n"
    headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OWN]
    return answer.status, headers, said


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
