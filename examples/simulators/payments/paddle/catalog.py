"""Products, prices and customers: https://developer.paddle.com/api-reference/customers.

Left out: everything that changes a price or a product, businesses, and archived entities.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing
from simulators.payments.paddle import lists, parameters
from simulators.payments.paddle.desk import Desk
from simulators.payments.paddle.errors import PaddleError
from simulators.payments.paddle.lists import Page


def prices(desk: Desk, sent: Mapping[str, Any]) -> Page:
    """`GET /prices`."""
    fields = {name: name for name in ("product_id", "status")}
    return lists.listed(desk, "price", sent, {"id": "id", **fields})


def create_customer(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /customers`: an address is one customer's only."""
    fields: parameters.Fields = {
        **{"email": parameters.text, "name": parameters.text, "locale": parameters.text},
        "custom_data": parameters.custom,
    }
    values = parameters.checked(sent, fields, ["email"])
    known = desk.ledger.find("customer", [("email", "=", values["email"])])
    if known:
        words = f"customer email conflicts with customer of id {known[0]['id']}"
        raise PaddleError("customer_already_exists", words, status=409, group="customers")
    customer = desk.make(
        "customer",
        "ctm_",
        {
            **{"name": None, "locale": "en", "custom_data": None, **values},
            **{"marketing_consent": False, "status": "active", "import_meta": None},
        },
    )
    desk.emit("customer.created", customer)
    return customer


def customers(desk: Desk, sent: Mapping[str, Any]) -> Page:
    """`GET /customers`."""
    fields = {"id": "id", "email": "email", "status": "status"}
    return lists.listed(desk, "customer", sent, fields)


def create_address(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`POST /customers/:id/addresses`."""
    names = ("description", "first_line", "second_line", "city", "postal_code", "region")
    fields: parameters.Fields = dict.fromkeys((*names, "country_code"), parameters.text)
    values = parameters.checked(sent, fields, ["country_code"])
    customer = desk.get("customer", key)
    return desk.make(
        "address",
        "add_",
        {
            **dict.fromkeys(names),
            **values,
            **{"customer_id": customer["id"], "status": "active"},
            **{"custom_data": None, "import_meta": None},
        },
    )
