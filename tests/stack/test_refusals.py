"""What the API refuses, and in which words."""

from __future__ import annotations

import pytest

from tests.stack.box import ADMIN, FACTS, VIEWER, Box, Call


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
        "target with an inside address": Call(
            "POST",
            "/v1/publishing/targets?domainId=dom_1",
            admin,
            {"type": "wordpress", "config": {"url": "https://10.0.0.1"}},
        ),
        "content of another organization": Call("GET", "/v1/content/content_1", admin),
        "job of another organization": Call("GET", "/v1/publishing/jobs/job_1", admin),
        "no such content": Call("GET", "/v1/content/none", admin),
    }
    for (name, _), answer in zip(cases.items(), box.calls(*cases.values()), strict=True):
        fact = FACTS["refusals"][name]
        assert (answer.status, answer.code) == (fact["status"], fact["code"]), name
    others = {"path without /v1", "body over 10 MB", "too many requests"}
    others |= {"write of a read-only organization"}
    assert set(FACTS["refusals"]) - set(cases) - others == {"PostgreSQL or Redis away"}


WRITES = (
    ("POST", "/v1/content", {"domainId": "dom_6", "title": "a"}),
    ("PATCH", "/v1/content/content_1995", {"title": "b"}),
    ("DELETE", "/v1/content/content_1995", None),
    ("POST", "/v1/content/content_1995/publish", None),
    ("POST", "/v1/publishing/jobs", {"contentId": "content_5", "targetId": "target_6"}),
)
"""What an organization that does not pay may not do."""


def test_who_does_not_pay_can_read_and_not_write(box: Box) -> None:
    fact, admin = FACTS["refusals"]["write of a read-only organization"], box.token(ADMIN)
    unpaid = "UPDATE subscriptions SET status = %s, grace_until = %s WHERE org_id = 'org_1'"
    # A row that no event told of: nobody is locked out by it.
    box.sql(unpaid % ("'past_due'", "NULL"))
    made = Call("POST", "/v1/content", admin, {"domainId": "dom_6", "title": "a"})
    assert box.calls(made)[0].status == 200
    for status in ("past_due", "unpaid", "cancelled"):
        box.sql(unpaid % (f"'{status}'", "now()"))
        calls = [Call(method, path, admin, body) for method, path, body in WRITES]
        for call, answer in zip(calls, box.calls(*calls), strict=True):
            assert (answer.status, answer.code) == (fact["status"], fact["code"]), call
            assert "read-only" in answer.body["error"], call
        assert box.call("GET", "/v1/content?limit=1", admin).status == 200
    # One subscription that is paid is enough.
    box.sql(
        "INSERT INTO subscriptions (id, org_id, plan_id, status) "
        "VALUES ('sub_second', 'org_1', 'plan_pro', 'active')"
    )
    assert box.calls(made)[0].status == 200
    box.sql("DELETE FROM subscriptions WHERE id = 'sub_second'")
    box.sql(unpaid % ("'active'", "NULL"))


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
