"""Events and the endpoints that are told of them: https://docs.stripe.com/api/events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing, new_id
from simulators.payments.stripe import errors, lists, parameters
from simulators.payments.stripe.desk import API_VERSION, RETENTION_S, Desk
from simulators.payments.stripe.errors import NotSimulatedError, StripeError

_MOST_TYPES = 20


def retrieve(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/events/:id`: of the last 30 days."""
    parameters.checked(sent, {})
    event = desk.get("event", key)
    if event["created"] < desk.now - RETENTION_S:
        raise errors.missing("event", key)
    return _counted(desk, event)


def listed(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/events`: of the last 30 days, newest first."""
    sent = dict(sent)
    since = desk.now - RETENTION_S
    where: list[lists.Filter] = [("created", ">=", since)]
    names = parameters.many(parameters.text)("types", sent.pop("types", ""))
    if len(names) > _MOST_TYPES:
        raise StripeError("You can filter on at most 20 event types.", param="types")
    if "type" in sent:
        names = [*names, parameters.text("type", sent.pop("type"))]
    delivered = sent.pop("delivery_success", None)
    if delivered is not None:
        return _undelivered(desk, sent, names, since, delivered)
    if len(names) == 1 and names[0].endswith(".*"):
        where.append(("type", "LIKE", f"{names[0][:-2]}.%"))
    elif len(names) == 1:
        where.append(("type", "=", names[0]))
    elif names:
        raise NotSimulatedError("a list of several types of events")
    fields = {"created": parameters.moments}
    page = lists.listed(desk, "event", "/v1/events", sent, fields, where)
    page["data"] = [_counted(desk, event) for event in page["data"]]
    return page


def retry(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/events/:id/retry`: sends an event once more, as `stripe events resend` asks."""
    fields = {"webhook_endpoint": parameters.text, "account": parameters.text}
    values = parameters.checked(sent, fields)
    event = retrieve(desk, key, {})
    if values.get("webhook_endpoint"):
        endpoints = [desk.get("webhook_endpoint", values["webhook_endpoint"], "webhook_endpoint")]
    else:
        known = desk.ledger.find("webhook_endpoint", [("status", "=", "enabled")])
        endpoints = [each for each in known if {"*", event["type"]} & set(each["enabled_events"])]
    for endpoint in endpoints:
        desk.ledger.deliver(key, endpoint["id"], desk.now)
    return _counted(desk, event)


def create_endpoint(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/webhook_endpoints`: the only answer that holds the secret."""
    values = parameters.checked(sent, _ENDPOINT, ["url", "enabled_events"])
    values.pop("disabled", None)
    endpoint = desk.make("webhook_endpoint", "we_", _described(values))
    secret = new_id("whsec_", 32)
    desk.ledger.roll_secret(endpoint["id"], secret, 0)
    return {**endpoint, "secret": secret}


def update_endpoint(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/webhook_endpoints/:id`."""
    values = parameters.checked(sent, _ENDPOINT)
    endpoint = desk.get("webhook_endpoint", key)
    if "disabled" in values:
        values["status"] = "disabled" if values.pop("disabled") else "enabled"
        values["_failing_since"] = None
    return desk.change(endpoint, values)


def delete_endpoint(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`DELETE /v1/webhook_endpoints/:id`."""
    parameters.checked(sent, {})
    desk.get("webhook_endpoint", key)
    desk.ledger.remove(key)
    return {"id": key, "object": "webhook_endpoint", "deleted": True}


def endpoints(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/webhook_endpoints`."""
    return lists.listed(desk, "webhook_endpoint", "/v1/webhook_endpoints", sent, {})


_ENDPOINT: parameters.Fields = {
    "url": parameters.text,
    "enabled_events": parameters.many(parameters.text),
    "description": parameters.text,
    "disabled": parameters.flag,
    "api_version": parameters.one_of(API_VERSION),
    "metadata": parameters.metadata,
}


def _described(values: Mapping[str, Any]) -> Thing:
    empty = {"api_version": None, "application": None, "description": None, "status": "enabled"}
    return {**empty, **values}


def _undelivered(
    desk: Desk, sent: Mapping[str, Any], names: list[Any], since: int, delivered: str
) -> Thing:
    """Events that are still pending or that no attempt brought to their endpoint."""
    if parameters.flag("delivery_success", delivered) or names:
        raise NotSimulatedError("delivery_success beside false and without a type")
    fields = {
        **{"limit": parameters.whole, "starting_after": parameters.text},
        "created": parameters.moments,
    }
    values = parameters.checked(sent, fields)
    limit, before, _ = lists.page(desk, values)
    bounds = values.get("created", [])
    since = max([since, *(bound for sign, bound in bounds if sign in (">", ">="))])
    if any(sign not in (">", ">=") for sign, _ in bounds):
        raise NotSimulatedError("an upper bound beside delivery_success")
    found = desk.ledger.undelivered(limit=limit + 1, before=before, since=since)
    page = lists.shown(found, limit, "/v1/events")
    page["data"] = [_counted(desk, event) for event in page["data"]]
    return page


def _counted(desk: Desk, event: Thing) -> Thing:
    return {**event, "pending_webhooks": desk.ledger.pending(event["id"])}
