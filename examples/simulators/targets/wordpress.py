"""The part of WordPress' REST API that creates and finds posts.

https://developer.wordpress.org/rest-api/reference/posts/. Every site is here at
once, told apart by the name that the client asks for, as on one hosting machine.
Left out: users and their roles (whoever has the application password is an
editor), everything about a post that the platform does not send, and all other
routes.

The sites have one application password, but for one whose owner has changed it: the
file `/var/lib/target/passwords/<site>` then has that site's.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import re
import urllib.parse
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from simulators.messages import Answer, Request, parsed
from simulators.store import Record, Store

POSTS = "/wp-json/wp/v2/posts"
_STATUSES = ("publish", "future", "draft", "pending", "private")
_PER_PAGE = 10
_MOST_PER_PAGE = 100


class WordPress:
    """Sites that share one store and one application password.

    Args:
        store: The accepted posts.
        secret: File with the application password.
        changed: Folder with the passwords of sites that have their own, by site.
    """

    def __init__(self, store: Store, secret: Path, changed: Path) -> None:
        self._store = store
        self._secret = secret
        self._changed = changed

    def answer(self, request: Request) -> Answer | None:
        """See `messages.Simulator`."""
        one = re.fullmatch(rf"{POSTS}/(\d+)", request.path)
        if (request.path != POSTS and not one) or request.method not in ("GET", "POST"):
            return None
        if one and request.method == "POST":
            return None  # changing a post
        known, refusal = self._knows(request)
        if refusal:
            return refusal
        if request.method == "POST":
            return self._create(request, known)
        return self._one(request, one[1]) if one else self._list(request, known)

    def unavailable(self, request: Request) -> Answer:
        """See `messages.Simulator`."""
        return _died(request, "Error establishing a database connection", "wp_die")

    def broken(self, request: Request) -> Answer:
        """See `messages.Simulator`."""
        words = "There has been a critical error on this website."
        return _died(request, words, "internal_server_error")

    def _knows(self, request: Request) -> tuple[bool, Answer | None]:
        """Whether the client is known, or how it is sent away; a client may also be nobody."""
        kind, _, credentials = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False, None
        try:
            user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False, None
        # WordPress shows an application password in groups and ignores the gaps.
        right = re.sub(r"\s", "", self._password(request.site))
        if user and hmac.compare_digest(re.sub(r"\s", "", password).encode(), right.encode()):
            return True, None
        words = "The provided password is an invalid application password."
        return False, _error(401, "incorrect_password", words)

    def _password(self, site: str) -> str:
        try:
            return (self._changed / site).read_text()
        except FileNotFoundError:
            return self._secret.read_text()

    def _create(self, request: Request, known: bool) -> Answer:
        if not known:
            words = "Sorry, you are not allowed to create posts as this user."
            return _error(401, "rest_cannot_create", words)
        if "json" in request.headers.get("content-type", ""):
            fields = parsed(request.body or b"{}")
            if fields is None:
                return _error(400, "rest_invalid_json", "Invalid JSON body passed.")
        else:
            fields = dict(urllib.parse.parse_qsl(request.body.decode(errors="replace")))
        status = fields.get("status", "draft")
        if status not in _STATUSES:
            return _not_in(_STATUSES, "status")
        title, content = _raw(fields.get("title")), _raw(fields.get("content"))
        if not title and not content:
            return _error(400, "empty_content", "Content, title, and excerpt are empty.")
        wanted = str(fields.get("slug") or title)
        with self._store.changing() as draft:
            posts = draft.read()
            record = Record(
                key=wanted,
                site=request.site,
                title=title,
                id=str(len(posts) + 1),
                details={
                    "slug": _free(slug_of(wanted), {_slug(p) for p in posts if _on(p, request)}),
                    "status": status,
                    "content": content,
                },
            )
            draft.add(record)
        place = f"https://{request.site}{POSTS}/{record.id}"
        return Answer(201, _shown(record), {"Location": place}, saved=record)

    def _list(self, request: Request, known: bool) -> Answer:
        query = request.query
        statuses = query.get("status", "publish").split(",")
        if statuses != ["publish"] and not known:
            return _invalid("status", "Status is forbidden.", "rest_forbidden_status")
        if not {*statuses} <= {*_STATUSES, "any"}:
            return _not_in((*_STATUSES, "any"), "status[0]")
        per_page, page = (query.get(n, str(d)) for n, d in (("per_page", _PER_PAGE), ("page", 1)))
        if not per_page.isdecimal() or not 1 <= int(per_page) <= _MOST_PER_PAGE:
            words = "per_page must be between 1 (inclusive) and 100 (inclusive)"
            return _invalid("per_page", words, "rest_out_of_bounds")
        if not page.isdecimal() or int(page) < 1:
            words = "page must be greater than or equal to 1"
            return _invalid("page", words, "rest_out_of_bounds")
        slugs = [slug_of(part) for part in query.get("slug", "").split(",") if part]
        only = f'"slug": "{slugs[0]}"' if len(slugs) == 1 else ""
        found = [
            post
            for post in reversed(self._store.read(only))
            if _on(post, request)
            and (not slugs or _slug(post) in slugs)
            and ("any" in statuses or post.details["status"] in statuses)
        ]
        pages, first = math.ceil(len(found) / int(per_page)), (int(page) - 1) * int(per_page)
        if first and first >= len(found):
            words = "The page number requested is larger than the number of pages available."
            return _error(400, "rest_post_invalid_page_number", words)
        return Answer(
            200,
            [_shown(post) for post in found[first : first + int(per_page)]],
            {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)},
        )

    def _one(self, request: Request, number: str) -> Answer:
        for post in self._store.read(f'"id": "{number}"'):
            if post.id == number and _on(post, request):
                return Answer(200, _shown(post))
        return _error(404, "rest_post_invalid_id", "Invalid post ID.")


def slug_of(text: str) -> str:
    """A text as WordPress would have it in an address."""
    kept = re.sub(r"[^a-z0-9 _-]", "", text.lower())
    return re.sub(r"-+", "-", re.sub(r"\s+", "-", kept)).strip("-")


def _slug(post: Record) -> str:
    return str(post.details["slug"])


def _on(post: Record, request: Request) -> bool:
    return post.site == request.site


def _free(slug: str, taken: Collection[str]) -> str:
    """The slug, with a number behind it if another post of the site has it."""
    found, number = slug, 2
    while found in taken:
        found, number = f"{slug}-{number}", number + 1
    return found


def _raw(value: object) -> str:
    """A text field: a text, or an object with the text as `raw`."""
    if isinstance(value, Mapping):
        value = value.get("raw")
    return value if isinstance(value, str) else ""


def _shown(post: Record) -> dict[str, Any]:
    moment = post.time.strftime("%Y-%m-%dT%H:%M:%S")
    number, link = int(post.id), f"https://{post.site}/{_slug(post)}/"
    return {
        "id": number,
        "date": moment,
        "date_gmt": moment,
        "guid": {"rendered": f"https://{post.site}/?p={number}"},
        "modified": moment,
        "modified_gmt": moment,
        "slug": _slug(post),
        "status": post.details["status"],
        "type": "post",
        "link": link,
        "title": {"rendered": post.title},
        "content": {"rendered": post.details["content"], "protected": False},
        "author": 1,
        "comment_status": "open",
        "ping_status": "open",
        "sticky": False,
        "format": "standard",
        "categories": [1],
        "tags": [],
    }


def _error(status: int, code: str, message: str, **data: object) -> Answer:
    content = {"code": code, "message": message, "data": {"status": status, **data}}
    return Answer(status, content)


def _invalid(name: str, words: str, code: str) -> Answer:
    parameter = name.partition("[")[0]
    return _error(
        400,
        "rest_invalid_param",
        f"Invalid parameter(s): {parameter}",
        params={parameter: words},
        details={parameter: {"code": code, "message": words, "data": None}},
    )


def _not_in(allowed: Collection[str], name: str) -> Answer:
    *first, last = allowed
    words = f"{name} is not one of {', '.join(first)}, and {last}."
    return _invalid(name, words, "rest_not_in_enum")


def _died(request: Request, words: str, code: str) -> Answer:
    """What PHP says when it cannot go on: JSON to who speaks JSON, else a page."""
    spoken = request.headers.get("accept", "") + request.headers.get("content-type", "")
    if "json" not in spoken:
        return Answer(500, f"<!DOCTYPE html>\n<title>Error</title>\n<h1>{words}</h1>\n")
    content = {
        "code": code,
        "message": words if code == "internal_server_error" else f"<h1>{words}</h1>",
        "data": {"status": 500},
        "additional_errors": [],
    }
    return Answer(500, content)
