"""How the reference platform publishes: queues, targets, breakers, and a defect on purpose."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import httpx
import pytest

from smartbeak.data import queues
from smartbeak.data.locks import Lock, lock_key
from smartbeak.data.queues import JobData
from smartbeak.data.store import CACHE_S, cache_key
from smartbeak.http.shapes.administration import DeadLetter
from smartbeak.http.shapes.content import ContentStatus, ContentType, Item
from smartbeak.http.shapes.publishing import JobStatus
from smartbeak.process import clock, settings
from smartbeak.process.metrics import Metrics
from smartbeak.worker import region as worker
from smartbeak.worker import summary, targets
from smartbeak.worker.breaker import Breaker, OpenError, State
from smartbeak.worker.targets import Accepted, Post, TargetError
from tests.stack.box import FACTS, PLATFORM
from tests.stepping import Clock

SETTINGS = settings.load(
    {
        **{"NODE_ENV": "production", "LOG_LEVEL": "info", "REDIS_URL": "redis://redis-1"},
        **{"CONTROL_PLANE_DB": "postgres://db-1/smartbeak", "HOSTNAME": "worker"},
        **{"WORDPRESS_APP_PASSWORD": "abcd efgh", "LINKEDIN_TOKEN": "bearer-1"},
    },
    "worker",
)
DATA = {
    **{"jobId": "job_1", "domainId": "dom_1", "contentId": "content_1", "targetId": "target_1"},
    "region": "us-east-1",
}


# Queues.


def test_options_of_a_job_are_those_of_the_facts() -> None:
    found = {
        **queues.options(SETTINGS.jobs, "job_1"),
        **worker.options(SETTINGS),
        "name": queues.JOB_NAME,
        "most waiting": queues.MOST_WAITING,
        "most bytes": queues.MOST_BYTES,
    }
    for name, fact in FACTS["job"].items():
        value: Any = found
        for part in name.split("."):
            value = value[part]
        assert value == fact["value"], name
    assert found["jobId"] == "job_1"


def test_the_home_region_has_the_platforms_queue_and_others_one_of_their_own() -> None:
    regions = [queues.queue_name(region) for region in ("us-east-1", "eu-west-1")]
    assert regions == [name for name, fact in FACTS["queues"].items() if fact.get("here")]
    ours = {name for name, fact in FACTS["queues"].items() if "stand-in" in fact}
    assert set(queues.DECLARED) == set(FACTS["queues"]) - ours


def test_data_of_a_job_comes_back_as_it_went() -> None:
    assert JobData.read(json.loads(json.dumps(DATA))) == JobData(**DATA)
    assert JobData.read({**DATA, "more": 1}) == JobData(**DATA)


@pytest.mark.parametrize("data", [None, "text", [DATA], {}, {**DATA, "jobId": 7}])
def test_data_that_is_none_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"Validation failed: (no .*jobId|data is not an object)"):
        JobData.read(data)


def test_keys_are_those_of_the_facts() -> None:
    keys = FACTS["redis-keys"]
    assert keys[cache_key("<id>")]["seconds"] == CACHE_S
    assert keys[lock_key("publish:<job id>")]["seconds"] * 1000 == SETTINGS.jobs.lock_duration_ms


def test_states_and_kinds_are_those_of_the_facts() -> None:
    values = FACTS["values"]
    assert set(get_args(ContentStatus)) == set(values["content_items.status"]["values"])
    assert set(get_args(ContentType)) == set(values["content_items.content_type"]["values"])
    assert set(get_args(JobStatus)) == set(values["publishing_jobs.status"]["values"])
    for table, states in (("content", ContentStatus), ("job", JobStatus)):
        ways = FACTS[f"{table}-states"]["leads-to"]
        assert set(ways) == set(get_args(states)) >= {to for each in ways.values() for to in each}
    for kind, fact in (("content", Item), ("dead-letter", DeadLetter)):
        names = [field.alias for field in fact.model_fields.values()]
        assert names == FACTS["shapes"][kind]["fields"]


# The defect of the drill "poison job".


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Article 7", "Article 7"),
        ("  Sale ---  ", "Sale"),
        ("News ~ * ~", "News"),
        ("A-B testing -- the long way", "A-B testing -- the long way"),
        ("----------", ""),
        ("a\nb", "a\nb"),
        ("word " * 100, ("word " * 32)[:159].rstrip() + "…"),
    ],
)
def test_a_summary_is_the_title_without_ornaments_behind_it(title: str, text: str) -> None:
    assert summary.summary_of(title) == text


def test_the_summary_of_an_ordinary_title_is_quick() -> None:
    titles = [f"{'Ten words make a title that is rather long, ' * 11}{n}!" for n in range(50)]
    titles += ["What is new --- spring edition", "= = = = Week 12 = = = =", "-" * 499]
    began = time.process_time()
    for title in titles:
        summary.summary_of(title)
    assert time.process_time() - began < 60


def test_one_kind_of_title_takes_ever_longer() -> None:
    def steps(ornaments: int) -> float:
        began = time.process_time()
        summary.summary_of(f"Deal {'-' * ornaments} today")
        return time.process_time() - began

    # Six more double it six times; a pattern that is mended takes next to nothing.
    assert steps(21) > 8 * max(min(steps(15) for _ in range(9)), 1e-6)


def test_a_process_with_such_a_title_does_not_come_back() -> None:
    poison = (
        "from smartbeak.worker.summary import summary_of; summary_of('Deal ' + '-' * 40 + ' today')"
    )
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", poison], cwd=PLATFORM, timeout=2, check=False)


# Breakers.


def value(metrics: Metrics, name: str) -> float | None:
    labels = {"adapter": "wordpress", "target": "site1.example.com"}
    return metrics.registry.get_sample_value(name, labels)


def test_a_breaker_opens_after_some_failures_and_closes_when_it_works_again() -> None:
    metrics, moment = Metrics(), Clock()
    breaker = Breaker("wordpress", "site1.example.com", SETTINGS.jobs, metrics, moment)
    for _ in range(SETTINGS.jobs.circuit_threshold - 1):
        breaker.enter()
        breaker.failed()
    assert (breaker.state, value(metrics, "circuit_open")) == (State.CLOSED, 0)
    breaker.enter()
    breaker.failed()
    assert (breaker.state, value(metrics, "circuit_open")) == (State.OPEN, 1)
    with pytest.raises(OpenError, match=r"^Circuit breaker open for wordpress site1\.example"):
        breaker.enter()
    moment.now += SETTINGS.jobs.circuit_reset_ms / 1000 - 0.1
    with pytest.raises(OpenError):
        breaker.enter()
    moment.now += 0.2
    for _ in range(SETTINGS.jobs.circuit_probes):
        breaker.enter()
    with pytest.raises(OpenError, match="half-open limit"):
        breaker.enter()
    breaker.worked()
    breaker.enter()
    assert (breaker.state, value(metrics, "circuit_open")) == (State.CLOSED, 0)
    assert value(metrics, "circuit_closed_total") == 1
    assert value(metrics, "circuit_failure_total") == SETTINGS.jobs.circuit_threshold


def test_a_success_forgets_the_failures_before_it_and_a_failed_probe_opens_anew() -> None:
    moment, states = Clock(), []
    breaker = Breaker("wordpress", "site1.example.com", SETTINGS.jobs, Metrics(), moment)
    for _ in range(SETTINGS.jobs.circuit_threshold - 1):
        breaker.failed()
    breaker.worked()
    breaker.failed()
    states.append(breaker.state)
    for _ in range(SETTINGS.jobs.circuit_threshold):
        breaker.failed()
    moment.now += SETTINGS.jobs.circuit_reset_ms / 1000 + 0.1
    breaker.enter()
    states.append(breaker.state)
    breaker.failed()
    states.append(breaker.state)
    assert states == [State.CLOSED, State.HALF_OPEN, State.OPEN]


def test_a_lock_is_not_held_longer_than_it_lasts() -> None:
    lock = Lock(600_000)
    assert lock.held
    lock.renewed(time.monotonic() - 600.1)
    assert not lock.held
    lock.renewed(time.monotonic())
    assert lock.held
    lock.lost()
    assert not lock.held


# Targets.

POST = Post("job_1", "A title", "The body", "A title", "site1.example.com")
SITE = {"url": "https://site1.example.com"}
NETWORK = {"url": "https://api.linkedin.com", "author": "urn:li:organization:7"}
Answer = Callable[[httpx.Request], httpx.Response]


def publish(kind: str, config: dict[str, Any], answer: Answer, fence: Any = None) -> Accepted:
    async def work() -> Accepted:
        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(transport=transport) as http:
            adapter = targets.adapters(http, SETTINGS.secrets)[kind]
            return await adapter.publish(config, POST, fence or (lambda: None))

    return asyncio.run(work())


def test_wordpress_is_asked_before_it_is_sent_a_post() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return (
            httpx.Response(201, json={"id": 7}) if request.content else httpx.Response(200, json=[])
        )

    assert publish("wordpress", SITE, answer) == Accepted("7", before=False)
    asked, sent = seen
    assert asked.method == "GET"
    assert str(asked.url) == ("https://site1.example.com/wp-json/wp/v2/posts?slug=job_1&status=any")
    assert (sent.method, sent.url.path) == ("POST", "/wp-json/wp/v2/posts")
    assert json.loads(sent.content) == {
        **{"slug": "job_1", "title": "A title", "content": "The body", "excerpt": "A title"},
        "status": "publish",
    }
    login = base64.b64encode(b"smartbeak:abcd efgh").decode()
    assert [request.headers["authorization"] for request in seen] == [f"Basic {login}"] * 2


def test_what_wordpress_has_already_is_not_sent_again() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return httpx.Response(200, json=[{"id": 5, "slug": "job_1"}])

    assert publish("wordpress", SITE, answer) == Accepted("5", before=True)


def test_linkedin_gets_a_link_that_ends_in_the_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, headers={"x-restli-id": "urn:li:share:1"})

    assert publish("linkedin", NETWORK, answer) == Accepted("urn:li:share:1", before=False)
    (sent,) = seen
    body = json.loads(sent.content)
    assert str(sent.url) == "https://api.linkedin.com/rest/posts"
    assert body["content"]["article"]["source"] == "https://site1.example.com/job_1"
    assert (body["author"], body["lifecycleState"]) == ("urn:li:organization:7", "PUBLISHED")
    assert sent.headers["authorization"] == "Bearer bearer-1"
    assert re.fullmatch(r"20\d\d(0[1-9]|1[0-2])", sent.headers["linkedin-version"])


def test_a_duplicate_on_linkedin_is_done_and_any_other_422_is_not() -> None:
    duplicate = {"errorDetails": {"inputErrors": [{"code": "DUPLICATE_POST"}]}, "status": 422}
    found = publish("linkedin", NETWORK, lambda _: httpx.Response(422, json=duplicate))
    assert found == Accepted("", before=True)
    with pytest.raises(TargetError) as raised:
        publish("linkedin", NETWORK, lambda _: httpx.Response(422, json={"message": "ERROR"}))
    assert (raised.value.status, raised.value.category) == (422, "validation")


@pytest.mark.parametrize("kind", ["wordpress", "linkedin"])
def test_nothing_is_sent_once_the_lock_is_lost(kind: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return httpx.Response(200, json=[])

    def fence() -> None:
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        publish(kind, SITE if kind == "wordpress" else NETWORK, answer, fence)


@pytest.mark.parametrize(
    "url",
    [
        "http://site1.example.com",
        "https://user:secret@site1.example.com",
        "https://site1.example.com/path",
        "https://site1.example.com\n.evil",
        "file:///etc/passwd",
        "",
        7,
        None,
    ],
)
@pytest.mark.parametrize("kind", ["wordpress", "linkedin"])
def test_only_hosts_with_https_are_spoken_to(kind: str, url: object) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("was spoken to")

    with pytest.raises(TargetError) as raised:
        publish(kind, {"url": url}, answer)
    assert str(raised.value) == "target has no address with https"
    assert not raised.value.counts


@pytest.mark.parametrize(
    ("status", "category", "counts"),
    [
        (301, "unknown", True),
        (400, "validation", False),
        (401, "auth", False),
        (403, "auth", False),
        (408, "timeout", True),
        (429, "unknown", True),
        (500, "unknown", True),
        (503, "unknown", True),
        (504, "timeout", True),
    ],
)
def test_failures_say_what_they_are_and_count_if_the_target_is_to_blame(
    status: int, category: str, counts: bool
) -> None:
    with pytest.raises(TargetError) as raised:
        publish("wordpress", SITE, lambda _: httpx.Response(status, json={"code": "why"}))
    assert str(raised.value) == f"site1.example.com answered {status} (why)"
    assert (raised.value.category, raised.value.counts) == (category, counts)


@pytest.mark.parametrize(
    ("error", "text", "category"),
    [
        (httpx.ReadTimeout(""), "ReadTimeout: no answer from site1.example.com", "timeout"),
        (httpx.ConnectError("refused"), "site1.example.com: refused", "network"),
        (httpx.RemoteProtocolError(""), "site1.example.com: RemoteProtocolError", "network"),
    ],
)
def test_no_answer_is_a_failure_of_the_target(error: Exception, text: str, category: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(TargetError) as raised:
        publish("wordpress", SITE, answer)
    assert (str(raised.value), raised.value.category) == (text, category)
    assert raised.value.counts


def test_an_answer_that_is_no_json_is_a_failure() -> None:
    with pytest.raises(TargetError, match=r"^site1\.example\.com did not answer with JSON$"):
        publish("wordpress", SITE, lambda _: httpx.Response(200, text="<html>"))


# Moments.


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 2, 1, 12, 30, 1, 999_999),
        datetime(2026, 2, 1, 12, 30, 1, 999_000, UTC),
        datetime(2026, 2, 1, 13, 30, 1, 999_000, timezone(timedelta(hours=1))),
    ],
)
def test_moments_are_written_as_javascript_writes_them(moment: datetime) -> None:
    assert clock.instant(moment) == "2026-02-01T12:30:01.999Z"
