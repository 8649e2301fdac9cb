"""A piece of content that is written, read back and removed as a user does it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from smartbeak_ops import postgres, settings
from smartbeak_ops.api import Api, parsed, said
from smartbeak_ops.failures import ServiceError

TITLE = "Runbook canary"

_THERE = "SELECT id, status FROM content_items WHERE title = %s AND body LIKE %s"
_ROW = """
INSERT INTO system_flags (org_id, key, value) VALUES ('runbook', 'canary', true)
ON CONFLICT (org_id, key) DO UPDATE SET updated_at = now() RETURNING updated_at
"""


@dataclass(frozen=True, slots=True)
class Flight:
    """How far the canary got.

    Attributes:
        line: For a person.
        whole: Whether each step worked.
    """

    line: str
    whole: bool


def fly(api: Api) -> Flight:
    """Writes, reads back, archives; says which step failed, and what is left."""
    mark = str(uuid.uuid4())
    body = {"domainId": "dom_1", "title": TITLE, "body": f"May be removed. {mark}"}
    wrote = api.ask("POST", "/v1/content", body=body)
    item = (parsed(wrote) or {}).get("item") if wrote.status == 200 else None
    if not item:
        return Flight(f"writing failed: {said(wrote)}{_left(mark)}", False)
    read = api.ask("GET", f"/v1/content/{item['id']}")
    back = ((parsed(read) or {}).get("item") or {}) if read.status == 200 else {}
    if mark not in str(back.get("body", "")):
        what = "something else came back" if read.status == 200 else said(read)
        return Flight(f"written 200, reading back failed: {what}; {item['id']} is left", False)
    removed = api.ask("DELETE", f"/v1/content/{item['id']}")
    if removed.status != 200:
        return Flight(
            f"written 200, read back 200, archiving failed: {said(removed)}; {item['id']} is left",
            False,
        )
    return Flight("written 200, read back 200, archived 200", True)


def row() -> str:
    """Writes a row that nothing else reads, as the platform; says when.

    Raises:
        ServiceError: It could not.
    """
    with postgres.Server(settings.read().database, write=True) as server:
        return str(server.value(_ROW))


def _left(mark: str) -> str:
    """Whether a write that was answered with an error is there all the same."""
    try:
        with postgres.Server(settings.read().database) as server:
            rows = server.rows(_THERE, [TITLE, f"%{mark}"])
    except ServiceError as error:
        return f"; whether it is there all the same is not known: {error.said}"
    if rows:
        return f"; it is there all the same: {rows[0]['id']}"
    return "; it is not there"
