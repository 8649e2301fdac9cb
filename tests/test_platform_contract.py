"""The reference platform's API, held against the facts, on real PostgreSQL and Redis."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.sandboxes.local import LocalBackend
from tests.platform_box import FACTS, PLATFORM, Box, Call

OWNER, ADMIN, EDITOR, VIEWER = 1, 2, 3, 4
"""Users of org_1, which has dom_1 and dom_6."""


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["db-1", "redis-1", "api"])
    yield box
    box.close()


def draft(box: Box, user: int = ADMIN, **fields: Any) -> str:
    """A new draft's id."""
    content_id = f"draft-{uuid.uuid4()}"
    said = {"id": content_id, "domainId": "dom_1", "title": "A title", "body": "A body", **fields}
    answer = box.call("POST", "/v1/content", box.token(user), said)
    assert answer.status == 200, answer.text
    return content_id


# Routes.


def operations(document: dict[str, Any]) -> dict[tuple[str, str], set[int]]:
    return {
        (method.upper(), path): {int(status) for status in operation["responses"]}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_routes_and_their_statuses_are_those_of_the_facts(box: Box) -> None:
    document = box.call("GET", "/openapi.json").body
    facts = {
        (method, path): set(fact["statuses"])
        for path, methods in FACTS["endpoints"].items()
        for method, fact in methods.items()
    }
    assert operations(document) == facts
    secured = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "security" in operation
    }
    public = {
        (method, path)
        for path, methods in FACTS["endpoints"].items()
        for method, fact in methods.items()
        if fact.get("public")
    }
    assert secured == set(facts) - public


def test_the_document_is_the_one_that_is_kept(box: Box) -> None:
    kept = json.loads((PLATFORM / "openapi.json").read_text())
    assert box.call("GET", "/openapi.json").body == kept


def test_every_source_of_a_fact_about_behaviour_is_used_and_says_where() -> None:
    text = (PLATFORM / "facts.yaml").read_text()
    text = text[text.index("\nendpoints:\n") :]
    used = set(re.findall(r"\bsource: ([\w-]+)", text))
    assert used == set(FACTS["behaviour-sources"])
    for key, source in FACTS["behaviour-sources"].items():
        assert re.fullmatch(r"[0-9a-f]{40}", source["commit"]) and source["path"], key


def test_a_defect_says_what_the_platform_does_and_what_is_here() -> None:
    assert {12, *range(22, 32), 37} <= set(FACTS["defects"])
    for number, text in FACTS["defects"].items():
        assert re.fullmatch(r"The platform.*\. Here .*\.\s*", text), number


# Who gets in.


def example(path: str) -> str:
    return path.replace("{id}", "content_5").replace("{key}", "maintenance_mode")


def test_nothing_but_public_paths_is_answered_without_a_token(box: Box) -> None:
    calls, public = [], []
    for path, methods in FACTS["endpoints"].items():
        for method, fact in methods.items():
            calls.append(Call(method, example(path)))
            public.append(bool(fact.get("public")))
    answers = box.calls(*calls, Call("GET", "/v1/nothing"), Call("DELETE", "/v1/content"))
    for answer, free in zip(answers, [*public, False, False], strict=True):
        assert (answer.status == 200) is free, answer
        if not free:
            assert (answer.status, answer.code) == (401, "AUTH_REQUIRED")
            assert answer.body["error"] == "Authentication required"


@pytest.mark.parametrize("sent", ["Basic eA==", "bearer x", "Bearer", "Bearer x.y.z", "x"])
def test_what_is_no_token_is_refused_without_a_reason(box: Box, sent: str) -> None:
    answer = box.call("GET", "/v1/content", Authorization=sent)
    assert (answer.status, answer.body["error"]) == (401, "Unauthorized")


def test_each_route_is_for_the_roles_of_the_facts(box: Box) -> None:
    calls, expected = [], []
    for path, methods in FACTS["endpoints"].items():
        for method, fact in methods.items():
            for user, role in enumerate(("owner", "admin", "editor", "viewer"), start=1):
                if "roles" in fact and role not in fact["roles"]:
                    calls.append(Call(method, example(path), box.token(user), {}))
                    expected.append((method, path, role))
    for answer, about in zip(box.calls(*calls), expected, strict=True):
        assert (answer.status, answer.code) == (403, "FORBIDDEN"), about


def test_each_route_lets_the_roles_of_the_facts_in(box: Box) -> None:
    calls, expected = [], []
    for path, methods in FACTS["endpoints"].items():
        for method, fact in methods.items():
            for user, role in enumerate(("owner", "admin", "editor", "viewer"), start=9):
                if role in fact.get("roles", ()):
                    calls.append(Call(method, example(path), box.token(user), {"value": True}))
                    expected.append((method, path, role, fact["statuses"]))
    for answer, about in zip(box.calls(*calls), expected, strict=True):
        # Content of another organization is refused too, with another code.
        assert answer.status in about[3], (about, answer)
        assert answer.status != 403 or answer.code in ("DOMAIN_NOT_OWNED", "ACCESS_DENIED"), about


def test_a_revoked_token_and_a_revoked_user_get_in_no_more(box: Box) -> None:
    token, other = box.token(6, jti="gone"), box.token(6)
    assert [a.status for a in box.calls(*(Call("GET", "/v1/content", t) for t in (token, other)))]
    box.redis("SET jwt:revoked:gone 1 EX 604800")
    first, second = box.calls(*(Call("GET", "/v1/content", t) for t in (token, other)))
    assert (first.status, second.status) == (401, 200)
    box.redis("SET jwt:revoked:user:user_6 $(date +%s)000 EX 604800")
    later = box.token(6, iat=int(box.shell("ops", "date +%s")) + 2)
    old, new = box.calls(*(Call("GET", "/v1/content", t) for t in (other, later)))
    assert (old.status, new.status) == (401, 200)


def test_a_limit_is_told_kept_and_counted_for_each_user(box: Box) -> None:
    most = FACTS["endpoints"]["/v1/publishing/jobs"]["POST"]["per-minute"]
    assert most == FACTS["limits"]["publishing"]["value"]
    asked = {"contentId": "none", "targetId": "none"}
    token, other = box.token(14), box.token(15)
    *answers, refused = box.calls(
        *(Call("POST", "/v1/publishing/jobs", token, asked) for _ in range(most + 1))
    )
    assert {answer.status for answer in answers} == {404}
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    assert left == list(reversed(range(most)))
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {str(most)}
    assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert refused.body["retryAfter"] == int(refused.headers["retry-after"]) <= 60
    assert box.call("POST", "/v1/publishing/jobs", other, asked).status == 404
    assert box.call("GET", "/v1/publishing/jobs?domainId=dom_4", token).status == 200


# What is refused.


def test_refusals_are_those_of_the_facts(box: Box) -> None:
    admin = box.token(ADMIN)
    cases = {
        "unknown path with a token": Call("GET", "/v1/nothing", admin),
        "any path without a token": Call("GET", "/v1/nothing"),
        "unknown method": Call("PUT", "/v1/content", admin, {}),
        "wrong role": Call("POST", "/v1/content", box.token(VIEWER), {}),
        "not valid": Call("POST", "/v1/content", admin, {"domainId": "dom_1"}),
        "job id not valid": Call("GET", "/v1/publishing/jobs/a%20b", admin),
        "no domainId": Call("GET", "/v1/publishing/jobs", admin),
        "content of another organization": Call("GET", "/v1/content/content_1", admin),
        "job of another organization": Call("GET", "/v1/publishing/jobs/job_1", admin),
        "no such content": Call("GET", "/v1/content/none", admin),
    }
    for (name, _), answer in zip(cases.items(), box.calls(*cases.values()), strict=True):
        fact = FACTS["refusals"][name]
        assert (answer.status, answer.code) == (fact["status"], fact["code"]), name
    others = {"path without /v1", "body over 10 MB", "too many requests"}
    assert set(FACTS["refusals"]) - set(cases) - others == {"PostgreSQL or Redis away"}


def test_an_old_path_leads_to_the_new_one_and_probes_stay(box: Box) -> None:
    answer = box.call("GET", "/content?limit=1&search=%20a")
    assert (answer.status, answer.text) == (FACTS["refusals"]["path without /v1"]["status"], "")
    assert answer.headers["location"] == "/v1/content?limit=1&search=%20a"
    paths = ("/readyz", "/livez", "/health", "/metrics", "/openapi.json")
    assert {a.status for a in box.calls(*(Call("GET", path) for path in paths))} == {200}


def test_a_body_that_is_too_long_is_refused(box: Box) -> None:
    fact = FACTS["refusals"]["body over 10 MB"]
    sizes = {10 * 1024 * 1024: 400, 10 * 1024 * 1024 + 1: fact["status"]}
    for size, status in sizes.items():
        answer = box.call("POST", "/v1/content", box.token(ADMIN), b" " * size)
        assert (answer.status, len(answer.code) > 0) == (status, True), size


def test_a_request_id_comes_back_in_an_error(box: Box) -> None:
    named = box.call("GET", "/v1/content", **{"X-Request-ID": "request-7"})
    unnamed = box.call("GET", "/v1/content")
    assert (named.body["requestId"], unnamed.body["requestId"]) == ("request-7", "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'"text"',
        b"\xff\xfe{}",
        b'{"domainId": "dom_1", "title": "a\\u0000b"}',
        b'{"domainId": "dom_1", "title": "\\ud800"}',
        b'{"domainId": "dom_1\\u0000", "title": "a"}',
        b'{"domainId": "dom_1", "title": ""}',
        b'{"domainId": "dom_1", "title": null}',
        b'{"domainId": "dom_1", "title": 7}',
        b'{"domainId": ["dom_1"], "title": "a"}',
        b'{"domainId": "dom_1", "title": "' + b"a" * 501 + b'"}',
        b'{"domainId": "dom_1", "title": "a", "body": "' + b"b" * 50_001 + b'"}',
        b'{"domainId": "dom_1", "title": "a", "contentType": "song"}',
        b'{"domainId": "dom_1", "title": "a", "id": "a/b"}',
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_content_that_is_not_valid_is_refused(box: Box, body: bytes) -> None:
    answer = box.call("POST", "/v1/content", box.token(18), body)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.body["error"]


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=" + "9" * 30,
        "page=102",
        "page=1.5",
        "limit=101",
        "limit=x",
        "limit=",
        "status=lost",
        "contentType=song",
        "search=%00",
        "search=" + "a" * 201,
        "domainId=a%00b",
        "domainId=%ff",
    ],
)
def test_questions_that_are_not_valid_are_refused(box: Box, query: str) -> None:
    answer = box.call("GET", f"/v1/content?{query}", box.token(11))
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("name", ["%00", "a%00b", "%ff%fe", "a b".replace(" ", "%20"), "x" * 129])
def test_ids_that_are_none_are_refused(box: Box, name: str) -> None:
    admin = box.token(10)
    for path, code in (("content", "VALIDATION_ERROR"), ("publishing/jobs", "INVALID_PARAMS")):
        answer = box.call("GET", f"/v1/{path}/{name}", admin)
        assert (answer.status, answer.code) == (400, code)


# Content.


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
    assert fact["seconds"] - 5 <= int(box.redis(f"TTL {key}")[0]) <= fact["seconds"]
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


# Publishing, as far as it needs no worker.


def test_targets_are_listed_and_added(box: Box) -> None:
    owner = box.token(OWNER)
    said = {"type": "wordpress", "config": {"url": "https://site6.example.com", "username": "x"}}
    path = "/v1/publishing/targets?domainId=dom_6"
    made, listed = box.calls(Call("POST", path, owner, said), Call("GET", path, owner))
    assert [list(row) for row in listed.body] == [["id", "type", "enabled", "created_at"]] * 2
    assert [row["id"] for row in listed.body] == ["target_6", made.body["id"]]
    query = f"SELECT config FROM publish_targets WHERE id = '{made.body['id']}'"
    assert json.loads(box.sql(query)[0]) == said["config"]


@pytest.mark.parametrize(
    "said",
    [
        {"type": "wordpress", "config": {}},
        {"type": "wordpress", "config": {"url": "http://site6.example.com"}},
        {"type": "wordpress", "config": {"url": "https://a:b@site6.example.com"}},
        {"type": "webhook", "config": {"url": "https://site6.example.com"}},
        {"type": "wordpress", "config": {"url": "https://site6.example.com"}, "more": 1},
    ],
)
def test_a_target_needs_a_kind_and_an_address_with_https(box: Box, said: dict[str, Any]) -> None:
    answer = box.call("POST", "/v1/publishing/targets?domainId=dom_6", box.token(OWNER), said)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


def test_jobs_and_targets_of_other_organizations_are_not_shown(box: Box) -> None:
    admin = box.token(ADMIN)
    for path in ("targets?domainId=dom_2", "jobs?domainId=dom_2", "jobs?domainId=none"):
        answer = box.call("GET", f"/v1/publishing/{path}", admin)
        assert (answer.status, answer.code) == (403, "DOMAIN_NOT_OWNED")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"contentId": "none", "targetId": "target_1"}, 404, "CONTENT_NOT_FOUND"),
        ({"contentId": "content_1", "targetId": "target_1"}, 403, "DOMAIN_NOT_OWNED"),
        ({"contentId": "content_10", "targetId": "target_6"}, 404, "NOT_FOUND"),
        (
            {"contentId": "content_10", "targetId": "target_1", "domainId": "dom_6"},
            404,
            "CONTENT_NOT_FOUND",
        ),
        ({"contentId": "content_10"}, 400, "VALIDATION_ERROR"),
        ({"contentId": "content_10", "targetId": "target_1", "domainId": None}, 400, None),
    ],
)
def test_a_job_needs_content_and_target_of_one_domain(
    box: Box, asked: dict[str, Any], status: int, code: str | None
) -> None:
    answer = box.call("POST", "/v1/publishing/jobs", box.token(3), asked)
    assert answer.status == status, answer
    assert code in (None, answer.code)


def test_a_job_for_a_disabled_target_is_refused(box: Box) -> None:
    box.sql("UPDATE publish_targets SET enabled = false WHERE id = 'target_5'")
    asked = {"contentId": "content_4", "targetId": "target_5"}
    answer = box.call("POST", "/v1/publishing/jobs", box.token(18), asked)
    assert (answer.status, answer.body["error"]) == (409, "Publish target is disabled")


def test_a_job_that_is_taken_waits_in_database_and_queue(box: Box) -> None:
    asked = {"contentId": "content_10", "targetId": "target_1", "domainId": "dom_1"}
    answer = box.call("POST", "/v1/publishing/jobs", box.token(OWNER), asked)
    assert answer.body == {"id": answer.body["id"], "status": "pending"}
    job_id = answer.body["id"]
    shown = box.call("GET", f"/v1/publishing/jobs/{job_id}", box.token(EDITOR)).body
    assert set(shown) == set(FACTS["shapes"]["job"]["fields"])
    assert (shown["status"], shown["region"]) == ("pending", FACTS["region"]["home"]["value"])
    (said,) = box.redis(f"HGET bull:publishing:{job_id} data")
    assert json.loads(said) == {
        **{"jobId": job_id, "domainId": "dom_1", "contentId": "content_10"},
        **{"targetId": "target_1", "region": "us-east-1"},
    }
    assert box.redis(f"ZSCORE bull:publishing:prioritized {job_id}") != [""]
    assert box.redis("TYPE bull:publishing:prioritized") == [
        FACTS["redis-keys"]["bull:<queue>:prioritized"]["type"]
    ]
    assert box.metric("api", 'queue_jobs{queue="publishing",state="prioritized"}') >= 1


def test_jobs_are_listed_newest_first(box: Box) -> None:
    rows = box.call("GET", "/v1/publishing/jobs?domainId=dom_2", box.token(5)).body
    assert len(rows) == 100
    fields = ["id", "content_id", "target_id", "status", "created_at", "published_at"]
    assert {tuple(row) for row in rows} == {tuple(fields)}
    times = [row["created_at"] for row in rows]
    assert times == sorted(times, reverse=True)


def test_a_job_is_not_queued_again_while_it_is_on_its_way_or_published(box: Box) -> None:
    admin = box.token(10)
    asked = {"contentId": "content_2", "targetId": "target_3"}
    waiting = box.call("POST", "/v1/publishing/jobs", admin, asked).body["id"]
    (published,) = box.sql(
        "SELECT id FROM publishing_jobs WHERE domain_id = 'dom_3' AND status = 'published' LIMIT 1"
    )
    for job_id, error in ((waiting, "Job is pending"), (published, "Job is published")):
        answer = box.call("POST", f"/v1/publishing/jobs/{job_id}/retry", admin)
        assert (answer.status, answer.body["error"]) == (409, error)
    for job_id in ("none", "job_1"):
        answer = box.call("POST", f"/v1/publishing/jobs/{job_id}/retry", box.token(18))
        assert (answer.status, answer.code) == (403, "ACCESS_DENIED")


def test_a_job_that_got_lost_on_its_way_is_queued_again(box: Box) -> None:
    asked = {"contentId": "content_2", "targetId": "target_3"}
    job_id = box.call("POST", "/v1/publishing/jobs", box.token(10), asked).body["id"]
    box.redis(f"ZREM bull:publishing:prioritized {job_id}")
    box.redis(f"DEL bull:publishing:{job_id}")
    answer = box.call("POST", f"/v1/publishing/jobs/{job_id}/retry", box.token(10))
    assert answer.body == {"ok": True}
    assert box.redis(f"ZSCORE bull:publishing:prioritized {job_id}") != [""]


def test_a_queue_that_is_too_long_takes_no_more(box: Box) -> None:
    most = FACTS["job"]["most waiting"]["value"]
    box.sql("UPDATE publish_targets SET region = 'full' WHERE id = 'target_4'")
    asked = {"contentId": "content_3", "targetId": "target_4"}
    box.shell(
        "ops", f"seq {most} | xargs redis-cli -h redis-1 RPUSH bull:publishing-full:wait >/dev/null"
    )
    assert box.call("POST", "/v1/publishing/jobs", box.token(13), asked).status == 200
    before = box.sql("SELECT count(*) FROM publishing_jobs")
    answer = box.call("POST", "/v1/publishing/jobs", box.token(13), asked)
    assert (answer.status, answer.code) == (503, "SERVICE_UNAVAILABLE")
    assert answer.body["error"] == "Queue publishing-full takes no more jobs"
    assert box.sql("SELECT count(*) FROM publishing_jobs") == before


# Administration.


def test_dead_letters_are_listed_by_organization_and_region(box: Box) -> None:
    admin = box.token(ADMIN)
    letters = box.call("GET", "/v1/admin/dlq", admin).body
    assert letters and {tuple(letter) for letter in letters} == {
        tuple(FACTS["shapes"]["dead-letter"]["fields"])
    }
    (count,) = box.sql("SELECT count(*) FROM publishing_dlq WHERE org_id = 'org_1'")
    assert len(letters) == int(count)
    limited = box.call("GET", "/v1/admin/dlq?limit=2&offset=1&region=us-east-1", admin).body
    assert limited == letters[1:3]
    assert box.call("GET", "/v1/admin/dlq?region=eu-west-1", admin).body == []


def test_a_dead_letter_is_removed_and_its_job_stays(box: Box) -> None:
    admin = box.token(ADMIN)
    letter, *_ = box.call("GET", "/v1/admin/dlq?limit=1", admin).body
    path = f"/v1/admin/dlq/{letter['jobId']}"
    other = box.call("DELETE", path, box.token(6))
    assert (other.status, other.text) == (204, "")
    query = f"SELECT count(*) FROM publishing_dlq WHERE publishing_job_id = '{letter['jobId']}'"
    assert box.sql(query) == ["1"]
    assert box.call("DELETE", path, admin).status == 204
    assert box.sql(query) == ["0"]
    assert box.sql(f"SELECT status FROM publishing_jobs WHERE id = '{letter['jobId']}'") == [
        "failed"
    ]


def test_retrying_a_dead_letter_queues_its_job_and_removes_the_letter(box: Box) -> None:
    admin = box.token(ADMIN)
    letter, *_ = box.call("GET", "/v1/admin/dlq?limit=1", admin).body
    job_id = letter["jobId"]
    path = f"/v1/admin/dlq/{job_id}/retry"
    assert box.call("POST", path, box.token(6)).body == {"success": True, "data": False}
    assert box.call("POST", path, admin).body == {"success": True, "data": True}
    assert box.sql(f"SELECT status FROM publishing_jobs WHERE id = '{job_id}'") == ["pending"]
    assert box.redis(f"ZSCORE bull:publishing:prioritized {job_id}") != [""]
    assert box.call("POST", path, admin).body == {"success": True, "data": False}


def test_queue_metrics_count_what_is_written(box: Box) -> None:
    owner = box.token(17)
    box.sql(
        "INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status) "
        "SELECT 'm' || n, 'dom_10', 'c', 't', (ARRAY['pending', 'published', 'failed', "
        "'published', 'published'])[n % 5 + 1] FROM generate_series(0, 9) AS n"
    )
    assert box.call("GET", "/v1/admin/queues/metrics", owner).body == {
        "publishing": {"backlog": 2, "errorRate": 0.25, "concurrency": "adaptive"},
        "search": {"backlog": 0, "errorRate": 0.0, "concurrency": "adaptive"},
    }


def test_a_flag_is_set_by_an_owner_for_one_organization(box: Box) -> None:
    owner, path = box.token(OWNER), "/v1/admin/flags/maintenance_mode"
    assert box.call("GET", path, owner).body == {"key": "maintenance_mode", "value": False}
    assert box.call("POST", path, owner, {"value": True}).body == {
        "ok": True,
        "key": "maintenance_mode",
    }
    mine, other, unset = box.calls(
        Call("GET", path, owner),
        Call("GET", path, box.token(5)),
        Call("GET", "/v1/admin/flags/never_set", owner),
    )
    values = [answer.body["value"] for answer in (mine, other, unset)]
    assert values == [True, False, False]
    for body in ({"value": "true"}, {"value": 1}, {"value": None}, {}):
        answer = box.call("POST", path, owner, body)
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


# How it is.


def test_probes_have_the_shapes_of_the_facts(box: Box) -> None:
    for path, name in (("/readyz", "readiness"), ("/livez", "liveness"), ("/health", "health")):
        answer = box.call("GET", path)
        assert answer.status == 200
        assert list(answer.body) == FACTS["shapes"][name]["fields"]
    assert box.call("GET", "/readyz").body["ready"] is True
    assert box.call("GET", "/health").body["status"] == "healthy"


def test_health_says_what_works_to_those_who_run_it(box: Box) -> None:
    found = box.call("GET", "/health/detailed", box.token(OWNER)).body
    assert found["services"] == {"database": True, "redis": True, "queues": True}
    assert found["details"]["redis"]["mode"] == "connected"
    assert set(found["details"]["queues"]) == {
        "status", "stalledJobs", "failedJobs", "pendingJobs",
    }  # fmt: skip


def test_stalled_jobs_degrade_and_do_not_take_it_out_of_service(box: Box) -> None:
    box.sql(
        "INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status, updated_at) "
        "SELECT 's' || n, 'dom_9', 'c', 't', 'publishing', now() - interval '31 minutes' "
        "FROM generate_series(1, 11) AS n"
    )
    answer = box.call("GET", "/health")
    assert (answer.status, answer.body["status"]) == (200, "degraded")
    assert box.call("GET", "/readyz").status == 200
    box.sql("DELETE FROM publishing_jobs WHERE id = 's1'")
    assert box.call("GET", "/health").body["status"] == "healthy"


def test_metrics_are_those_of_the_facts(box: Box) -> None:
    text = box.call("GET", "/metrics").text
    shown = set(re.findall(r"(?m)^# TYPE (\w+?)(?:_total)? (?:counter|gauge|histogram)$", text))
    ours = {name for name in shown if not name.startswith("process_")}
    assert ours == set(FACTS["metrics"])
    assert box.metric("api", 'dependency_up{service="postgresql"}') == 1
    assert box.metric("api", 'http_requests_total{method="GET",route="/metrics",status="200"}') > 0


def test_a_request_is_one_line_of_the_log_and_a_probe_none(box: Box) -> None:
    before = len(box.log("api"))
    box.calls(
        Call("GET", "/v1/content/content_5", box.token(VIEWER), headers={"X-Request-ID": "r-1"}),
        Call("GET", "/readyz"),
        Call("GET", "/v1/content", headers={"Authorization": "Bearer geheim"}),
    )
    first, second = box.log("api")[before:]
    assert {**first, "time": "", "ms": 0} == {
        **{"level": "info", "time": "", "service": "smartbeak-api"},
        **{"message": "request completed", "method": "GET", "path": "/v1/content/content_5"},
        **{"status": 200, "ms": 0, "userId": "user_4", "requestId": "r-1"},
    }
    assert (second["status"], second["userId"]) == (401, "")
    assert "geheim" not in json.dumps(second)


def test_requests_at_the_same_time_are_all_answered(box: Box) -> None:
    ask = (
        "seq 30 | xargs -P 15 -I{} curl -sS -o /dev/null -w '%{http_code} ' "
        f"-H 'Authorization: Bearer {box.token(20)}' http://api:3001/v1/content/content_14"
    )
    assert box.shell("ops", ask).split() == ["200"] * 30
