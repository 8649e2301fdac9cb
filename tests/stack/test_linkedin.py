"""The simulated LinkedIn."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack.simulated import (
    TOKEN,
    Running,
    shared,
)


def test_linkedin_takes_a_post_and_tells_its_id(linkedin: Running) -> None:
    made = linkedin.share("job_1")
    assert (made.status, made.body) == (201, b"")
    assert re.fullmatch(r"urn:li:share:\d{19}", made.headers["x-restli-id"])
    linkedin.share("job_2")
    assert linkedin.accepted() == {"job_1": 1, "job_2": 1}


def test_linkedin_refuses_a_duplicate_and_says_of_what(linkedin: Running) -> None:
    first = linkedin.share("job_1").headers["x-restli-id"]
    again = linkedin.share("job_1")
    assert (again.status, again.json) == (
        422,
        {
            "errorDetailType": "com.linkedin.common.error.BadRequest",
            "message": "com.linkedin.content.common.exception.BadRequestResponseException: "
            f"Content is a duplicate of {first}",
            "errorDetails": {
                "inputErrors": [
                    {
                        "description": "Duplicate post is detected",
                        "input": {},
                        "code": "DUPLICATE_POST",
                    }
                ]
            },
            "status": 422,
        },
    )
    assert linkedin.accepted() == {"job_1": 1}


def test_linkedin_takes_one_of_equal_posts_that_come_at_once(linkedin: Running) -> None:
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda _: linkedin.share("job_1").status, range(10)))
    assert sorted(statuses) == [201] + [422] * 9
    assert linkedin.accepted() == {"job_1": 1}


@pytest.mark.parametrize(
    ("header", "value", "status", "code"),
    [
        ("Authorization", None, 401, "EMPTY_ACCESS_TOKEN"),
        ("Authorization", "Bearer wrong", 401, "INVALID_ACCESS_TOKEN"),
        ("LinkedIn_Version", None, 400, "VERSION_MISSING"),
        ("LinkedIn_Version", "1", 426, "NONEXISTENT_VERSION"),
        ("X_Restli_Protocol_Version", None, 400, "ILLEGAL_ARGUMENT"),
    ],
)
def test_linkedin_wants_a_token_and_versions(
    linkedin: Running, header: str, value: str | None, status: int, code: str
) -> None:
    refused = linkedin.share("job_1", **{header: value})
    assert (refused.status, refused.json["status"], refused.json["code"]) == (status, status, code)
    assert linkedin.accepted() == {}


def test_linkedin_names_the_fields_that_a_post_lacks(linkedin: Running) -> None:
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "LinkedIn_Version": "202601",
        "X_Restli_Protocol_Version": "2.0.0",
    }
    post = shared("job_1")
    del post["visibility"]
    lacking = linkedin.call("POST", "/rest/posts", post, **headers)
    assert (lacking.status, lacking.json["message"]) == (
        422,
        "ERROR :: /visibility :: field is required but not found and has no default value\n",
    )
    nothing = linkedin.call("POST", "/rest/posts", b"[1]", **headers)
    assert (nothing.status, nothing.json["code"]) == (400, "ILLEGAL_ARGUMENT")
    article = shared("ignored") | {
        "content": {"article": {"source": "https://site1.example.com/job_9/", "title": "A title"}}
    }
    assert linkedin.call("POST", "/rest/posts", article, **headers).status == 201
    assert linkedin.accepted() == {"job_9": 1}


def test_linkedin_takes_no_more_than_its_rate(linkedin: Running) -> None:
    linkedin.state.mkdir(parents=True, exist_ok=True)
    (linkedin.state / "rate").write_text("3 3600\n")
    statuses = [linkedin.share(f"job_{n}").status for n in range(5)]
    assert statuses == [201, 201, 201, 429, 429]
    assert linkedin.share("job_9").json == {
        "status": 429,
        "serviceErrorCode": 101,
        "code": "TOO_MANY_REQUESTS",
        "message": "Resource level throttle APPLICATION DAY limit for calls to this resource is "
        "reached.",
    }
    (linkedin.state / "rate").unlink()
    assert linkedin.share("job_9").status == 201
