"""What all simulators do: keep, refuse, record, end."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from tests.processes import runs
from tests.stack.simulated import (
    PATIENCE_S,
    POSTS,
    PROGRAM,
    Running,
    Start,
    accepted_lines,
    await_that,
)


def test_its_version_is_told() -> None:
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == "simulator 1.0\n"


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
        assert reply.result(PATIENCE_S).status == 201


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
    assert answer.headers["server"] == "simulator/1.0 (simulated)"
    assert wordpress.call("GET", "/_drillbook/unknown").json == {"unknown": []}


def test_one_connection_serves_several_requests(wordpress: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", wordpress.port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        sockets = set()
        for _ in range(3):
            connection.request("GET", POSTS)
            connection.getresponse().read()
            sockets.add(id(connection.sock))
    assert len(sockets) == 1 and connection.sock is None


def test_it_speaks_tls_with_its_own_certificate(start: Start, tmp_path: Path) -> None:
    authority = trustme.CA()
    tls = tmp_path / "simulator-0/run/tls"
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
        "localhost", target.port, context=context, timeout=PATIENCE_S
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
        assert wordpress.process.wait(PATIENCE_S) == 0
        assert reply.exception(PATIENCE_S)
    left = pids.read_text().split()
    await_that(lambda: not any(runs(pid) for pid in left))
    assert not (wordpress.root / "run/target.pid").exists()


def test_a_listener_that_is_killed_takes_its_connections_along(wordpress: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", wordpress.port, timeout=PATIENCE_S)
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
