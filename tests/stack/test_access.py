"""Who gets in, and which roles may do what."""

from __future__ import annotations

import pytest

from tests.stack.box import FACTS, Box, Call, example


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
    call = Call("POST", "/v1/publishing/jobs", token, asked)
    *answers, refused = box.in_one_window(call, most + 1)
    assert {answer.status for answer in answers} == {404}
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    assert left == list(reversed(range(most)))
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {str(most)}
    assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert refused.body["retryAfter"] == int(refused.headers["retry-after"]) <= 60
    assert box.call("POST", "/v1/publishing/jobs", other, asked).status == 404
    assert box.call("GET", "/v1/publishing/jobs?domainId=dom_4", token).status == 200
