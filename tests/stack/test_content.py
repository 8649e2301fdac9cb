"""The API's content, on real PostgreSQL and Redis."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.stack.box import ADMIN, EDITOR, FACTS, VIEWER, Box, Call, draft


def test_content_is_written_and_read_back(box: Box) -> None:
    asked = {"domainId": "dom_1", "title": "Grüße \U0001f600", "body": "Zeile\n2", "more": 1}
    made = box.call("POST", "/v1/content", box.token(EDITOR), asked)
    assert (made.status, made.body["success"]) == (200, True)
    item = made.body["item"]
    assert list(item) == FACTS["shapes"]["content"]["fields"]
    assert (item["title"], item["body"]) == (asked["title"], asked["body"])
    assert (item["status"], item["contentType"]) == ("draft", "article")
    assert item["publishAt"] is None and item["createdAt"].endswith("Z")
    assert str(uuid.UUID(item["id"])) == item["id"]
    read = box.call("GET", f"/v1/content/{item['id']}", box.token(VIEWER))
    assert read.body == {"success": True, "item": item}
    rows = box.sql(f"SELECT title, status FROM content_items WHERE id = '{item['id']}'")
    assert rows == [f"{asked['title']}|draft"]


def test_an_id_can_be_given_once(box: Box) -> None:
    content_id = draft(box)
    said = {"id": content_id, "domainId": "dom_1", "title": "Another"}
    answer = box.call("POST", "/v1/content", box.token(ADMIN), said)
    assert (answer.status, answer.code) == (409, "CONFLICT")


def test_content_goes_only_into_domains_of_the_organization(box: Box) -> None:
    for domain in ("dom_2", "none"):
        said = {"domainId": domain, "title": "A title"}
        answer = box.call("POST", "/v1/content", box.token(ADMIN), said)
        assert (answer.status, answer.code) == (403, "DOMAIN_NOT_OWNED")


def test_content_is_cached_for_as_long_as_the_facts_say(box: Box) -> None:
    token, content_id = box.token(VIEWER), "content_25"
    key = f"cache:content:{content_id}"
    box.redis(f"DEL {key}")
    first = box.call("GET", f"/v1/content/{content_id}", token).body
    fact = FACTS["redis-keys"]["cache:content:<id>"]
    assert box.redis(f"TYPE {key}") == [fact["type"]]
    assert fact["seconds"] - 60 <= int(box.redis(f"TTL {key}")[0]) <= fact["seconds"]
    box.sql(f"UPDATE content_items SET title = 'Behind its back' WHERE id = '{content_id}'")
    assert box.call("GET", f"/v1/content/{content_id}", token).body == first
    box.redis(f"UNLINK {key}")
    fresh = box.call("GET", f"/v1/content/{content_id}", token).body
    assert fresh["item"]["title"] == "Behind its back"


def test_a_write_through_the_api_is_read_at_once(box: Box) -> None:
    content_id, admin = draft(box), box.token(ADMIN)
    path = f"/v1/content/{content_id}"
    _, changed, read, _, archived = box.calls(
        Call("GET", path, admin),
        Call("PATCH", path, admin, {"title": "Another title"}),
        Call("GET", path, admin),
        Call("DELETE", path, admin),
        Call("GET", path, admin),
    )
    assert read.body == changed.body
    assert (read.body["item"]["title"], read.body["item"]["body"]) == ("Another title", "A body")
    assert archived.body["item"]["status"] == "archived" and archived.body["item"]["archivedAt"]


def test_nobody_reads_what_another_organization_has_cached(box: Box) -> None:
    assert box.call("GET", "/v1/content/content_30", box.token(VIEWER)).status == 200
    answer = box.call("GET", "/v1/content/content_30", box.token(8))
    assert (answer.status, answer.code) == (403, "DOMAIN_NOT_OWNED")


def test_what_cannot_be_read_in_the_cache_is_read_from_the_database(box: Box) -> None:
    for text in ("'not json'", "'[]'", "'{}'", "null"):
        box.redis(f"SET cache:content:content_35 {text}")
        answer = box.call("GET", "/v1/content/content_35", box.token(VIEWER))
        assert answer.body["item"]["id"] == "content_35"


def test_an_older_version_does_not_replace_a_newer_one_in_the_cache(box: Box) -> None:
    newer = {"orgId": "org_1", "version": 9_000_000_000_000_000, "item": {"id": "newer"}}
    content_id, admin = draft(box), box.token(ADMIN)
    box.shell("ops", f"redis-cli -h redis-1 -x SET cache:content:{content_id}", json.dumps(newer))
    box.call("PATCH", f"/v1/content/{content_id}", admin, {"title": "Another title"})
    assert json.loads(box.redis(f"GET cache:content:{content_id}")[0]) == newer


def test_a_changed_draft_keeps_its_old_version(box: Box) -> None:
    content_id = draft(box, title="First", body="One")
    box.call("PATCH", f"/v1/content/{content_id}", box.token(EDITOR), {"body": "Two"})
    query = f"SELECT title, body FROM content_revisions WHERE content_id = '{content_id}'"
    assert box.sql(query) == ["First|One"]


@pytest.mark.parametrize("body", [{}, {"status": "draft"}, {"title": None}, {"body": 7}])
def test_a_change_of_nothing_is_refused(box: Box, body: dict[str, Any]) -> None:
    answer = box.call("PATCH", "/v1/content/content_5", box.token(EDITOR), body)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


def in_state(box: Box, state: str) -> str:
    content_id = draft(box, user=19, domainId="dom_5")
    when = "now() + interval '1 day'" if state == "scheduled" else "NULL"
    box.sql(
        f"UPDATE content_items SET status = '{state}', publish_at = {when} "
        f"WHERE id = '{content_id}'"
    )
    return content_id


def test_content_changes_its_state_as_the_facts_say(box: Box) -> None:
    facts, admin = FACTS["content-states"]["leads-to"], box.token(18)
    future = {"publishAt": "2090-01-01T00:00:00Z"}
    ways = {
        "scheduled": ("POST", "/schedule", future),
        "published": ("POST", "/publish", None),
        "archived": ("DELETE", "", None),
        "draft": ("PATCH", "", {"title": "Another title"}),
    }
    for state, allowed in facts.items():
        for wanted, (method, path, body) in ways.items():
            if state == wanted == "draft":
                continue
            content_id = in_state(box, state)
            if (state, wanted) == ("scheduled", "published"):
                box.sql(f"UPDATE content_items SET publish_at = now() WHERE id = '{content_id}'")
            answer = box.call(method, f"/v1/content/{content_id}{path}", admin, body)
            right = 200 if wanted in allowed else 409
            assert answer.status == right, (state, wanted, answer)
            query = f"SELECT status FROM content_items WHERE id = '{content_id}'"
            assert box.sql(query) == [wanted if right == 200 else state]


def test_publishing_and_scheduling_tell_what_happened(box: Box) -> None:
    first, second, editor = draft(box), draft(box), box.token(EDITOR)
    published = box.call("POST", f"/v1/content/{first}/publish", editor).body["event"]
    assert (published["name"], published["payload"]) == ("content.published", {"contentId": first})
    when = {"publishAt": "2090-01-01T02:00:00+02:00"}
    scheduled = box.call("POST", f"/v1/content/{second}/schedule", editor, when).body["event"]
    assert scheduled["scheduledAt"] == "2090-01-01T00:00:00.000Z"
    item = box.call("GET", f"/v1/content/{second}", editor).body["item"]
    assert (item["status"], item["publishAt"]) == ("scheduled", "2090-01-01T00:00:00.000Z")


def test_what_is_not_due_is_not_published_and_the_past_cannot_be_planned(box: Box) -> None:
    admin = box.token(18)
    early = box.call("POST", f"/v1/content/{in_state(box, 'scheduled')}/publish", admin)
    assert (early.status, early.body["error"]) == (409, "Publish time has not been reached yet")
    past = {"publishAt": "2020-01-01T00:00:00Z"}
    late = box.call("POST", f"/v1/content/{in_state(box, 'draft')}/schedule", admin, past)
    assert (late.status, late.body["error"]) == (409, "Schedule time must be in the future")


def test_content_is_listed_by_page_status_type_domain_and_words(box: Box) -> None:
    token = box.token(12)

    def listed(query: str) -> list[dict[str, Any]]:
        answer = box.call("GET", f"/v1/content?{query}", token)
        assert answer.status == 200, answer.text
        return list(answer.body["data"])

    first, second = listed("limit=5"), listed("limit=5&page=2")
    assert len({row["id"] for row in (*first, *second)}) == 10
    times = [row["updatedAt"] for row in (*first, *second)]
    assert times == sorted(times, reverse=True)
    assert {row["status"] for row in listed("status=scheduled")} == {"scheduled"}
    assert {row["contentType"] for row in listed("contentType=review")} == {"review"}
    assert {row["domainId"] for row in listed("domainId=dom_3")} == {"dom_3"}
    assert {row["domainName"] for row in listed("domainId=dom_3")} == {"site3.example.com"}
    assert [row["id"] for row in listed("search=article%20202&limit=50")] == ["content_202"]
    assert listed("search=100%25") == listed("search=_rticle") == listed("search=%5C") == []
    other = box.call("GET", "/v1/content?domainId=dom_1", token)
    assert (other.status, other.code) == (403, "DOMAIN_NOT_OWNED")


def test_a_page_says_how_many_there_are(box: Box) -> None:
    query = "domainId=dom_8&status=draft&limit=7"
    count = "SELECT count(*) FROM content_items WHERE domain_id = 'dom_8' AND status = 'draft'"
    (rows,) = box.sql(count)
    answer = box.call("GET", f"/v1/content?{query}", box.token(12))
    assert answer.body["pagination"] == {"totalPages": -(-int(rows) // 7)}


def test_writers_at_the_same_time_leave_the_last_one_in_database_and_cache(box: Box) -> None:
    content_id, admin = draft(box, user=17 + 1, domainId="dom_5"), box.token(18)
    path = f"/v1/content/{content_id}"
    script = (
        f"seq 40 | xargs -P 8 -I{{}} curl -sS -o /dev/null -X PATCH -H 'Authorization: Bearer "
        f"{admin}' -H 'Content-Type: application/json' -d '{{\"title\": \"title {{}}\"}}' "
        f"http://api:3001{path}"
    )
    box.shell("ops", script)
    (title,) = box.sql(f"SELECT title FROM content_items WHERE id = '{content_id}'")
    cached = json.loads(box.redis(f"GET cache:content:{content_id}")[0])
    assert cached["item"]["title"] == title != "A title"
    assert len(box.sql(f"SELECT 1 FROM content_revisions WHERE content_id = '{content_id}'")) == 40
