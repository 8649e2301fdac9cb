"""Notifications and usage alerts of the reference platform, on real PostgreSQL and Redis."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.sandboxes.local import LocalBackend
from tests.stack.box import FACTS, Box, Call

OWNER, ADMIN, OTHER_OWNER, OTHER_ADMIN = 1, 2, 5, 6
"""Users of org_1, and of org_2."""

NOTIFICATIONS = "/v1/admin/notifications"
LISTS = {"notification": NOTIFICATIONS, "notification-letter": f"{NOTIFICATIONS}/dlq"}
"""Paths of lists, by the name of what is in them."""

WAYS = {"retry": "pending", "cancel": "cancelled"}
"""What can be done to a notification, and the state it then has."""


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["db-1", "redis-1", "api"])
    yield box
    box.close()


def notification(box: Box, state: str, org: int = 3, when: str = "now()") -> str:
    """A new notification's id."""
    found = f"notification-{uuid.uuid4()}"
    box.sql(
        "INSERT INTO notifications (id, org_id, user_id, channel, template, payload, status, "
        "delivery_token, created_at, updated_at) "
        f"VALUES ('{found}', 'org_{org}', 'user_9', 'email', 'content_published', '{{}}', "
        f"'{state}', 'token', {when}, '2026-01-01')"
    )
    return found


def letter(box: Box, about: str, when: str = "now()") -> str:
    """A new dead letter's id."""
    found = f"letter-{uuid.uuid4()}"
    box.sql(
        "INSERT INTO notification_dlq (id, notification_id, channel, reason, created_at) "
        f"VALUES ('{found}', '{about}', 'email', 'mailbox is full', {when})"
    )
    return found


def state(box: Box, notification_id: str) -> list[str]:
    """Its status, whether a worker has it in hand, and whether it was changed just now."""
    return box.sql(
        "SELECT status, delivery_token IS NOT NULL, updated_at > now() - interval '1 hour' "
        f"FROM notifications WHERE id = '{notification_id}'"
    )


# What is shown.


@pytest.mark.parametrize("name", LISTS)
def test_a_list_has_the_shape_and_the_length_of_the_facts(box: Box, name: str) -> None:
    fact, about = FACTS["shapes"][name], notification(box, "failed", org=5)
    most = fact["most"]
    box.sql(
        "INSERT INTO notifications (id, org_id, user_id, channel, template, payload, status, "
        "created_at) SELECT 'many-' || n, 'org_5', 'user_17', 'sms', 'x', '{}', 'pending', "
        f"now() + n * interval '1 minute' FROM generate_series(1, {most + 1}) AS n "
        "ON CONFLICT DO NOTHING; "
        "INSERT INTO notification_dlq (id, notification_id, channel, reason, created_at) "
        f"SELECT 'many-' || n, '{about}', 'sms', 'x', now() + n * interval '1 minute' "
        f"FROM generate_series(1, {most + 1}) AS n ON CONFLICT DO NOTHING"
    )
    rows = box.call("GET", LISTS[name], box.token(17)).body
    assert len(rows) == most
    assert {tuple(row) for row in rows} == {tuple(fact["fields"])}
    created = fact["fields"][-1]
    times = [row[created] for row in rows]
    assert times == sorted(times, reverse=True)
    assert times[0].endswith("Z")


def test_a_notification_is_shown_to_the_leaders_of_its_organization_alone(box: Box) -> None:
    mine = notification(box, "failed", org=1, when="'2090-03-01T00:00:00Z'")
    dead = letter(box, mine, when="'2090-03-01T00:00:01Z'")
    paths = list(LISTS.values())
    for user in (OWNER, ADMIN):
        listed, letters = box.calls(*(Call("GET", path, box.token(user)) for path in paths))
        assert listed.body[0] == {
            **{"id": mine, "org_id": "org_1", "user_id": "user_9", "channel": "email"},
            **{"template": "content_published", "status": "failed"},
            "created_at": "2090-03-01T00:00:00.000Z",
        }
        assert {row["org_id"] for row in listed.body} == {"org_1"}
        assert letters.body == [
            {
                **{"id": dead, "notificationId": mine, "channel": "email"},
                **{"reason": "mailbox is full", "createdAt": "2090-03-01T00:00:01.000Z"},
            }
        ]
    for user in (OTHER_OWNER, OTHER_ADMIN):
        listed, letters = box.calls(*(Call("GET", path, box.token(user)) for path in paths))
        assert {row["org_id"] for row in listed.body} == {"org_2"}
        assert letters.body == []


def test_metrics_count_the_organizations_notifications_as_numbers(box: Box) -> None:
    def counted() -> dict[str, Any]:
        answer = box.call("GET", f"{NOTIFICATIONS}/metrics", box.token(13))
        assert list(answer.body) == FACTS["shapes"]["notification-metrics"]["fields"]
        return dict(answer.body)

    assert counted() == {"delivered": 40, "failed": 0, "total": 40}  # of the seed
    for each in FACTS["values"]["notifications.status"]["values"]:
        notification(box, each, org=4)
    notification(box, "failed", org=2)
    assert counted() == {"delivered": 41, "failed": 1, "total": 45}


# What is changed.


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("was", FACTS["values"]["notifications.status"]["values"])
def test_a_state_changes_as_the_facts_say_and_not_otherwise(box: Box, way: str, was: str) -> None:
    wanted, found = WAYS[way], notification(box, was)
    answer = box.call("POST", f"{NOTIFICATIONS}/{found}/{way}", box.token(10))
    # What a worker has in hand may have been sent already: it is not cancelled from outside.
    if wanted in FACTS["notification-states"]["leads-to"][was] and was != "sending":
        assert (answer.status, answer.body) == (200, {"ok": True})
        assert state(box, found) == [f"{wanted}|{'f' if way == 'retry' else 't'}|t"]
    else:
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
        assert answer.body["error"] == "Notification not found"
        assert state(box, found) == [f"{was}|t|f"]


def test_states_are_those_of_the_table(box: Box) -> None:
    leads_to = FACTS["notification-states"]["leads-to"]
    assert set(leads_to) == set(FACTS["values"]["notifications.status"]["values"])
    assert set().union(*leads_to.values()) == set(leads_to)


@pytest.mark.parametrize(("way", "was"), [("retry", "failed"), ("cancel", "pending")])
def test_a_notification_of_another_organization_is_not_there(box: Box, way: str, was: str) -> None:
    found = notification(box, was)
    for user in (OWNER, ADMIN, OTHER_OWNER, OTHER_ADMIN):
        other, none = box.calls(
            Call("POST", f"{NOTIFICATIONS}/{found}/{way}", box.token(user)),
            Call("POST", f"{NOTIFICATIONS}/none/{way}", box.token(user)),
        )
        assert (other.status, other.code) == (404, "NOT_FOUND")
        assert other.body == none.body
    assert state(box, found) == [f"{was}|t|f"]
    assert box.call("POST", f"{NOTIFICATIONS}/{found}/{way}", box.token(9)).status == 200


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["%00", "a%00b", "%ff%fe", "a%20b", "x" * 129])
def test_an_id_that_is_none_is_refused(box: Box, way: str, name: str) -> None:
    answer = box.call("POST", f"{NOTIFICATIONS}/{name}/{way}", box.token(OWNER))
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


def test_a_dead_letter_stays_when_its_notification_is_tried_again(box: Box) -> None:
    found = notification(box, "failed")
    dead = letter(box, found)
    assert box.call("POST", f"{NOTIFICATIONS}/{found}/retry", box.token(9)).status == 200
    letters = box.call("GET", LISTS["notification-letter"], box.token(9)).body
    assert [(row["id"], row["notificationId"]) for row in letters][:1] == [(dead, found)]


@pytest.mark.parametrize(("way", "was"), [("retry", "failed"), ("cancel", "pending")])
def test_of_many_at_the_same_time_one_succeeds(box: Box, way: str, was: str) -> None:
    found, token = notification(box, was), box.token(11, role="admin")
    path = f"{NOTIFICATIONS}/{found}/{way}"
    answers = box.calls(*(Call("POST", path, token) for _ in range(8)), together=8)
    assert sorted(answer.status for answer in answers) == [200] + [404] * 7


# Usage alerts.


def test_an_alert_is_added_and_shown_to_its_organization_alone(box: Box) -> None:
    said = {"metric": "publish.count_30d", "threshold": 500}
    made = box.call("POST", "/v1/alerts", box.token(OWNER), {**said, "more": 1})
    assert (made.status, made.body) == (200, {"ok": True, **said})
    for user in (OWNER, ADMIN):
        (alert,) = box.call("GET", "/v1/alerts", box.token(user)).body["alerts"]
        assert list(alert) == FACTS["shapes"]["alert"]["fields"]
        assert str(uuid.UUID(alert["id"])) == alert["id"] and alert["created_at"].endswith("Z")
        assert {**alert, "id": "", "created_at": ""} == {
            **{"id": "", "org_id": "org_1", "triggered": False, "created_at": ""},
            **said,
        }
    assert box.call("GET", "/v1/alerts", box.token(OTHER_OWNER)).body == {"alerts": []}


def test_alerts_are_the_newest_that_have_not_been_triggered(box: Box) -> None:
    most = FACTS["shapes"]["alert"]["most"]
    box.sql(
        "INSERT INTO usage_alerts (id, org_id, metric, threshold, triggered, created_at) "
        "SELECT 'alert-' || n, 'org_3', 'content.count', n, n % 2 = 0, "
        f"now() + n * interval '1 minute' FROM generate_series(1, {2 * most + 2}) AS n"
    )
    alerts = box.call("GET", "/v1/alerts", box.token(9)).body["alerts"]
    assert [alert["threshold"] for alert in alerts] == list(range(2 * most + 1, 1, -2))
    assert {alert["triggered"] for alert in alerts} == {False}


@pytest.mark.parametrize("threshold", [0, 1.0, 2_147_483_647])
@pytest.mark.parametrize("metric", ["a", "A_9.", "m" * 100])
def test_the_widest_alerts_are_taken(box: Box, metric: str, threshold: float) -> None:
    said = {"metric": metric, "threshold": threshold}
    assert box.call("POST", "/v1/alerts", box.token(14), said).body == {"ok": True, **said}
    query = f"SELECT 1 FROM usage_alerts WHERE metric = '{metric}' AND threshold = {threshold}"
    assert box.sql(query) == ["1"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"metric": "a"}',
        b'{"threshold": 1}',
        b'{"metric": "", "threshold": 1}',
        b'{"metric": null, "threshold": 1}',
        b'{"metric": "a b", "threshold": 1}',
        b'{"metric": "a-b", "threshold": 1}',
        b'{"metric": "a\\n", "threshold": 1}',
        b'{"metric": "a\\u0000", "threshold": 1}',
        b'{"metric": "' + b"m" * 101 + b'", "threshold": 1}',
        b'{"metric": "a", "threshold": -1}',
        b'{"metric": "a", "threshold": 1.5}',
        b'{"metric": "a", "threshold": "1"}',
        b'{"metric": "a", "threshold": true}',
        b'{"metric": "a", "threshold": null}',
        b'{"metric": "a", "threshold": NaN}',
        b'{"metric": "a", "threshold": 1e999}',
        b'{"metric": "a", "threshold": 2147483648}',
        b'{"metric": "a", "threshold": ' + b"9" * 400 + b"}",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_an_alert_that_is_not_valid_is_refused(box: Box, body: bytes) -> None:
    answer = box.call("POST", "/v1/alerts", box.token(6), body)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert box.sql("SELECT count(*) FROM usage_alerts WHERE org_id = 'org_2'") == ["0"]


def test_nobody_adds_an_alert_for_an_organization_that_is_gone(box: Box) -> None:
    token = box.token(OWNER, org=99)
    answer = box.call("POST", "/v1/alerts", token, {"metric": "a", "threshold": 1})
    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert box.call("GET", "/v1/alerts", token).body == {"alerts": []}


# Who, and how often.


OURS = [
    (method, path)
    for path, methods in FACTS["endpoints"].items()
    if path.startswith((NOTIFICATIONS, "/v1/alerts"))
    for method in methods
]


def test_editors_and_viewers_are_told_nothing(box: Box) -> None:
    assert len(OURS) == 7
    alert = {"metric": "a", "threshold": 1}
    found = notification(box, "failed", org=1)
    for user in (3, 4):
        for method, path in OURS:
            path = path.replace("{id}", found)
            answer = box.call(method, path, box.token(user), alert)
            assert (answer.status, answer.code) == (403, "FORBIDDEN"), (user, method, path)
    assert state(box, found) == ["failed|t|f"]


@pytest.mark.parametrize(("method", "path"), OURS)
def test_a_limit_is_kept_for_each_route(box: Box, method: str, path: str) -> None:
    most = FACTS["endpoints"][path][method]["per-minute"]
    token, asked = box.token(18), path.replace("{id}", "none")
    *answers, refused = box.in_one_window(Call(method, asked, token, {}), most + 1)
    assert 429 not in {answer.status for answer in answers}
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {str(most)}
    assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert box.call(method, asked, box.token(17), {}).status != 429
