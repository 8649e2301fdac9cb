"""The web host: which webhooks it takes, and what it says of each."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.stack.box import ADMIN, FACTS, PLATFORM, Box, Call
from tests.stack.webhooks.sender import WEB, Sender


def test_routes_of_the_web_host_are_those_of_the_facts(box: Box) -> None:
    for path, fact in FACTS["web"].items():
        token = box.token(ADMIN) if "roles" in fact else ""
        right, wrong, nobody = box.calls(
            Call(fact["method"], path, token, b"{}"), Call("DELETE", path, token),
            Call(fact["method"], path, body=b"{}"), base=WEB,
        )  # fmt: skip
        # Nobody told it Stripe's key.
        assert right.status in (200, 400, 503), path
        assert (nobody.status == 401) == ("roles" in fact), path
        assert (wrong.status, wrong.code) == (405, "METHOD_NOT_ALLOWED"), path
        assert wrong.headers["allow"] == fact["method"]
    for path in ("/api/webhooks/other", "/api/health", "/"):
        answer = box.calls(Call("POST", path, body=b"{}"), base=WEB)[0]
        assert (answer.status, answer.code) == (404, "NOT_FOUND")


def test_the_document_is_the_one_that_is_kept_and_says_what_the_facts_say(box: Box) -> None:
    (answer,) = box.calls(Call("GET", "/openapi.json"), base=WEB)
    assert answer.body == json.loads((PLATFORM / "openapi-web.json").read_text())
    found = {
        path: {
            "method": method.upper(),
            "statuses": [int(status) for status in operation["responses"]],
        }
        for path, methods in answer.body["paths"].items()
        for method, operation in methods.items()
    }
    assert found == {
        path: {name: fact[name] for name in ("method", "statuses")}
        for path, fact in FACTS["web"].items()
    }
    shapes = answer.body["components"]["schemas"]
    for provider, fact in FACTS["webhooks"].items():
        operation = answer.body["paths"][f"/api/webhooks/{provider}"]["post"]
        headers = {each["name"] for each in operation["parameters"] if each["required"]}
        assert fact["header"] in headers
        said = operation["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
        fields = [shapes[each["$ref"].rpartition("/")[2]]["properties"] for each in said]
        assert sorted(map(list, fields)) == sorted(fact["answers"])


def documented(provider: str) -> dict[str, Any]:
    """What the document says of a provider's events and their headers."""
    document = json.loads((PLATFORM / "openapi-web.json").read_text())
    operation = document["paths"][f"/api/webhooks/{provider}"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return {"headers": [each["name"] for each in operation["parameters"]], "event": schema}


LEAST: dict[str, dict[str, Any]] = {
    "stripe": {"type": "invoice.paid"},
    "paddle": {"event_type": "transaction.failed", "org_id": "org_1"},
    "clerk": {"type": "session.created", "data": {"id": "sess_1"}},
}


"""Events of which only what the document asks for is added, and what they change, nothing."""


def least(provider: str) -> dict[str, Any]:
    """An event without anything that it could do without."""
    event = f"evt_{uuid.uuid4().hex}"
    more: dict[str, dict[str, Any]] = {
        "stripe": {"id": event, "created": int(time.time())},
        "paddle": {"event_id": event, "occurred_at": datetime.now(UTC).isoformat()},
        "clerk": {},
    }
    return {**LEAST[provider], **more[provider]}


@pytest.mark.parametrize("provider", FACTS["webhooks"])
def test_what_the_document_asks_for_is_needed_and_enough(sender: Sender, provider: str) -> None:
    said, event = documented(provider), least(provider)
    needed = said["event"]["required"]
    assert set(needed) <= set(event) <= set(said["event"]["properties"])
    whole = sender.signed(provider, json.dumps(event).encode(), "e1")
    (answer,) = sender.send(whole)
    assert answer.status == 200, answer.text
    for name in needed:
        less = json.dumps({key: value for key, value in event.items() if key != name}).encode()
        (answer,) = sender.send(sender.signed(provider, less, "e2"))
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR"), name
    for name in said["headers"]:
        kept = {key: value for key, value in (whole.headers or {}).items() if key.lower() != name}
        assert len(kept) == len(whole.headers or {}) - 1, name
        (answer,) = sender.send(Call("POST", whole.path, body=whole.body, headers=kept))
        assert (answer.status, answer.code) == (400, "WEBHOOK_ERROR"), name


@pytest.mark.parametrize("provider", FACTS["webhooks"])
def test_each_answer_has_the_fields_of_the_facts(sender: Sender, provider: str) -> None:
    event, answers = least(provider), FACTS["webhooks"][provider]["answers"]
    delivery = sender.signed(provider, json.dumps(event).encode(), f"msg_{uuid.uuid4().hex}")
    first, second = sender.send(delivery, delivery)
    assert [list(first.body), list(second.body)] == answers[:2]
    for ignored in answers[2:]:
        kind = {"stripe": "type", "paddle": "event_type"}[provider]
        other = json.dumps({**least(provider), kind: "nobody.knows"}).encode()
        (answer,) = sender.send(sender.signed(provider, other, "e"))
        assert list(answer.body) == ignored


@pytest.mark.parametrize("provider", FACTS["webhooks"])
def test_a_signature_is_of_the_bytes_and_not_of_what_they_mean(
    sender: Sender, provider: str
) -> None:
    event = {**least(provider), "note": "Grüße \U0001f600"}
    wide = json.dumps(event, ensure_ascii=False, indent=2).encode() + b"\r\n"
    narrow = json.dumps(event, separators=(",", ":")).encode()
    delivery = sender.signed(provider, wide, f"msg_{uuid.uuid4().hex}")
    swapped, right, typed = sender.send(
        Call("POST", delivery.path, body=narrow, headers=delivery.headers),
        delivery,
        Call(
            "POST", delivery.path, body=wide,
            headers={**(delivery.headers or {}), "Content-Type": "text/plain"},
        ),
    )  # fmt: skip
    assert swapped.status == FACTS["webhooks"][provider]["refused"]
    assert (right.status, typed.status) == (200, 200)
    assert list(typed.body) == FACTS["webhooks"][provider]["answers"][1]


@pytest.mark.parametrize("provider", FACTS["webhooks"])
def test_a_signature_that_is_not_right_is_refused(box: Box, sender: Sender, provider: str) -> None:
    fact = FACTS["webhooks"][provider]
    good = sender.signed(provider, b"{}", "e")
    name = next(name for name in good.headers or {} if name.lower() == fact["header"])
    wrong = {**(good.headers or {}), name: (good.headers or {})[name].replace("=", "=0", 2)}
    if provider == "clerk":
        wrong[name] = "v1,AAAA"
    refused, missing, changed = sender.send(
        Call("POST", good.path, body=b"{}", headers=wrong),
        Call("POST", good.path, body=b"{}"),
        Call("POST", good.path, body=b"{} ", headers=good.headers),
    )
    assert [refused.status, missing.status, changed.status] == [
        fact["refused"], 400, fact["refused"],
    ]  # fmt: skip
    assert {answer.code for answer in (refused, missing, changed)} == {"WEBHOOK_ERROR"}
    assert box.metric(
        "web", f'webhook_events_total{{outcome="refused",provider="{provider}"}}', 3000
    )


@pytest.mark.parametrize("provider", FACTS["webhooks"])
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff", b"{}", b"null"])
def test_a_signed_body_of_no_use_is_refused(sender: Sender, provider: str, body: bytes) -> None:
    (answer,) = sender.send(sender.signed(provider, body, "e"))
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


def test_a_body_that_is_too_long_is_refused(sender: Sender) -> None:
    (answer,) = sender.send(sender.signed("stripe", b" " * (10 * 1024 * 1024 + 1), "e"))
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")
