"""The simulated publish targets, each spoken to over a socket as its clients do."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import resource
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.conftest import ROOT

PROGRAM = ROOT / "examples/simulators/bin/simulator"
PASSWORD, TOKEN = "abcd efgh ijkl mnop", "a-token"
POSTS = "/wp-json/wp/v2/posts"
_PATIENCE_S = 20.0


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Running:
    """A target process, its files below a folder of their own."""

    def __init__(self, root: Path, process: subprocess.Popen[bytes], name: str, port: int) -> None:
        self.root, self.process, self.name, self.port = root, process, name, port
        self.state = root / "var/lib/target"
        self.log = root / "var/log/target/target.log"

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, data, named)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())

    def publish(self, slug: str, *, site: str = "site1.example.com", **fields: object) -> Reply:
        """A post as the platform's worker sends it to WordPress."""
        post = {"title": f"About {slug}", "content": "Text.", "status": "publish", "slug": slug}
        return self.call("POST", POSTS, {**post, **fields}, **signed(), Host=site)

    def share(self, key: str, **changes: str | None) -> Reply:
        """A post as the platform's worker sends it to LinkedIn; a header of None is left out."""
        headers: dict[str, str | None] = {
            "Host": "api.linkedin.com",
            "Authorization": f"Bearer {TOKEN}",
            "Content_Type": "application/json",
            "LinkedIn_Version": "202601",
            "X_Restli_Protocol_Version": "2.0.0",
            **changes,
        }
        kept = {name: value for name, value in headers.items() if value is not None}
        return self.call("POST", "/rest/posts", shared(key), **kept)

    def accepted(self, prefix: str = "") -> dict[str, int]:
        found: dict[str, int] = self.call("GET", f"/_drillbook/accepted?prefix={prefix}").json[
            "accepted"
        ]
        return found

    def plugin(self, script: str) -> None:
        folder = self.state / "plugins/after-save.d"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "50-plugin"
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)


def signed(password: str = PASSWORD) -> dict[str, str]:
    credentials = base64.b64encode(f"smartbeak:{password}".encode()).decode()
    return {"Authorization": f"Basic {credentials}", "Content_Type": "application/json"}


def shared(key: str) -> dict[str, object]:
    return {
        "author": "urn:li:organization:5515715",
        "commentary": f"Read about it: https://site1.example.com/{key}",
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED"},
        "lifecycleState": "PUBLISHED",
    }


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts targets and ends those that are left."""
    running: list[Running] = []

    def begin(
        name: str, *options: str, file_size: int | None = None, host: str = "127.0.0.1"
    ) -> Running:
        root = tmp_path / f"target-{len(running)}"
        (root / "run/secrets").mkdir(parents=True)
        (root / "run/secrets/wordpress").write_text(f"{PASSWORD}\n")
        (root / "run/secrets/linkedin").write_text(f"{TOKEN}\n")
        limit = (
            (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size)))
            if file_size
            else None
        )
        process = subprocess.Popen(
            [PROGRAM, name, "--port", "0", "--host", host, "--root", root, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=limit,
        )  # fmt: skip
        one = Running(root, process, name, 0)
        running.append(one)
        await_that(lambda: (root / "run/target.pid").exists() or process.poll() is not None)
        said = one.log.read_text() if one.log.exists() else ""
        found = re.search(rf"{name} listens on \S+:(\d+)", said)
        assert found, f"{said}{process.communicate(timeout=5)[0].decode()}"
        one.port = int(found[1])
        return one

    yield begin
    for one in running:
        one.process.kill()
        one.process.communicate()


@pytest.fixture
def wordpress(start: Start) -> Running:
    return start("wordpress", "--insecure")


@pytest.fixture
def linkedin(start: Start) -> Running:
    return start("linkedin", "--insecure")


def await_that(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "never became so"
        time.sleep(0.01)


def test_its_version_is_told() -> None:
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == "target 1.0\n"


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


def test_posts_that_come_at_once_are_all_kept_and_none_twice(wordpress: Running) -> None:
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda n: wordpress.publish(f"job_{n}"), range(20)))
    assert sorted(reply.json["id"] for reply in replies) == list(range(1, 21))
    assert wordpress.accepted() == {f"job_{n}": 1 for n in range(20)}
    records = [json.loads(line) for line in accepted_lines(wordpress)]
    assert {record["site"] for record in records} == {"site1.example.com"}
    assert {"key", "site", "title", "time"} <= set(records[0])


def test_a_plugin_that_kills_its_parent_drops_the_connection_of_an_accepted_post(
    wordpress: Running,
) -> None:
    wordpress.plugin("kill -KILL $PPID")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        wordpress.publish("job_1")
    assert wordpress.accepted() == {"job_1": 1}
    assert wordpress.process.poll() is None


def test_a_plugin_that_is_slow_makes_the_answer_slow(wordpress: Running) -> None:
    gate = wordpress.root / "gate"
    os.mkfifo(gate)
    wordpress.plugin(f"read -r _ <{gate}")
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(wordpress.publish, "job_1")
        await_that(lambda: wordpress.accepted() == {"job_1": 1})
        assert not reply.done()
        gate.write_text("go\n")
        assert reply.result(_PATIENCE_S).status == 201


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


def test_on_a_full_disk_a_post_is_kept_wholly_or_refused(start: Start) -> None:
    wordpress = start("wordpress", "--insecure", file_size=4096)
    answers = [wordpress.publish(f"job_{n}").status for n in range(40)]
    taken = answers.count(201)
    assert 0 < taken < 40
    assert answers == [201] * taken + [500] * (40 - taken)
    assert [json.loads(line)["key"] for line in accepted_lines(wordpress)] == [
        f"job_{n}" for n in range(taken)
    ]


def test_half_a_line_of_somebody_who_was_killed_is_taken_away(wordpress: Running) -> None:
    wordpress.publish("job_1")
    with (wordpress.state / "accepted.jsonl").open("a") as file:
        file.write('{"key": "job_half')
    assert wordpress.accepted() == {"job_1": 1}
    assert wordpress.publish("job_2").status == 201
    assert wordpress.accepted() == {"job_1": 1, "job_2": 1}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("DELETE", f"{POSTS}/1"), ("POST", f"{POSTS}/1"), ("GET", "/_drillbook/x")],
)
def test_a_route_that_is_not_simulated_says_so_and_is_recorded(
    wordpress: Running, method: str, path: str
) -> None:
    answer = wordpress.call(method, path)
    assert (answer.status, answer.json["message"]) == (501, f"{method} {path} is not simulated")
    assert wordpress.call("GET", "/_drillbook/unknown").json == {"unknown": [f"{method} {path}"]}


def test_what_belongs_to_the_drill_says_that_it_is_simulated(wordpress: Running) -> None:
    answer = wordpress.call("GET", "/_drillbook/accepted")
    assert answer.headers["server"] == "target/1.0 (simulated)"
    assert wordpress.call("GET", "/_drillbook/unknown").json == {"unknown": []}


def test_one_connection_serves_several_requests(wordpress: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", wordpress.port, timeout=_PATIENCE_S)
    with contextlib.closing(connection):
        sockets = set()
        for _ in range(3):
            connection.request("GET", POSTS)
            connection.getresponse().read()
            sockets.add(id(connection.sock))
    assert len(sockets) == 1 and connection.sock is None


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


def test_it_speaks_tls_with_its_own_certificate(start: Start, tmp_path: Path) -> None:
    authority = trustme.CA()
    tls = tmp_path / "target-0/run/tls"
    tls.mkdir(parents=True)
    certificate = authority.issue_cert("localhost", "site1.example.com")
    certificate.private_key_pem.write_to_path(tls / "localhost.key")
    for part in certificate.cert_chain_pems:
        part.write_to_path(tls / "localhost.crt", append=True)
    target = start("wordpress", host="localhost")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(target, ssl.create_default_context())
    # One that does not trust it, or speaks no TLS, does not disturb the next.
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        target.call("GET", "/_drillbook/accepted")
    assert ask(target, trusting) == b'{"accepted": {}}'


def ask(target: Running, context: ssl.SSLContext) -> bytes:
    connection = http.client.HTTPSConnection(
        "localhost", target.port, context=context, timeout=_PATIENCE_S
    )
    with contextlib.closing(connection):
        connection.request("GET", "/_drillbook/accepted")
        return connection.getresponse().read()


def test_sigterm_ends_it_at_once_with_all_that_it_started(wordpress: Running) -> None:
    pids = wordpress.root / "pids"
    wordpress.plugin(f"echo $$ $PPID >{pids}.new && mv {pids}.new {pids}; sleep 600")
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(wordpress.publish, "job_1")
        await_that(pids.exists)
        assert (wordpress.root / "run/target.pid").read_text() == f"{wordpress.process.pid}\n"
        wordpress.process.send_signal(signal.SIGTERM)
        assert wordpress.process.wait(_PATIENCE_S) == 0
        assert reply.exception(_PATIENCE_S)
    left = pids.read_text().split()
    await_that(lambda: not any(alive(int(pid)) for pid in left))
    assert not (wordpress.root / "run/target.pid").exists()


def test_a_listener_that_is_killed_takes_its_connections_along(wordpress: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", wordpress.port, timeout=_PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("GET", POSTS)
        assert connection.getresponse().read() == b"[]"
        sock = connection.sock
        wordpress.process.kill()
        wordpress.process.wait()
        assert sock.recv(1) == b""


def test_the_log_has_a_line_for_each_request(wordpress: Running) -> None:
    wordpress.publish("job_1")
    line = wordpress.log.read_text().splitlines()[-1]
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z 127\.0\.0\.1 site1\.example\.com "
        rf"'POST {POSTS} HTTP/1\.1' 201 \d+ms job_1",
        line,
    )


def accepted_lines(target: Running) -> list[str]:
    return (target.state / "accepted.jsonl").read_text().splitlines()


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
