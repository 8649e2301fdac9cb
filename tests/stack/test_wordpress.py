"""The simulated WordPress."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack.simulated import (
    PASSWORD,
    POSTS,
    Running,
    accepted_lines,
    signed,
)


def test_wordpress_creates_a_post_and_finds_it_by_slug_and_by_number(wordpress: Running) -> None:
    made = wordpress.publish("job_1")
    assert made.status == 201
    assert made.headers["location"] == f"https://site1.example.com{POSTS}/1"
    post = made.json
    shown = {name: post[name] for name in ("id", "slug", "status", "type", "link", "title")}
    assert shown == {
        "id": 1,
        "slug": "job_1",
        "status": "publish",
        "type": "post",
        "link": "https://site1.example.com/job_1/",
        "title": {"rendered": "About job_1"},
    }
    site = {"Host": "site1.example.com:443"}
    found = wordpress.call("GET", f"{POSTS}?slug=job_1", **site)
    assert (found.status, found.json) == (200, [post])
    assert (found.headers["x-wp-total"], found.headers["x-wp-totalpages"]) == ("1", "1")
    assert wordpress.call("GET", f"{POSTS}/1", **site).json == post


def test_a_post_is_only_on_the_site_it_was_posted_to(wordpress: Running) -> None:
    wordpress.publish("job_1", site="site1.example.com")
    elsewhere = {"Host": "site2.example.com"}
    assert wordpress.call("GET", f"{POSTS}?slug=job_1", **elsewhere).json == []
    missing = wordpress.call("GET", f"{POSTS}/1", **elsewhere)
    assert (missing.status, missing.json) == (
        404,
        {"code": "rest_post_invalid_id", "message": "Invalid post ID.", "data": {"status": 404}},
    )


def test_a_doubled_post_gets_another_slug_and_is_counted_twice(wordpress: Running) -> None:
    slugs = [wordpress.publish("job_1").json["slug"] for _ in range(3)]
    wordpress.publish("job_2")
    wordpress.publish("other")
    assert slugs == ["job_1", "job_1-2", "job_1-3"]
    assert wordpress.accepted() == {"job_1": 3, "job_2": 1, "other": 1}
    assert wordpress.accepted(prefix="job_") == {"job_1": 3, "job_2": 1}
    assert len(wordpress.call("GET", f"{POSTS}?slug=job_1", Host="site1.example.com").json) == 1


def test_the_newest_posts_come_first_and_page_by_page(wordpress: Running) -> None:
    for number in range(5):
        wordpress.publish(f"job_{number}")
    page = wordpress.call("GET", f"{POSTS}?per_page=2&page=2", Host="site1.example.com")
    assert [post["slug"] for post in page.json] == ["job_2", "job_1"]
    assert (page.headers["x-wp-total"], page.headers["x-wp-totalpages"]) == ("5", "3")
    beyond = wordpress.call("GET", f"{POSTS}?per_page=2&page=4", Host="site1.example.com")
    assert (beyond.status, beyond.json["code"]) == (400, "rest_post_invalid_page_number")


def test_a_draft_shows_only_to_who_may_see_it(wordpress: Running) -> None:
    wordpress.publish("job_1", status="draft")
    site = {"Host": "site1.example.com"}
    assert wordpress.call("GET", f"{POSTS}?slug=job_1", **site).json == []
    refused = wordpress.call("GET", f"{POSTS}?slug=job_1&status=draft", **site)
    assert (refused.status, refused.json["data"]["params"]) == (
        400,
        {"status": "Status is forbidden."},
    )
    seen = wordpress.call("GET", f"{POSTS}?slug=job_1&status=any", **site, **signed())
    assert [post["status"] for post in seen.json] == ["draft"]


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"status": "live"}, "rest_invalid_param", "Invalid parameter(s): status"),
        ({"title": "", "content": ""}, "empty_content", "Content, title, and excerpt are empty."),
    ],
)
def test_wordpress_says_what_is_wrong_with_a_post(
    wordpress: Running, fields: dict[str, str], code: str, message: str
) -> None:
    refused = wordpress.publish("job_1", **fields)
    assert (refused.status, refused.json["code"], refused.json["message"]) == (400, code, message)
    assert wordpress.accepted() == {}


def test_an_invalid_parameter_is_explained_as_the_rest_api_does(wordpress: Running) -> None:
    words = "status is not one of publish, future, draft, pending, and private."
    assert wordpress.publish("job_1", status="live").json == {
        "code": "rest_invalid_param",
        "message": "Invalid parameter(s): status",
        "data": {
            "status": 400,
            "params": {"status": words},
            "details": {"status": {"code": "rest_not_in_enum", "message": words, "data": None}},
        },
    }


def test_a_body_that_is_no_json_is_refused_and_a_form_is_taken(wordpress: Running) -> None:
    refused = wordpress.call("POST", POSTS, b"{title", **signed())
    assert (refused.status, refused.json["code"]) == (400, "rest_invalid_json")
    form = signed() | {"Content_Type": "application/x-www-form-urlencoded"}
    made = wordpress.call("POST", POSTS, b"title=A+form&content=Text", **form)
    assert (made.status, made.json["slug"], made.json["status"]) == (201, "a-form", "draft")


def test_nobody_posts_to_wordpress_without_the_application_password(wordpress: Running) -> None:
    nobody = wordpress.call("POST", POSTS, {"title": "x"}, Content_Type="application/json")
    assert (nobody.status, nobody.json) == (
        401,
        {
            "code": "rest_cannot_create",
            "message": "Sorry, you are not allowed to create posts as this user.",
            "data": {"status": 401},
        },
    )
    wrong = wordpress.call("POST", POSTS, {"title": "x"}, **signed("abcd"))
    assert (wrong.status, wrong.json["code"]) == (401, "incorrect_password")
    without_gaps = wordpress.call(
        "POST", POSTS, {"title": "x"}, **signed(PASSWORD.replace(" ", ""))
    )
    assert without_gaps.status == 201


def test_a_new_password_counts_at_once(wordpress: Running) -> None:
    (wordpress.root / "run/secrets/wordpress").write_text("another\n")
    assert wordpress.publish("job_1").status == 401
    assert wordpress.call("POST", POSTS, {"title": "x"}, **signed("another")).status == 201


def test_a_site_whose_owner_changed_its_password_refuses_the_usual_one(wordpress: Running) -> None:
    changed = wordpress.root / "var/lib/target/passwords"
    changed.mkdir(parents=True)
    (changed / "site2.example.com").write_text("its own\n")
    assert wordpress.publish("job_1").status == 201
    (changed / "site1.example.com").write_text("its own\n")
    assert wordpress.publish("job_2").status == 401
    asked = {**signed("its own"), "Host": "site1.example.com"}
    assert wordpress.call("POST", POSTS, {"title": "x"}, **asked).status == 201


def test_posts_that_come_at_once_are_all_kept_and_none_twice(wordpress: Running) -> None:
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda n: wordpress.publish(f"job_{n}"), range(20)))
    assert sorted(reply.json["id"] for reply in replies) == list(range(1, 21))
    assert wordpress.accepted() == {f"job_{n}": 1 for n in range(20)}
    records = [json.loads(line) for line in accepted_lines(wordpress)]
    assert {record["site"] for record in records} == {"site1.example.com"}
    assert {"key", "site", "title", "time"} <= set(records[0])


def test_a_plugin_that_fails_is_an_error_after_the_post_was_saved(wordpress: Running) -> None:
    wordpress.plugin("[[ $POST_ID:$POST_KEY:$POST_SITE == 1:job_1:site1.example.com ]] && exit 7")
    failed = wordpress.publish("job_1")
    assert (failed.status, failed.json) == (
        500,
        {
            "code": "internal_server_error",
            "message": "There has been a critical error on this website.",
            "data": {"status": 500},
            "additional_errors": [],
        },
    )
    assert wordpress.accepted() == {"job_1": 1}
    assert "plugin 50-plugin: status 7" in wordpress.log.read_text()
    (wordpress.state / "plugins/after-save.d/50-plugin").chmod(0o644)
    assert wordpress.publish("job_2").status == 201


def test_a_store_that_cannot_be_written_is_a_database_that_is_away(wordpress: Running) -> None:
    wordpress.state.mkdir(parents=True, exist_ok=True)
    (wordpress.state / "accepted.jsonl").mkdir()
    away = wordpress.publish("job_1")
    assert (away.status, away.json) == (
        500,
        {
            "code": "wp_die",
            "message": "<h1>Error establishing a database connection</h1>",
            "data": {"status": 500},
            "additional_errors": [],
        },
    )
    page = wordpress.call("GET", POSTS)
    assert (page.status, page.headers["content-type"]) == (500, "text/html; charset=UTF-8")
    assert b"<h1>Error establishing a database connection</h1>" in page.body
    (wordpress.state / "accepted.jsonl").rmdir()
    assert wordpress.publish("job_1").status == 201
