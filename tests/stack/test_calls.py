"""One kept HTTP connection: when it is new, what an error says, what users see."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from smartbeak_drills.users.calls import Answer, CallError, Line
from smartbeak_drills.users.platform import Platform, check_in_time
from smartbeak_drills.users.roster import Roster, User

USER = User("u", "o", "admin")


class Handler(BaseHTTPRequestHandler):
    """Answers by path; remembers connections and tokens."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        token = self.headers.get("authorization", "")
        self.server.seen.append((self.client_address[1], self.path, token))
        status, body = 200, {"path": self.path}
        if self.path == "/full":
            status, body = 503, {"error": "Service temporarily unavailable", "code": "AWAY"}
        if self.path.startswith("/v1/missing/"):
            status, body = 404, {"error": "Not found", "code": "NOT_FOUND"}
        if self.path == "/plain":
            status, body = 500, {}
        if self.path == "/slow":
            self.server.stop.wait(600)
        if self.path == "/once" and token != self.server.good:
            status, body = 401, {"error": "Unauthorized", "code": "AUTH"}
        data = b"oh\n no" if self.path == "/plain" else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = self.path == "/quiet-end"

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        self.server.seen.append((0, self.path, self.rfile.read(length).decode()))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """The other side."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[int, str, str]] = []
        self.good = ""
        self.stop = threading.Event()
        self.closed = threading.Event()
        """Set once it has closed a connection."""

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.closed.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.stop.set()
        made.shutdown()
        thread.join()


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    made = Line(server.url, timeout_s=180)
    yield made
    made.close()


def test_a_connection_is_kept(server: Server, line: Line) -> None:
    assert line.call("GET", "/a").body == {"path": "/a"}
    line.call("GET", "/b", token="t")
    (first, _, _), (second, _, token) = server.seen
    assert (first == second, token) == (True, "Bearer t")


def test_a_body_is_json_and_an_answer_may_have_none(server: Server, line: Line) -> None:
    answer = line.call("POST", "/a", body={"x": 1})
    assert (answer.status, answer.body) == (204, None)
    assert server.seen[0][2] == '{"x": 1}'


def test_a_connection_that_the_other_side_ended_is_no_error(server: Server, line: Line) -> None:
    line.call("GET", "/quiet-end")
    assert server.closed.wait(180)
    line.call("GET", "/again")
    assert server.seen[-1][0] != server.seen[0][0]


@pytest.mark.parametrize(
    ("path", "text", "status"),
    [
        ("/full", "GET /full: 503 Service temporarily unavailable (AWAY)", 503),
        ("/plain", "GET /plain: 500 oh no", 500),
        ("/once", "GET /once: 401 Unauthorized (AUTH)", 401),
    ],
)
def test_an_error_says_what_the_platform_says(
    line: Line, server: Server, path: str, text: str, status: int
) -> None:
    server.good = "nobody's"
    with pytest.raises(CallError) as caught:
        line.call("GET", path)
    assert (caught.value.text, caught.value.status, caught.value.seen) == (text, status, True)


def test_the_same_trouble_with_another_piece_is_the_same_text(line: Line) -> None:
    said = set()
    for piece in ("content_1", "1363d2e3-d082-45c0-9c65-333e5f9fc1ba"):
        with pytest.raises(CallError) as caught:
            line.call("GET", f"/v1/missing/{piece}/there?page=2")
        said.add(caught.value.text)
    assert said == {"GET /v1/missing/:id/there: 404 Not found (NOT_FOUND)"}


def test_a_refused_connection_and_one_without_an_answer_are_told_apart(server: Server) -> None:
    with pytest.raises(CallError) as caught:
        Line("http://127.0.0.1:9", timeout_s=180).call("GET", "/")
    assert (caught.value.text, caught.value.seen) == (
        "http://127.0.0.1:9: Connection refused", True,
    )  # fmt: skip
    with contextlib.closing(Line(server.url, timeout_s=0.1)) as slow:
        with pytest.raises(CallError) as caught:
            slow.call("GET", "/slow")
        text = f"no answer from {server.url} within 0.1 s"
        assert (caught.value.text, caught.value.seen, caught.value.status) == (text, False, 0)


def test_a_token_that_is_no_longer_taken_is_made_anew_once(
    server: Server, line: Line, tmp_path: Path
) -> None:
    config, key = tmp_path / "env", tmp_path / "key"
    config.write_text("JWT_AUDIENCE=a\nJWT_ISSUER=i\n")
    key.write_text("k" * 40)
    roster = Roster([USER], config, key)
    platform = Platform(server.url, roster, lambda: NotImplemented)
    server.good = f"Bearer {roster.token(USER)}"
    platform.call(line, USER, "GET", "/once")
    assert len(server.seen) == 1
    server.good = "none of ours"
    with pytest.raises(CallError, match="401"):
        platform.call(line, USER, "GET", "/once")
    tokens = [token for _, _, token in server.seen[1:]]
    assert (len(tokens), len(set(tokens))) == (2, 2)


def test_an_answer_that_took_too_long_does_not_serve() -> None:
    check_in_time(Answer(200, None, 0.9))
    with pytest.raises(CallError, match="took longer than 1 s"):
        check_in_time(Answer(200, None, 0.1), Answer(200, None, 1.1))
