"""Customers: https://docs.stripe.com/api/customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing
from simulators.payments.stripe import cards, lists, parameters
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.parameters import merged

_SETTINGS = parameters.group({"default_payment_method": parameters.text})
_FIELDS: parameters.Fields = {
    "email": parameters.text,
    "name": parameters.text,
    "phone": parameters.text,
    "description": parameters.text,
    "metadata": parameters.metadata,
    "invoice_settings": _SETTINGS,
}


def create(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/customers`."""
    values = parameters.checked(sent, {**_FIELDS, "payment_method": parameters.text})
    method = values.pop("payment_method", None)
    empty = dict.fromkeys(("email", "name", "phone", "description"))
    customer = desk.make(
        "customer",
        "cus_",
        {
            **empty,
            **{"balance": 0, "currency": None, "delinquent": False, "default_source": None},
            **values,
            "invoice_settings": {"default_payment_method": None, "footer": None},
        },
        length=14,
    )
    if method:
        cards.attach(desk, method, {"customer": customer["id"]})
    customer = _settings(desk, customer, values)
    desk.emit("customer.created", customer)
    return customer


def update(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/customers/:id`."""
    values = parameters.checked(sent, _FIELDS)
    customer = desk.get("customer", key)
    if "metadata" in values:
        values["metadata"] = merged(customer["metadata"], values["metadata"])
    values["invoice_settings"] = _settings(desk, customer, values)["invoice_settings"]
    return desk.change(customer, values, "customer.updated")


def delete(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`DELETE /v1/customers/:id`: their subscriptions end with them."""
    parameters.checked(sent, {})
    customer = desk.get("customer", key)
    for subscription in desk.ledger.find("subscription", [("customer", "=", key)]):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            ended = {"status": "canceled", "canceled_at": desk.now, "ended_at": desk.now}
            desk.change(subscription, ended)
            desk.emit("customer.subscription.deleted", subscription)
    desk.emit("customer.deleted", customer)
    desk.ledger.remove(key)
    return {"id": key, "object": "customer", "deleted": True}


def listed(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/customers`."""
    fields = {"email": parameters.text, "created": parameters.moments}
    return lists.listed(desk, "customer", "/v1/customers", sent, fields)


def _settings(desk: Desk, customer: Thing, values: Mapping[str, Any]) -> Thing:
    named = (values.get("invoice_settings") or {}).get("default_payment_method")
    if named:
        method = cards.of_customer(desk, named, customer["id"])
        if not method["customer"]:
            desk.change(method, {"customer": customer["id"]}, "payment_method.attached")
        settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
        return desk.change(customer, {"invoice_settings": settings})
    return customer
