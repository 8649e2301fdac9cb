"""The part of LinkedIn's Posts API that creates posts.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api.
Left out: members and organizations (any author may post with the token), media,
and all other routes. A post that says the same as an earlier one by the same
author is refused, as LinkedIn does, however old the earlier one is.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulators.messages import Answer, Request, parsed
from simulators.store import Draft, Record, Store

_REQUIRED = ("author", "commentary", "visibility", "distribution", "lifecycleState")
_AUTHOR = re.compile(r"urn:li:(person|organization):[\w-]+")
_DEFAULT_RATE = (100_000, 24 * 3600)
"""Posts and seconds: what LinkedIn grants an application in a day."""

_FIRST_ID = 7_400_000_000_000_000_000
_TITLE_LENGTH = 80


class LinkedIn:
    """LinkedIn, as far as it takes posts.

    Args:
        store: The accepted posts.
        secret: File with the bearer token.
        rate: File with `POSTS SECONDS`; LinkedIn's own limit without it.
    """

    def __init__(self, store: Store, secret: Path, rate: Path) -> None:
        self._store = store
        self._secret = secret
        self._rate = rate

    def answer(self, request: Request) -> Answer | None:
        """See `messages.Simulator`."""
        if (request.method, request.path) != ("POST", "/rest/posts"):
            return None
        refusal = self._refusal(request.headers)
        if refusal:
            return refusal
        fields = parsed(request.body)
        if fields is None:
            words = "Request body could not be converted to data map"
            return _error(400, "ILLEGAL_ARGUMENT", words)
        lacking = _lacking(fields)
        if lacking:
            return Answer(422, {"message": lacking, "status": 422})
        return self._create(request, fields)

    def unavailable(self, request: Request) -> Answer:
        """See `messages.Simulator`."""
        return _error(500, "INTERNAL_SERVER_ERROR", "Internal Server Error")

    broken = unavailable

    def _refusal(self, headers: Mapping[str, str]) -> Answer | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            words = "Empty oauth2 access token"
            return _error(401, "EMPTY_ACCESS_TOKEN", words, serviceErrorCode=65604)
        right = self._secret.read_text().strip()
        if not hmac.compare_digest(token.strip().encode(), right.encode()):
            words = "Invalid access token"
            return _error(401, "INVALID_ACCESS_TOKEN", words, serviceErrorCode=65600)
        version = headers.get("linkedin-version", "")
        if not version:
            words = "A version must be present. Please specify a version by adding the "
            return _error(400, "VERSION_MISSING", f"{words}LinkedIn-Version header.")
        if not re.fullmatch(r"20\d\d(0[1-9]|1[0-2])(\.\d\d)?", version):
            words = f"Requested version {version} is not active"
            return _error(426, "NONEXISTENT_VERSION", words)
        if headers.get("x-restli-protocol-version") != "2.0.0":
            words = "X-RestLi-Protocol-Version header must be 2.0.0"
            return _error(400, "ILLEGAL_ARGUMENT", words)
        return None

    def _create(self, request: Request, fields: Mapping[str, Any]) -> Answer:
        said = json.dumps([fields[name] for name in ("author", "commentary")] + [_link(fields)])
        fingerprint = hashlib.sha256(said.encode()).hexdigest()
        with self._store.changing() as draft:
            if self._over_rate(draft):
                words = "Resource level throttle APPLICATION DAY limit for calls to this "
                return _error(
                    429, "TOO_MANY_REQUESTS", f"{words}resource is reached.", serviceErrorCode=101
                )
            for earlier in draft.read(fingerprint):
                return _duplicate(earlier.id)
            number = _FIRST_ID + len(draft.read()) + 1
            record = Record(
                key=_key(fields),
                site=request.site,
                title=fields["commentary"][:_TITLE_LENGTH],
                id=f"urn:li:share:{number}",
                details={"author": fields["author"], "fingerprint": fingerprint},
            )
            draft.add(record)
        return Answer(201, None, {"x-restli-id": record.id}, saved=record)

    def _over_rate(self, draft: Draft) -> bool:
        try:
            most, seconds = map(int, self._rate.read_text().split())
        except FileNotFoundError:
            most, seconds = _DEFAULT_RATE
        since = datetime.now(UTC) - timedelta(seconds=seconds)
        return sum(record.time > since for record in draft.read()) >= most


def _lacking(fields: Mapping[str, Any]) -> str:
    """What is wrong with a post, one line each; empty if it is all there."""
    lines = [
        f"ERROR :: /{name} :: field is required but not found and has no default value\n"
        for name in _REQUIRED
        if name not in fields
    ]
    if not lines and not (
        isinstance(fields["author"], str) and _AUTHOR.fullmatch(fields["author"])
    ):
        lines.append("ERROR :: /author :: not a URN of a person or an organization\n")
    if not lines and not isinstance(fields["commentary"], str):
        lines.append("ERROR :: /commentary :: cannot be coerced to String\n")
    return "".join(lines)


def _link(fields: Mapping[str, Any]) -> str:
    """The link that a post carries; empty without one."""
    content = fields.get("content")
    article = content.get("article") if isinstance(content, dict) else None
    source = article.get("source") if isinstance(article, dict) else None
    if isinstance(source, str):
        return source
    links = re.findall(r"https?://[^\s)\]]+", fields["commentary"])
    return links[-1] if links else ""


def _key(fields: Mapping[str, Any]) -> str:
    return _link(fields).rstrip("/").rpartition("/")[2] or str(fields["commentary"])


def _error(status: int, code: str, message: str, **more: object) -> Answer:
    return Answer(status, {"message": message, "status": status, "code": code, **more})


def _duplicate(of: str) -> Answer:
    problem = {"description": "Duplicate post is detected", "input": {}, "code": "DUPLICATE_POST"}
    return Answer(
        422,
        {
            "errorDetailType": "com.linkedin.common.error.BadRequest",
            "message": "com.linkedin.content.common.exception.BadRequestResponseException: "
            f"Content is a duplicate of {of}",
            "errorDetails": {"inputErrors": [problem]},
            "status": 422,
        },
    )
