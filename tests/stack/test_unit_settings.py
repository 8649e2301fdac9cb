"""What a process of the reference platform is told, and what it says."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from smartbeak.process import logs, settings
from smartbeak.process.settings import SettingsError, load
from tests.stack.box import FACTS, PLATFORM

BASE = {
    "NODE_ENV": "production",
    "LOG_LEVEL": "info",
    "CONTROL_PLANE_DB": "postgres://smartbeak@db-1:5432/smartbeak",
    "REDIS_URL": "redis://redis-1:6379/0",
    "HOSTNAME": "api",
}
API = {**BASE, "JWT_KEY_1": "a" * 32, "JWT_KEY_2": "b" * 32}
WEB = {
    **BASE,
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
    "PADDLE_WEBHOOK_SECRET": "pdl_1",
    "CLERK_WEBHOOK_SECRET": "whsec_2",
}
WORKER = {**BASE, "WORDPRESS_APP_PASSWORD": "abcd efgh", "LINKEDIN_TOKEN": "token-1"}


def trouble(environ: dict[str, str], role: str = "api") -> str:
    with pytest.raises(SettingsError) as raised:
        load(environ, role)
    return str(raised.value)


def test_without_more_the_settings_are_those_of_production() -> None:
    found = load(API, "api")
    assert (found.service, found.host, found.port) == ("smartbeak-api", "api", 3001)
    assert (found.jwt_audience, found.jwt_issuer) == ("smartbeak", "smartbeak-api")
    assert (found.pool_size, found.legacy_paths, found.limited) == (20, "redirect", True)
    assert found.region == "us-east-1"
    assert found.jwt_keys == ("a" * 32, "b" * 32)
    assert load(WEB, "web").port == 3000
    assert load(WORKER, "worker").port == 9464


def test_jobs_are_tried_as_the_facts_say() -> None:
    jobs, facts = load(WORKER, "worker").jobs, FACTS["job"]
    assert {
        "concurrency": jobs.concurrency,
        "attempts": jobs.attempts,
        "backoff.delay": jobs.retry_delay_ms,
        "removeOnComplete.count": jobs.keep_completed,
        "removeOnFail.count": jobs.keep_failed,
        "stalledInterval": jobs.stalled_interval_ms,
        "lockDuration": jobs.lock_duration_ms,
        "limiter.max": jobs.rate_max,
        "limiter.duration": jobs.rate_duration_ms,
    } == {name: fact["value"] for name, fact in facts.items() if "variable" in fact}


@pytest.mark.parametrize(
    "name", [name for name, fact in FACTS["job"].items() if "variable" in fact]
)
def test_each_number_of_a_job_has_the_variable_that_the_facts_name(name: str) -> None:
    variable = FACTS["job"][name]["variable"]
    value = "7" if variable in ("JOB_WORKER_CONCURRENCY", "JOB_MAX_RETRIES") else "7777"
    before, after = load(WORKER, "worker").jobs, load({**WORKER, variable: value}, "worker").jobs
    changed = {
        field: (getattr(before, field), getattr(after, field))
        for field in before.__dataclass_fields__
        if getattr(before, field) != getattr(after, field)
    }
    assert len(changed) == 1, changed
    assert next(iter(changed.values()))[0] == FACTS["job"][name]["value"]


def test_the_variables_are_facts_or_said_to_be_ours() -> None:
    known = set(FACTS["variables"]) | set(FACTS["stand-in"])
    assert known >= settings.VARIABLES
    assert set(FACTS["variables"]) <= settings.VARIABLES


def test_all_that_is_wrong_is_said_at_once_and_no_value_of_a_secret() -> None:
    said = trouble(
        {
            **API,
            "CONTROL_PLANE_DB": " ",
            "JWT_KEY_1": "your_jwt_key_goes_here_and_is_long_enough",
            "JWT_KEY_2": "new_key_1",
            "DB_POOL_SIZE": "many",
            "LOG_LEVEL": "loud",
        }
    )
    assert said == (
        "CONTROL_PLANE_DB is not set; JWT_KEY_1 is a placeholder; "
        "JWT_KEY_2 has fewer than 32 characters; "
        "DB_POOL_SIZE is 'many', not a number from 1 to 100; "
        "LOG_LEVEL is 'loud', not one of debug, info, warn, error, fatal"
    )
    assert "new_key_1" not in said and "goes_here" not in said


@pytest.mark.parametrize("name", ["NODE_ENV", "LOG_LEVEL", "CONTROL_PLANE_DB", "REDIS_URL"])
def test_what_every_process_needs(name: str) -> None:
    for environ, role in ((API, "api"), (WEB, "web"), (WORKER, "worker")):
        assert trouble({**environ, name: ""}, role) == f"{name} is not set"


@pytest.mark.parametrize(
    ("environ", "role", "names"),
    [
        (API, "api", ("JWT_KEY_1", "JWT_KEY_2")),
        (WEB, "web", ("STRIPE_WEBHOOK_SECRET", "PADDLE_WEBHOOK_SECRET", "CLERK_WEBHOOK_SECRET")),
        (WORKER, "worker", ("WORDPRESS_APP_PASSWORD", "LINKEDIN_TOKEN")),
    ],
)
def test_a_process_needs_its_own_secrets(
    environ: dict[str, str], role: str, names: tuple[str, ...]
) -> None:
    for name in names:
        without = {key: value for key, value in environ.items() if key != name}
        assert trouble(without, role) == f"{name} is not set"
        assert trouble({**environ, name: "xxx"}, role).startswith(f"{name} is a placeholder")


def test_keys_that_are_the_same_are_refused() -> None:
    assert trouble({**API, "JWT_KEY_2": API["JWT_KEY_1"]}) == "JWT_KEY_2 is the same as JWT_KEY_1"


STORAGE = {
    "STORAGE_BUCKET": "media",
    "STORAGE_ACCESS_KEY_ID": "key-1",
    "STORAGE_SECRET_ACCESS_KEY": "secret-1",
}


def test_the_api_may_be_told_of_a_bucket_for_media() -> None:
    assert load(API, "api").bucket is None
    assert load({**API, "STORAGE_REGION": "eu-west-1"}, "api").bucket is None
    found = load({**API, **STORAGE}, "api").bucket
    assert found == settings.Bucket("media", "us-east-1", "", "key-1", "secret-1")
    assert "secret-1" not in repr(found)
    more = {"STORAGE_REGION": "auto", "STORAGE_ENDPOINT": "https://storage.example.com:9000/"}
    found = load({**API, **STORAGE, **more}, "api").bucket
    assert found and (found.region, found.endpoint) == ("auto", "https://storage.example.com:9000")
    # The others are given the same file of settings, and not what is missing in it here.
    assert load({**WEB, "STORAGE_BUCKET": "media"}, "web").bucket is None


@pytest.mark.parametrize("name", STORAGE)
def test_a_bucket_is_told_whole(name: str) -> None:
    assert trouble({**API, **STORAGE, name: ""}) == f"{name} is not set"
    assert trouble({**API, **STORAGE, name: "xxx"}) == f"{name} is a placeholder"


@pytest.mark.parametrize("value", ["http://a", "a.example.com", "https://a/b", "https://u:p@a"])
def test_a_storage_is_reached_with_https(value: str) -> None:
    said = trouble({**API, **STORAGE, "STORAGE_ENDPOINT": value})
    assert said == f"STORAGE_ENDPOINT is {value!r}, not https:// and a host"


def test_a_word_inside_another_makes_no_placeholder() -> None:
    assert load({**API, "JWT_KEY_1": "contestlatestprotestattestations"}, "api").jwt_keys


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.install("smartbeak-api", "info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def said(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_of_the_log_is_one_object(lines: io.StringIO) -> None:
    logs.Log("http").warn("dependency away", dependency="redis", error="refused")
    (line,) = said(lines)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warn",
        "service": "smartbeak-api",
        "message": "dependency away",
        "dependency": "redis",
        "error": "refused",
    }


def test_levels_below_the_one_asked_for_are_not_said(lines: io.StringIO) -> None:
    log = logs.Log("http")
    log.debug("detail")
    log.info("news")
    log.fatal("end")
    assert [line["level"] for line in said(lines)] == ["info", "fatal"]


def test_what_libraries_say_is_a_line_too(lines: io.StringIO) -> None:
    try:
        raise RuntimeError("first\nsecond")
    except RuntimeError:
        logging.getLogger("library").exception("it failed\n")
    (line,) = said(lines)
    assert (line["level"], line["message"], line["error"]) == ("error", "it failed", "first")


@pytest.mark.parametrize(
    "name",
    ["password", "apiToken", "JWT_KEY_1", "webhook_secret", "Authorization", "signature", "cookie"],
)
def test_values_under_secret_names_are_not_shown(name: str) -> None:
    assert logs.redact({"a": [{name: "hidden"}]}) == {"a": [{name: logs.REDACTED}]}


@pytest.mark.parametrize("name", ["jobId", "keyboard", "message", "tokenizer", "monkey"])
def test_values_under_other_names_are_shown(name: str) -> None:
    assert logs.redact({name: "shown"}) == {name: "shown"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "no postgres://smartbeak:geheim@db-1/x",
            "no postgres://smartbeak:[REDACTED]@db-1/x",
        ),
        ("redis://:geheim@redis-1:6379/0", "redis://:[REDACTED]@redis-1:6379/0"),
        ("sent Bearer abc.def-1 today", "sent Bearer [REDACTED] today"),
        ("password=geheim host=db-1", "password=[REDACTED] host=db-1"),
        ("postgres://smartbeak@db-1/x", "postgres://smartbeak@db-1/x"),
    ],
)
def test_secrets_inside_texts_are_not_shown(text: str, shown: str) -> None:
    assert logs.redact(text) == shown


@pytest.mark.parametrize(
    ("said", "folder"), [("", ""), ("file:///var/lib/otel", "/var/lib/otel"), ("file:///x", "/x")]
)
def test_spans_go_into_a_folder_or_nowhere(said: str, folder: str) -> None:
    assert load({**API, "OTEL_EXPORTER_OTLP_ENDPOINT": said}, "api").traces == folder


@pytest.mark.parametrize("said", ["http://otel-collector.monitoring:4318", "file://x", "/var/lib"])
def test_spans_cannot_go_to_a_collector_here(said: str) -> None:
    assert trouble({**API, "OTEL_EXPORTER_OTLP_ENDPOINT": said}) == (
        f"OTEL_EXPORTER_OTLP_ENDPOINT is {said!r}, not file:// and a folder"
    )


@pytest.mark.parametrize(("role", "environ"), [("api", API), ("web", WEB), ("worker", WORKER)])
def test_garbage_is_collected_again_once_a_process_has_started(
    role: str, environ: dict[str, str]
) -> None:
    script = (
        f"import gc, smartbeak.{role}.__main__ as program; print(gc.isenabled()); "
        f"program.serving.start('{role}'); print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PLATFORM, env=environ, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["False", "True", "True"]
