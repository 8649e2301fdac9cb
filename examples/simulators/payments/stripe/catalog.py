"""Products and prices: https://docs.stripe.com/api/prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing
from simulators.payments.stripe import lists, parameters
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.errors import StripeError
from simulators.payments.stripe.parameters import merged

_INTERVALS = parameters.one_of("day", "week", "month", "year")
_RECURRING = parameters.group(
    {"interval": _INTERVALS, "interval_count": parameters.positive}, ["interval"]
)


def create_product(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/products`."""
    fields = {
        **{"name": parameters.text, "description": parameters.text},
        **{"active": parameters.flag, "metadata": parameters.metadata},
    }
    values = parameters.checked(sent, fields, ["name"])
    product = desk.make("product", "prod_", {"active": True, **values}, length=14)
    desk.emit("product.created", product)
    return product


def create_price(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/prices`."""
    fields = {
        **{"currency": parameters.currency, "unit_amount": parameters.whole},
        **{"product": parameters.text, "recurring": _RECURRING, "active": parameters.flag},
        **{"nickname": parameters.text, "lookup_key": parameters.text},
        "metadata": parameters.metadata,
    }
    values = parameters.checked(sent, fields, ["currency", "unit_amount", "product"])
    desk.get("product", values["product"], "product")
    if values["unit_amount"] < 0:
        raise StripeError(
            "Invalid non-negative integer", "parameter_invalid_integer", "unit_amount"
        )
    recurring = values.pop("recurring", None)
    if recurring is not None:
        recurring = {"interval_count": 1, "usage_type": "licensed", **recurring}
    price = desk.make(
        "price",
        "price_",
        {
            **{"active": True, "billing_scheme": "per_unit", "nickname": None, "lookup_key": None},
            **values,
            **{"recurring": recurring, "type": "recurring" if recurring else "one_time"},
        },
    )
    desk.emit("price.created", price)
    return price


def update_price(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/prices/:id`: the amount of a price never changes."""
    fields = {"active": parameters.flag, "metadata": parameters.metadata}
    values = parameters.checked(sent, {**fields, "nickname": parameters.text})
    price = desk.get("price", key)
    if "metadata" in values:
        values["metadata"] = merged(price["metadata"], values["metadata"])
    return desk.change(price, values, "price.updated")


def charged(desk: Desk, key: str, param: str) -> Thing:
    """A price that can be charged.

    Raises:
        StripeError: There is none, or it is not active.
    """
    price = desk.get("price", key, param)
    if not price["active"]:
        words = "The price specified is inactive. This field only accepts active prices."
        raise StripeError(words, param=param)
    return price


def products(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/products`."""
    fields = {"active": parameters.flag, "created": parameters.moments}
    return lists.listed(desk, "product", "/v1/products", sent, fields)


def prices(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/prices`."""
    fields = {
        **{"active": parameters.flag, "created": parameters.moments, "product": parameters.text},
        "currency": parameters.currency,
    }
    return lists.listed(desk, "price", "/v1/prices", sent, fields)
