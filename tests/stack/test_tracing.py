"""Spans of the platform, and the arrows that are read from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drillbook.sandboxes.local import LocalBackend
from smartbeak import arrows
from smartbeak.process import tracing
from tests.stack.box import PLATFORM, Box, eventually

FOLDER = "/var/lib/otel"
OBSERVED = f"/opt/smartbeak/platform/bin/observed-arrows {FOLDER}/*.jsonl"


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    services = ["db-1", "redis-1", "api", "web", "worker", "worker-eu", "wordpress", "linkedin"]
    box = Box(local_backend, services, {"OTEL_EXPORTER_OTLP_ENDPOINT": f"file://{FOLDER}"})
    yield box
    box.close()


def publish(box: Box, content: str, target: str, domain: str, user: int) -> None:
    """Has content published."""
    asked = {"contentId": content, "targetId": target, "domainId": domain}
    job_id = box.call("POST", "/v1/publishing/jobs", box.token(user), asked).body["id"]
    status = f"SELECT status FROM publishing_jobs WHERE id = '{job_id}'"
    eventually(lambda: box.sql(status), ["published"])


def test_what_a_request_leads_to_is_seen_once_each_and_nothing_else(box: Box) -> None:
    publish(box, "content_10", "target_1", "dom_1", 3)
    box.call("GET", "/v1/content/content_10", box.token(4))
    box.call("GET", "/v1/content/content_10", "no-token")
    box.call("GET", "/v1/nothing/content_10", box.token(4))

    def but_postgresql() -> list[str]:
        seen = box.shell("ops", OBSERVED).splitlines()
        assert seen == sorted(set(seen))
        return [line for line in seen if " -> postgresql : " not in line]

    # A worker is not yet done with a job that is published.
    wanted = [
        "api -> queue publishing : add",
        "api -> redis : EVALSHA bull:publishing:*",
        "api -> redis : EVALSHA cache:*",
        "api -> redis : GET cache:*",
        "api -> redis : MGET jwt:*",
        "client -> api : GET /v1/content/{id}",
        "client -> api : POST /v1/publishing/jobs",
        "queue publishing -> worker : process",
        "worker -> redis : BZPOPMIN bull:publishing:*",
        "worker -> redis : EVAL lock:*",
        "worker -> redis : EVALSHA bull:publishing:*",
        "worker -> redis : SET lock:*",
        "worker -> wordpress : GET /wp-json/wp/v2/posts",
        "worker -> wordpress : POST /wp-json/wp/v2/posts",
        "worker-eu -> redis : EVALSHA bull:publishing-eu-west-1:*",
    ]
    eventually(but_postgresql, wanted)
    seen = box.shell("ops", OBSERVED).splitlines()
    assert "api -> postgresql : INSERT publishing_jobs" in seen
    assert "worker -> postgresql : UPDATE publishing_jobs" in seen


def test_another_region_has_a_queue_and_a_worker_of_its_own(box: Box) -> None:
    box.sql("UPDATE publish_targets SET region = 'eu-west-1', type = 'linkedin', config = "
            """'{"url": "https://api.linkedin.com"}' WHERE id = 'target_2'""")  # fmt: skip
    publish(box, "content_11", "target_2", "dom_2", 7)
    wanted = {
        "api -> queue publishing-eu-west-1 : add",
        "queue publishing-eu-west-1 -> worker-eu : process",
        "worker-eu -> linkedin : POST /rest/posts",
    }
    seen = eventually(lambda: {*box.shell("ops", OBSERVED).splitlines()}, wanted.issubset)
    assert not any(line.startswith("worker -> linkedin") for line in seen)


def test_a_webhook_is_from_its_provider(box: Box) -> None:
    post = "curl --silent --request POST --data '{}' http://web:3000/api/webhooks/"
    box.shell("ops", "".join(f"{post}{name}; " for name in ("stripe", "paddle", "clerk")))
    seen = box.shell("ops", OBSERVED).splitlines()
    for name in ("clerk", "paddle", "stripe"):
        assert f"{name} -> web : POST /api/webhooks/{name}" in seen


def test_spans_hold_no_secret_and_no_token(box: Box) -> None:
    key, password = "/run/secrets/jwt-key-1", "/run/secrets/smartbeak"
    token = box.token(4)
    box.call("GET", "/v1/content/content_10", token)
    text = box.shell("ops", f"cat {FOLDER}/*.jsonl")
    for secret in (token, *(box.shell("ops", f"cat {file}").strip() for file in (key, password))):
        assert secret not in text


def test_a_folder_that_is_not_there_ends_the_start(box: Box) -> None:
    start = (
        "OTEL_EXPORTER_OTLP_ENDPOINT=file:///nowhere NODE_ENV=production LOG_LEVEL=info "
        "CONTROL_PLANE_DB=postgres://db-1/x REDIS_URL=redis://redis-1 STRIPE_WEBHOOK_SECRET=abc1 "
        "PADDLE_WEBHOOK_SECRET=abc2 CLERK_WEBHOOK_SECRET=abc3 python3 -m smartbeak.web; echo $?"
    )
    said, status = box.shell("web", start).splitlines()
    assert status == "1"
    assert json.loads(said)["error"] == (
        "OTEL_EXPORTER_OTLP_ENDPOINT: [Errno 2] No such file or directory: '/nowhere/web.jsonl'"
    )


@pytest.mark.parametrize(
    ("command", "group"),
    [
        (("GET", "cache:content:content_10"), "cache:*"),
        (("MGET", ["jwt:revoked:1", "jwt:user:2"]), "jwt:*"),
        (("EVALSHA", "f00", 2, "bull:feedback:wait", "bull:feedback:x", "9"), "bull:feedback:*"),
        (("EVALSHA", "f00", 0, "cache:x"), ""),
        (("EVAL", "return 1", 1, b"lock:publish:1"), "lock:*"),
        (("SCRIPT LOAD", "local a = KEYS[1]:b"), ""),
        (("CLIENT SETNAME", "bull:publishing:w"), ""),
        (("PING",), ""),
    ],
)
def test_a_command_is_about_the_beginning_of_its_first_key(
    command: tuple[Any, ...], group: str
) -> None:
    assert tracing.key_group(command) == group


def line(service: str, name: str, kind: int, **about: str) -> str:
    """A line of spans with one in it."""
    said = [{"key": key, "value": {"stringValue": value}} for key, value in about.items()]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    span = {"name": name, "kind": kind, "attributes": said}
    return json.dumps(
        {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    )


@pytest.mark.parametrize(
    ("statement", "operation"),
    [
        ("SELECT extract(epoch FROM now()) FROM content_items FOR UPDATE", "SELECT content_items"),
        ("insert into publishing_dlq (id) SELECT 1", "INSERT publishing_dlq"),
        ("WITH x AS (SELECT 1) UPDATE publishing_jobs SET a = 1", "SELECT publishing_jobs"),
        ("DELETE FROM publishing_dlq WHERE id = 'cache:1'", "DELETE publishing_dlq"),
        ("SELECT 1", ""),
        ("BEGIN", ""),
        ("", ""),
    ],
)
def test_a_statement_is_named_by_its_command_and_table(statement: str, operation: str) -> None:
    found = arrows.arrows(
        [line("api", "x", 3, **{"db.system": "postgresql", "db.statement": statement})]
    )
    assert found == ({f"api -> postgresql : {operation}"} if operation else set())


def test_a_target_without_a_name_is_its_host() -> None:
    said = {"http.method": "GET", "http.url": "https://site1.example.com/a/b?slug=secret"}
    assert arrows.arrows([line("worker", "GET", 3, **said)]) == {
        "worker -> site1.example.com : GET /a/b"
    }


def test_the_last_line_may_be_cut_off_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = line("web", "POST /a", 2, **{"peer.service": "stripe"})
    file = tmp_path / "web.jsonl"
    file.write_text(f"{whole}\n{whole[:50]}")
    assert arrows.main([str(file)]) == 0
    assert capsys.readouterr().out == "stripe -> web : POST /a\n"
    file.write_text(f"{whole[:50]}\n{whole}\n")
    assert arrows.main([str(file)]) == 1
    assert capsys.readouterr().err.startswith(f"{file}: not a line of spans: ")
    file.write_text('{"resourceLogs": []}\n')
    assert arrows.main([str(file)]) == 1
    assert "not a request of OTLP with spans" in capsys.readouterr().err


def test_without_a_file_it_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert arrows.main([]) == 2
    assert capsys.readouterr().err == "usage: python3 -m smartbeak.arrows FILE...\n"
    assert arrows.main([str(PLATFORM / "nothing")]) == 1
