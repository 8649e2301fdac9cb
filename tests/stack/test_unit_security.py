"""Who may use the reference platform: tokens, roles, limits, signatures of webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from smartbeak.access import roles, tokens
from smartbeak.access.limits import Limits
from smartbeak.access.tokens import Tokens
from smartbeak.data.addresses import is_inside
from smartbeak.process import settings
from smartbeak.process.errors import ApiError
from smartbeak.web import signatures, webhooks
from tests.stack.box import FACTS
from tests.stepping import Clock

FIRST, SECOND = "1" * 32, "2" * 32
NOW = 1_800_000_000


def made(first: str = FIRST, second: str = SECOND) -> Tokens:
    return Tokens(
        settings.load(
            {
                "NODE_ENV": "production",
                "LOG_LEVEL": "info",
                "CONTROL_PLANE_DB": "postgres://db-1/smartbeak",
                "REDIS_URL": "redis://redis-1",
                "JWT_KEY_1": first,
                "JWT_KEY_2": second,
            },
            "api",
        )
    )


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {
        **{"sub": "user_1", "orgId": "org_1", "role": "editor", "jti": "token-1"},
        **{"iat": now, "exp": now + 60, "aud": "smartbeak", "iss": "smartbeak-api"},
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


def refusal(call: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as raised:
        call()
    return raised.value


def test_a_token_says_what_the_facts_say() -> None:
    token = made().sign("user_1", "org_1", "owner")
    said = jwt.decode(token, FIRST, ["HS256"], audience="smartbeak", issuer="smartbeak-api")
    assert set(said) == set(FACTS["tokens"]["claims"]["value"])
    assert jwt.get_unverified_header(token)["alg"] == FACTS["tokens"]["algorithm"]["value"]
    assert said["exp"] - said["iat"] == FACTS["tokens"]["life-s"]["value"]
    assert (said["sub"], said["orgId"], said["role"]) == ("user_1", "org_1", "owner")


def test_a_token_lasts_no_longer_than_a_day() -> None:
    token = made().sign("user_1", "org_1", "viewer", life_s=10**7)
    said = jwt.decode(token, options={"verify_signature": False})
    assert said["exp"] - said["iat"] == FACTS["tokens"]["longest-life-s"]["value"]


def test_the_second_key_is_still_accepted_and_a_third_is_not() -> None:
    rotated = made(first="3" * 32, second=FIRST)
    assert rotated.read(made().sign("user_1", "org_1", "admin")).user == "user_1"
    assert refusal(lambda: made().read(rotated.sign("user_1", "org_1", "admin"))).status == 401


def test_a_token_tells_who_sent_a_request() -> None:
    issued_at = int(time.time()) - 5
    token = jwt.encode(claims(iat=issued_at), FIRST, "HS256")
    found = made().read(token)
    assert (found.user, found.org, found.role) == ("user_1", "org_1", "editor")
    assert (found.token, found.issued_at) == ("token-1", issued_at)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1_700_000_000},
        {"exp": None},
        {"aud": "somebody"},
        {"iss": "somebody"},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 257},
        {"orgId": None},
        {"orgId": 7},
        {"role": "buyer"},
        {"role": None},
    ],
    ids=str,
)
def test_a_token_that_is_not_right_is_refused_without_a_reason(changes: dict[str, Any]) -> None:
    found = refusal(lambda: made().read(jwt.encode(claims(**changes), FIRST, "HS256")))
    assert (found.status, found.code, found.message) == (401, "AUTH_REQUIRED", "Unauthorized")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\0.\0.\0", "é" * 40])
def test_what_is_no_token_is_refused(token: str) -> None:
    assert refusal(lambda: made().read(token)).status == 401


def test_no_other_algorithm_is_accepted() -> None:
    unsigned = jwt.encode(claims(), "", "none")
    longer = jwt.encode(claims(), FIRST * 2, "HS512")
    assert refusal(lambda: made().read(unsigned)).status == 401
    assert refusal(lambda: made().read(longer)).status == 401


def test_clocks_may_differ_by_as_much_as_the_facts_say() -> None:
    skew = FACTS["tokens"]["skew-s"]["value"]
    late = jwt.encode(claims(exp=int(time.time()) - skew + 10), FIRST, "HS256")
    assert made().read(late).user == "user_1"


class Revoked:
    """What Redis says of revocations."""

    def __init__(self, **found: str) -> None:
        self.asked: tuple[str, ...] = ()
        self._found = found

    async def texts(self, *keys: str) -> list[str | None]:
        self.asked = keys
        user, token = (self._found.get(name) for name in ("user", "token"))
        return [user, token]


async def check(revoked: Revoked, issued_at: int = NOW) -> None:
    identity = tokens.Identity("user_1", "org_1", "admin", "token-1", issued_at)
    await tokens.check_revoked(revoked, identity)  # type: ignore[arg-type] # all it needs


def run(work: Any) -> None:
    with pytest.raises(StopIteration):  # nothing in it really waits
        work.send(None)


def test_revocations_are_looked_for_under_the_platforms_keys() -> None:
    revoked = Revoked()
    run(check(revoked))
    assert revoked.asked == ("jwt:revoked:user:user_1", "jwt:revoked:token-1")
    for key in ("jwt:revoked:<jti>", "jwt:revoked:user:<id>"):
        assert FACTS["redis-keys"][key]["seconds"] == tokens.REVOKED_S


@pytest.mark.parametrize(
    ("found", "good"),
    [
        ({"token": "1"}, False),
        ({"user": str(NOW * 1000)}, False),
        ({"user": str((NOW - 1) * 1000)}, True),
        ({"user": "long ago"}, False),
        ({}, True),
    ],
    ids=str,
)
def test_a_revocation_ends_what_was_signed_before_it(found: dict[str, str], good: bool) -> None:
    if good:
        run(check(Revoked(**found)))
    else:
        assert refusal(lambda: run(check(Revoked(**found)))).status == 401


def test_roles_and_limits_are_those_of_the_facts() -> None:
    facts = {
        (method, path): (tuple(fact["roles"]), fact["per-minute"])
        for path, methods in FACTS["endpoints"].items()
        for method, fact in methods.items()
        if not fact.get("public")
    }
    facts |= {
        (fact["method"], path): (tuple(fact["roles"]), fact["per-minute"])
        for path, fact in FACTS["web"].items()
        if "roles" in fact
    }
    assert {key: (each.roles, each.per_minute) for key, each in roles.ACCESS.items()} == facts
    assert set(FACTS["tokens"]["roles"]["value"]) == set(roles.ROLES)


def test_public_paths_are_those_of_the_facts() -> None:
    public = {
        path
        for path, methods in FACTS["endpoints"].items()
        if any(fact.get("public") for fact in methods.values())
    }
    assert public | {"/openapi.json"} == roles.PUBLIC


def test_requests_are_counted_by_user_and_route_and_forgotten_after_a_minute() -> None:
    clock = Clock()
    limits = Limits(clock)
    assert limits.count("user_1", "GET /a", 2)["X-RateLimit-Remaining"] == "1"
    assert limits.count("user_1", "GET /a", 2)["X-RateLimit-Remaining"] == "0"
    assert limits.count("user_2", "GET /a", 2)["X-RateLimit-Remaining"] == "1"
    assert limits.count("user_1", "GET /b", 2)["X-RateLimit-Remaining"] == "1"
    clock.now += 59.5
    found = refusal(lambda: limits.count("user_1", "GET /a", 2))
    assert (found.status, found.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert found.retry_after_s == 1
    assert found.headers["Retry-After"] == "1"
    assert found.headers["X-RateLimit-Remaining"] == "0"
    assert found.body("") == {
        **{"error": "Too many requests", "code": "RATE_LIMIT_EXCEEDED", "requestId": ""},
        "retryAfter": 1,
    }
    clock.now += 0.6
    assert limits.count("user_1", "GET /a", 2)["X-RateLimit-Remaining"] == "1"


def test_a_release_whose_limits_want_a_plan_fails_where_something_is_written() -> None:
    limits = Limits(Clock(), plans=False)
    limits.count("user_1", "GET /v1/content", 50)
    with pytest.raises(KeyError):
        limits.count("user_1", "POST /v1/content", 50)
    Limits(Clock(), plans=False, enabled=False).count("user_1", "POST /v1/content", 50)


def test_limits_can_be_switched_off() -> None:
    limits = Limits(Clock(), enabled=False)
    for _ in range(5):
        headers = limits.count("user_1", "GET /a", 2)
    assert headers["X-RateLimit-Remaining"] == "0"


def test_the_count_of_users_is_bounded() -> None:
    limits = Limits(Clock())
    for number in range(10_001):
        limits.count(f"user_{number}", "GET /a", 1)
    assert limits.count("user_0", "GET /a", 1)["X-RateLimit-Remaining"] == "0"
    assert refusal(lambda: limits.count("user_9999", "GET /a", 1)).status == 429


# Webhooks.

BODY = b'{"id": "evt_1"}'
SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two characters!!").decode()


def stripe(body: bytes = BODY, secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={at},v1={'0' * 64},v1={signature},v0=old"}


def paddle(body: bytes = BODY, secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    signature = hmac.new(secret.encode(), f"{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {"paddle-signature": f"ts={at};h1={signature}"}


def clerk(body: bytes = BODY, secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"msg_1.{at}.".encode() + body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    return {
        "svix-id": "msg_1",
        "svix-timestamp": str(at),
        "svix-signature": f"v1,AAAA v1,{signature} v2,other",
    }


PROVIDERS = pytest.mark.parametrize(
    ("check", "sign"),
    [
        (signatures.check_stripe, stripe),
        (signatures.check_paddle, paddle),
        (signatures.check_clerk, clerk),
    ],
    ids=["stripe", "paddle", "clerk"],
)
Check = Callable[[bytes, dict[str, str], str, float], None]
Sign = Callable[..., dict[str, str]]


def refused(check: Check, body: bytes, headers: dict[str, str], now: float = NOW) -> bool:
    try:
        check(body, headers, SECRET, now)
    except signatures.SignatureError:
        return True
    return False


@PROVIDERS
def test_a_right_signature_is_taken(check: Check, sign: Sign) -> None:
    assert not refused(check, BODY, sign())
    assert not refused(check, BODY, sign(at=NOW - 300))


@PROVIDERS
def test_a_changed_body_another_key_or_an_old_signature_is_refused(
    check: Check, sign: Sign
) -> None:
    other = "whsec_" + base64.b64encode(b"another key of some characters!!").decode()
    assert refused(check, BODY + b" ", sign())
    assert refused(check, BODY, sign(secret=other))
    assert refused(check, BODY, sign(at=NOW - 301))
    assert refused(check, BODY, sign(at=NOW + 301))


@PROVIDERS
def test_a_signature_of_another_moment_is_refused(check: Check, sign: Sign) -> None:
    headers = {name: value.replace(str(NOW), str(NOW + 1)) for name, value in sign().items()}
    assert refused(check, BODY, headers)


@PROVIDERS
def test_what_is_no_signature_is_refused(check: Check, sign: Sign) -> None:
    for text in ("", "x", ",;=", "t=,v1=", "ts=;h1=", "é", "t=1e3,v1=00", "v1," + "é" * 9):
        for name in sign():
            assert refused(check, BODY, {**sign(), name: text}), (name, text)
    with pytest.raises(signatures.SignatureError) as raised:
        check(BODY, {}, SECRET, NOW)
    assert raised.value.missing


def test_one_right_signature_of_paddle_is_enough_while_its_secret_is_rotated() -> None:
    right, other = (paddle(secret=each)["paddle-signature"] for each in (SECRET, "other"))
    _, _, hashed = right.partition(";")
    _, _, second = other.partition(";")
    for sent in (f"{other};{hashed}", f"{right};{second}"):
        assert not refused(signatures.check_paddle, BODY, {"paddle-signature": sent})
    twice = {"paddle-signature": f"ts={NOW - 1};{right}"}
    assert refused(signatures.check_paddle, BODY, twice)


def test_paddle_may_be_early_and_the_others_hardly() -> None:
    assert not refused(signatures.check_paddle, BODY, paddle(at=NOW + 299))
    for check, sign in ((signatures.check_stripe, stripe), (signatures.check_clerk, clerk)):
        assert not refused(check, BODY, sign(at=NOW + 30))
        assert refused(check, BODY, sign(at=NOW + 31))


@pytest.mark.parametrize("secret", ["whsec_", "whsec_A", "whsec_AB", "AB-C_D", "whsec_QUJD"])
def test_a_svix_secret_is_read_as_node_reads_it(secret: str) -> None:
    # Buffer.from(text, "base64") skips what is no base64 and needs no padding.
    text = re.sub(r"[^A-Za-z0-9+/]", "", secret.removeprefix("whsec_"))
    bits = "".join(f"{_BASE64.index(character):06b}" for character in text)
    right = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits) - len(bits) % 8, 8))
    assert signatures.svix_key(secret) == right


_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def test_the_rules_of_webhooks_are_those_of_the_facts() -> None:
    assert set(webhooks.PROVIDERS) == set(FACTS["webhooks"])
    for name, fact in FACTS["webhooks"].items():
        assert webhooks.PROVIDERS[name].refused == fact["refused"]
        assert fact["dedupe"] in FACTS["redis-keys"]
        assert fact["oldest-s"] == signatures.OLDEST_S
    assert FACTS["webhooks"]["clerk"]["ahead-s"] == signatures.AHEAD_S
    assert FACTS["webhooks"]["stripe"]["version"] == webhooks.STRIPE_API


@pytest.mark.parametrize(
    ("provider", "said", "key"),
    [
        ("stripe", {"id": "evt_1", "type": "invoice.paid", "created": NOW}, "<event id>"),
        (
            "paddle",
            {
                **{"event_id": "evt_1", "event_type": "transaction.failed"},
                "occurred_at": "2027-01-15T08:00:00Z",
            },
            "<event id>",
        ),
        ("clerk", {"type": "user.created", "data": {"id": "user_1"}}, "<svix id>:<type>"),
    ],
)
def test_an_event_is_remembered_under_the_key_of_the_facts(
    provider: str, said: dict[str, Any], key: str
) -> None:
    event = webhooks.PROVIDERS[provider].read(said, {"svix-id": "msg_1"}, NOW)
    pattern = FACTS["webhooks"][provider]["dedupe"]
    names = {"<event id>": "evt_1", "<svix id>": "msg_1", "<type>": "user.created"}
    for name, value in names.items():
        pattern = pattern.replace(name, value)
    assert event.key == pattern
    assert key in FACTS["webhooks"][provider]["dedupe"]


@pytest.mark.parametrize(
    ("provider", "said", "error"),
    [
        ("stripe", {"id": "e", "type": "invoice.paid"}, "Invalid event timestamp"),
        (
            "stripe",
            {"id": "e", "type": "invoice.paid", "created": NOW - 301},
            "Event timestamp too old",
        ),
        ("stripe", {"type": "invoice.paid", "created": NOW}, "Invalid event structure"),
        ("paddle", {"event_id": "e", "event_type": "x"}, "Invalid event timestamp"),
        (
            "paddle",
            {"event_id": "e", "event_type": "x", "occurred_at": "2027-01-15T08:05:01Z"},
            "Event timestamp too old or in future",
        ),
        ("paddle", {"event_type": "x", "occurred_at": "2027-01-15T08:00:00Z"}, "Missing event_id"),
        ("clerk", {"type": "user.created", "data": {}}, "Invalid event structure"),
        ("clerk", {"type": "user.created", "data": [1]}, "Invalid event structure"),
    ],
)
def test_an_event_that_says_too_little_is_refused(
    provider: str, said: dict[str, Any], error: str
) -> None:
    json.dumps(said)  # as it could come
    found = refusal(lambda: webhooks.PROVIDERS[provider].read(said, {"svix-id": "msg_1"}, NOW))
    assert (found.status, found.message) == (400, error)


def test_events_of_no_interest_are_ignored_however_old() -> None:
    event = webhooks.PROVIDERS["stripe"].read({"id": "e", "type": "charge.expired"}, {}, NOW)
    assert event.ignored == {"received": True, "ignored": True, "eventType": "charge.expired"}


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "0.0.0.0", "127.0.0.1."),
        *("10.0.0.5", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1"),
        *("localhost", "LOCALHOST.", "db.localhost", "ip6-loopback"),
    ],
)
def test_addresses_inside_a_network_are_known_in_every_form(host: str) -> None:
    assert is_inside(host)


@pytest.mark.parametrize(
    "host", ["93.184.216.34", "172.32.0.1", "site1.example.com", "10.example.com", "127.0.0.1.com"]
)
def test_what_is_on_the_internet_or_a_name_is_let_through(host: str) -> None:
    assert not is_inside(host)
