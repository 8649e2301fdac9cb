"""The reference platform's media, plans and health reports, held against the facts."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from drillbook.sandboxes.local import LocalBackend
from tests.stack.box import FACTS, Answer, Box, Call, eventually

INTENT = "/v1/media/upload-intent"
OWNER, ADMIN, EDITOR, VIEWER = 1, 2, 3, 4


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["db-1", "redis-1", "api"])
    yield box
    box.close()


def intend(box: Box, user: int = EDITOR, kind: str = "image/png") -> Answer:
    """How an intent to upload is answered."""
    return box.call("POST", INTENT, box.token(user), {"mimeType": kind})


def complete(box: Box, media_id: str, user: int = EDITOR) -> Answer:
    """How it is answered that a file has come."""
    return box.call("POST", f"/v1/media/{media_id}/complete", box.token(user))


def row(box: Box, media_id: str, columns: str = "status") -> list[str]:
    return box.sql(f"SELECT {columns} FROM media_assets WHERE id = '{media_id}'")


# Media.


def test_an_intent_is_written_and_says_where_to_put_the_file(box: Box) -> None:
    answer = intend(box)
    assert answer.status == 200, answer.text
    assert list(answer.body) == FACTS["shapes"]["upload-intent"]["fields"]
    assert answer.body["expiresIn"] == FACTS["uploads"]["life-s"]["value"]
    media_id, url = answer.body["id"], urlsplit(answer.body["url"])
    assert str(uuid.UUID(media_id)) == media_id
    columns = "type, mime_type, status, storage_class, metadata ->> 'orgId', url, storage_key"
    (found,) = row(box, media_id, columns)
    *fields, where, key = found.split("|")
    assert fields == ["image", "image/png", "pending", "hot", "org_1"]
    assert re.fullmatch(r"media/[0-9a-f-]{36}", key)
    assert where == f"https://storage.example.com/smartbeak-media/{key}"
    assert f"{url.scheme}://{url.netloc}{url.path}" == where


# What a storage does that checks the address: with the key that the process was given,
# and with nothing of the process's own code.
_CHECK = """
import hashlib, hmac, sys
from urllib.parse import parse_qsl, quote, urlsplit
address = urlsplit(sys.argv[1])
said = dict(parse_qsl(address.query, strict_parsing=True))
sent = said.pop("X-Amz-Signature")
query = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in sorted(said.items()))
asked = f"{sys.argv[2]}\\n{address.path}\\n{query}\\n"
asked += f"host:{address.netloc}\\n\\nhost\\nUNSIGNED-PAYLOAD"
_, day, region, service, last = said["X-Amz-Credential"].split("/")
scope = "/".join((day, region, service, last))
digest = hashlib.sha256(asked.encode()).hexdigest()
text = f"AWS4-HMAC-SHA256\\n{said['X-Amz-Date']}\\n{scope}\\n{digest}"
key = b"AWS4" + open("/run/secrets/storage", "rb").read().strip()
for part in (day, region, service, last):
    key = hmac.new(key, part.encode(), hashlib.sha256).digest()
print(hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == sent)
"""


@pytest.mark.parametrize(("method", "right"), [("PUT", "True"), ("GET", "False")])
def test_the_address_is_signed_for_one_put_with_the_storages_key(
    box: Box, method: str, right: str
) -> None:
    assert FACTS["uploads"]["method"]["value"] == "PUT"
    url = intend(box).body["url"]
    said = box.shell("api", f"cat >/tmp/check.py && python3 /tmp/check.py '{url}' {method}", _CHECK)
    assert said.strip() == right


def test_the_address_lives_from_now_for_as_long_as_the_facts_say(box: Box) -> None:
    (now,) = box.shell("api", "date -u +%Y%m%dT%H%M%SZ").split()
    query = parse_qs(urlsplit(intend(box).body["url"]).query)
    assert query["X-Amz-Expires"] == [str(FACTS["uploads"]["life-s"]["value"])]
    began, asked = (
        datetime.strptime(text, "%Y%m%dT%H%M%SZ") for text in (query["X-Amz-Date"][0], now)
    )
    assert timedelta() <= began - asked < timedelta(minutes=5)
    assert (
        query["X-Amz-Credential"][0]
        == f"smartbeak/{query['X-Amz-Date'][0][:8]}/us-east-1/s3/aws4_request"
    )


def test_the_storages_key_is_said_nowhere(box: Box) -> None:
    (key,) = box.shell("api", "cat /run/secrets/storage").split()
    answer = intend(box)
    assert key not in answer.text
    assert key not in json.dumps(box.log("api"))


@pytest.mark.parametrize("kind", FACTS["uploads"]["kinds"]["value"])
def test_kinds_of_the_facts_can_be_uploaded(box: Box, kind: str) -> None:
    answer = intend(box, user=10, kind=kind)
    assert answer.status == 200, answer.text
    assert row(box, answer.body["id"], "type, mime_type") == [f"{kind.partition('/')[0]}|{kind}"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mimeType": None},
        {"mimeType": "image/svg+xml"},
        {"mimeType": "IMAGE/PNG"},
        {"mimeType": "image/png "},
        {"mimeType": ["image/png"]},
        {"mimeType": "image/png", "id": "00000000-0000-4000-8000-000000000000"},
        {"mimeType": "image/png", "storageKey": "../x"},
    ],
    ids=str,
)
def test_other_intents_are_refused_and_not_written(box: Box, body: dict[str, Any]) -> None:
    before = box.sql("SELECT count(*) FROM media_assets")
    answer = box.call("POST", INTENT, box.token(7), body)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert box.sql("SELECT count(*) FROM media_assets") == before


def test_a_file_that_has_come_is_uploaded_once(box: Box) -> None:
    media_id = intend(box).body["id"]
    answer = complete(box, media_id, ADMIN)
    assert answer.status == 200, answer.text
    assert list(answer.body) == FACTS["shapes"]["uploaded"]["fields"]
    assert (answer.body["ok"], answer.body["mediaId"]) == (True, media_id)
    assert datetime.fromisoformat(answer.body["completedAt"])
    assert row(box, media_id) == ["uploaded"]
    again = complete(box, media_id)
    assert (again.status, again.code) == (400, "VALIDATION_ERROR")
    assert again.body["error"] == "Media cannot be completed: it is uploaded"


def test_media_changes_its_state_as_the_facts_say(box: Box) -> None:
    ways = FACTS["media-states"]["leads-to"]
    assert set(ways) == set(FACTS["values"]["media_assets.status"]["values"])
    for state, leads in ways.items():
        media_id = intend(box, user=14).body["id"]
        box.sql(f"UPDATE media_assets SET status = '{state}' WHERE id = '{media_id}'")
        allowed = "uploaded" in leads
        assert complete(box, media_id, 14).status == (200 if allowed else 400), state
        assert row(box, media_id) == ["uploaded" if allowed else state]


def test_of_completions_at_the_same_time_one_is_taken(box: Box) -> None:
    media_id, token = intend(box).body["id"], box.token(ADMIN)
    path = f"/v1/media/{media_id}/complete"
    answers = box.calls(*(Call("POST", path, token) for _ in range(12)), together=12)
    assert sorted(answer.status for answer in answers) == [200] + [400] * 11


def test_media_of_another_organization_and_of_none_is_not_there(box: Box) -> None:
    media_id = intend(box).body["id"]
    for found in (complete(box, media_id, 6), complete(box, str(uuid.uuid4()))):
        assert (found.status, found.code) == (404, "NOT_FOUND")
        assert found.body["error"] == "Media not found"
    assert row(box, media_id) == ["pending"]
    box.sql(f"UPDATE media_assets SET metadata = '{{}}' WHERE id = '{media_id}'")
    assert complete(box, media_id).status == 404


@pytest.mark.parametrize("name", ["content_1", "x" * 36, "%00", "00000000-0000-4000-8000-00000000"])
def test_ids_that_are_no_uuids_are_refused(box: Box, name: str) -> None:
    answer = complete(box, name)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


def test_uploads_and_completions_have_limits_of_their_own(box: Box) -> None:
    most = FACTS["endpoints"][INTENT]["POST"]["per-minute"]
    assert most == FACTS["limits"]["media.upload"]["value"]
    token = box.token(18)
    call = Call("POST", INTENT, token, {"mimeType": "image/png"})
    *taken, refused = box.in_one_window(call, most + 1)
    assert {answer.status for answer in taken} == {200}
    assert taken[0].headers["x-ratelimit-limit"] == str(most)
    assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
    done = complete(box, taken[0].body["id"], 18)
    limit = FACTS["endpoints"]["/v1/media/{id}/complete"]["POST"]["per-minute"]
    assert limit == FACTS["limits"]["default"]["value"]
    assert (done.status, done.headers["x-ratelimit-limit"]) == (200, str(limit))


def test_who_asks_with_a_wrong_method_is_told_the_right_ones(box: Box) -> None:
    for path, methods in {INTENT: "POST", "/v1/content": "GET, POST", "/livez": "GET"}.items():
        answer = box.call("PUT", path, box.token(15), {})
        assert (answer.status, answer.headers["allow"]) == (405, methods)


# Plans.


def test_an_organization_reads_its_own_plan(box: Box) -> None:
    answer = box.call("GET", "/v1/billing/plan", box.token(OWNER))
    assert answer.status == 200, answer.text
    assert list(answer.body) == FACTS["shapes"]["plan"]["fields"]
    assert answer.body == {
        **{"id": "plan_scale", "name": "Scale", "price_cents": 19900, "interval": "month"},
        **{"features": ["scheduling", "regions"], "max_domains": None, "max_content": None},
        **{"subscription_id": "sub_1", "subscription_status": "active"},
    }
    other = box.call("GET", "/v1/billing/plan", box.token(18)).body
    assert (other["id"], other["max_domains"], other["max_content"]) == ("plan_free", 1, 25)
    assert other["subscription_id"] == "sub_5"


def test_without_an_active_subscription_there_is_no_plan(box: Box) -> None:
    past_due = box.call("GET", "/v1/billing/plan", box.token(13))
    assert (past_due.status, past_due.text) == (200, "null")
    box.sql("UPDATE subscriptions SET status = 'cancelled' WHERE org_id = 'org_3'")
    assert box.call("GET", "/v1/billing/plan", box.token(9)).body is None


# Health.


def test_the_pools_report_says_how_connections_are_used(box: Box) -> None:
    box.calls(*(Call("GET", "/v1/billing/plan", box.token(ADMIN)) for _ in range(4)), together=4)
    answer = box.call("GET", "/health/repositories", box.token(ADMIN))
    assert answer.status == 200
    assert list(answer.body) == FACTS["shapes"]["repositories"]["fields"]
    assert (answer.body["pools"], answer.body["repositories"]) == (1, 0)
    ((name, pool),) = answer.body["poolStats"].items()
    assert re.fullmatch(r"[0-9a-f]{16}", name)
    assert list(pool) == FACTS["shapes"]["pool"]["fields"]
    assert 1 <= pool["idle"] <= pool["total"] <= 8 and pool["waiting"] == 0
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'smartbeak-api'"

    def differ() -> int:
        told = box.call("GET", "/health/repositories", box.token(OWNER)).body["poolStats"][name]
        return int(told["total"]) - int(box.sql(query)[0])

    eventually(differ, 0)


def test_sequences_are_told_and_one_that_is_nearly_used_up_is_unhealthy(box: Box) -> None:
    def report() -> Answer:
        return box.call("GET", "/health/sequences", box.token(OWNER))

    good = report()
    assert good.status == 200
    assert list(good.body) == FACTS["shapes"]["sequences"]["fields"]
    assert good.body["healthy"] is True
    names = [each["name"] for each in good.body["sequences"]]
    assert set(names) == set(
        box.sql("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
    )
    assert "event_outbox_id_seq" in names
    # As the platform's own role, which owns them: another's last value it could not see.
    box.sql(
        "SET ROLE smartbeak; CREATE SEQUENCE public.nearly AS smallint MAXVALUE 10000;"
        "CREATE SCHEMA other; CREATE SEQUENCE other.full_one AS smallint MAXVALUE 10000;"
        "SELECT setval('other.full_one', 10000)"
    )
    limits = {name: fact["value"] * 100 for name, fact in FACTS["sequences"].items()}
    cases = {
        1: ("OK", 200),
        limits["WARNING"]: ("OK", 200),
        limits["WARNING"] + 1: ("WARNING", 200),
        limits["CRITICAL"]: ("WARNING", 200),
        limits["CRITICAL"] + 1: ("CRITICAL", 503),
    }
    for value, (level, status) in cases.items():
        box.sql(f"SELECT setval('public.nearly', {value})")
        found = report()
        first = next(each for each in found.body["sequences"] if each["name"] == "nearly")
        assert list(first) == FACTS["shapes"]["sequence"]["fields"]
        assert first == {
            **{"name": "nearly", "currentValue": value, "maxValue": 10000},
            **{"utilizationPercent": value / 100, "status": level},
        }
        assert (found.status, found.body["healthy"]) == (status, status == 200)
    assert report().body["sequences"][0]["name"] == "nearly"
    assert "full_one" not in report().text
    box.sql("DROP SEQUENCE public.nearly; DROP SCHEMA other CASCADE")
    assert report().status == 200


def test_without_postgresql_no_sequence_is_healthy_and_the_pool_can_be_looked_at(box: Box) -> None:
    token = box.token(OWNER)
    box.signal("db-1", "STOP")
    try:
        sequences, pools = box.calls(
            Call("GET", "/health/sequences", token), Call("GET", "/health/repositories", token)
        )
    finally:
        box.signal("db-1", "CONT")
    assert (sequences.status, pools.status) == (503, 200)
    assert {**sequences.body, "checkedAt": ""} == {
        "healthy": False, "sequences": [], "checkedAt": "",
    }  # fmt: skip
