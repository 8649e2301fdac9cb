"""Events, notifications and where they go: https://developer.paddle.com/api-reference/notifications.

Left out: e-mail, the logs of each attempt, simulations, and new destinations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import DELIVERY, Thing
from simulators.payments.paddle import errors, lists, parameters
from simulators.payments.paddle.desk import RETENTION_S, Desk, payload
from simulators.payments.paddle.errors import PaddleError
from simulators.payments.paddle.lists import Page

_REPLAYED = ("delivered", "failed")


def events(desk: Desk, sent: Mapping[str, Any]) -> Page:
    """`GET /events`: of the last 90 days."""
    page = lists.listed(desk, "event", sent, {"event_type": "event_type"}, where=_kept(desk))
    for event in page.data:
        event["event_id"] = event["id"]
    return page


def listed(desk: Desk, sent: Mapping[str, Any]) -> Page:
    """`GET /notifications`: of the last 90 days, `from` and `to` by when the event occurred."""
    sent, where = dict(sent), _kept(desk)
    for name, sign in (("from", ">="), ("to", "<=")):
        if name in sent:
            where.append(("occurred_at", sign, parameters.moment(name, sent.pop(name))))
    fields = {"notification_setting_id": "notification_setting_id", "status": DELIVERY}
    page = lists.listed(desk, "notification", sent, fields, where=where)
    page.data[:] = [_shown(desk, each) for each in page.data]
    return page


def retrieve(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`GET /notifications/:id`."""
    parameters.checked(sent, {})
    return _shown(desk, _found(desk, key))


def replay(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /notifications/:id/replay`: a new notification of the same event, as old as it is."""
    parameters.checked(sent, {})
    notification = _found(desk, key)
    if notification["origin"] != "event":
        words = "Only notifications with the origin `event` can be replayed."
        code = "notification_replay_invalid_origin_type"
        raise PaddleError(code, words, group="notifications")
    if _shown(desk, notification)["status"] not in _REPLAYED:
        words = f"Notification {key} can't be replayed because it's not `delivered` or `failed`."
        raise PaddleError("notification_cannot_replay", words, group="notifications")
    event = desk.get("event", notification["_event"])
    again = desk.notify(event, notification["notification_setting_id"], "replay")
    desk.change(notification, {"replayed_at": desk.now})
    return {"notification_id": again}


def settings(desk: Desk, sent: Mapping[str, Any]) -> Page:
    """`GET /notification-settings`."""
    page = lists.listed(desk, "notification_setting", sent, {})
    page.data[:] = [_setting(desk, each) for each in page.data]
    return page


def setting(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`GET /notification-settings/:id`: with the secret, as Paddle shows it at any time."""
    parameters.checked(sent, {})
    return _setting(desk, desk.get("notification_setting", key))


def update_setting(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`PATCH /notification-settings/:id`."""
    fields: parameters.Fields = {
        **{"destination": parameters.text, "description": parameters.text},
        "active": parameters.flag,
    }
    values = parameters.checked(sent, fields)
    known = desk.change(desk.get("notification_setting", key), values)
    return _setting(desk, known)


def _found(desk: Desk, key: str) -> Thing:
    notification = desk.get("notification", key)
    if notification["occurred_at"] < desk.now - RETENTION_S:
        raise errors.missing(key)
    return notification


def _kept(desk: Desk) -> list[lists.Filter]:
    return [("occurred_at", ">=", desk.now - RETENTION_S)]


def _shown(desk: Desk, notification: Thing) -> Thing:
    told = desk.ledger.told(notification["id"])
    waits = told.state == "needs_retry"
    return {
        **notification,
        **{"status": told.state, "times_attempted": told.attempts},
        **{"last_attempt_at": told.last, "retry_at": int(told.due) if waits else None},
        "delivered_at": told.last if told.state == "delivered" else None,
        "payload": payload(desk.ledger, notification),
    }


def _setting(desk: Desk, known: Thing) -> Thing:
    (secret, *_) = desk.ledger.secrets(known["id"])
    names = [
        {
            **{"name": name, "description": "", "group": name.partition(".")[0].title()},
            "available_versions": [1],
        }
        for name in known["_events"]
    ]
    return {**known, "subscribed_events": names, "endpoint_secret_key": secret}
