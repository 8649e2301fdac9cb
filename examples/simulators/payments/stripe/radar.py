"""Radar's lists of values: https://docs.stripe.com/api/radar/value_lists.

Whatever is on the block list of countries is refused before the bank is asked. Left out: rules,
and every other list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from simulators.payments.ledger import Thing
from simulators.payments.stripe import lists, parameters
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.errors import NotSimulatedError, StripeError

COUNTRIES = "card_country_blocklist"
"""Alias of one of the lists that every account has."""

_ITEMS = "/v1/radar/value_list_items"
_SHOWN = 10


def blocks(desk: Desk, card: Thing) -> bool:
    """Whether a card is on a block list."""
    (countries,) = desk.ledger.find("radar.value_list", [("alias", "=", COUNTRIES)])
    where = [("value_list", "=", countries["id"]), ("value", "=", card["country"])]
    return bool(desk.ledger.find("radar.value_list_item", where, limit=1))


def retrieve(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/radar/value_lists/:id`."""
    parameters.checked(sent, {})
    return _with_items(desk, desk.get("radar.value_list", key))


def listed(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/radar/value_lists`."""
    fields = {"alias": parameters.text, "created": parameters.moments}
    page = lists.listed(desk, "radar.value_list", "/v1/radar/value_lists", sent, fields)
    page["data"] = [_with_items(desk, each) for each in page["data"]]
    return page


def create_item(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`POST /v1/radar/value_list_items`."""
    fields = {"value": parameters.text, "value_list": parameters.text}
    values = parameters.checked(sent, fields, ["value", "value_list"])
    desk.get("radar.value_list", values["value_list"], "value_list")
    if not re.fullmatch(r"[A-Z]{2}", values["value"]):
        raise StripeError(f"Invalid country code: {values['value']}", param="value")
    if desk.ledger.find("radar.value_list_item", [(key, "=", values[key]) for key in fields]):
        raise NotSimulatedError("a value that is on the list already")
    return desk.make("radar.value_list_item", "rsli_", {**values, "created_by": "somebody"})


def items(desk: Desk, sent: Mapping[str, Any]) -> Thing:
    """`GET /v1/radar/value_list_items`: of one list."""
    fields = {"value_list": parameters.text, "created": parameters.moments}
    if "value_list" not in sent:
        words = "Missing required param: value_list."
        raise StripeError(words, "parameter_missing", "value_list")
    desk.get("radar.value_list", sent["value_list"], "value_list")
    return lists.listed(desk, "radar.value_list_item", _ITEMS, sent, fields)


def delete_item(desk: Desk, key: str, sent: Mapping[str, Any]) -> Thing:
    """`DELETE /v1/radar/value_list_items/:id`."""
    parameters.checked(sent, {})
    desk.get("radar.value_list_item", key)
    desk.ledger.remove(key)
    return {"id": key, "object": "radar.value_list_item", "deleted": True}


def _with_items(desk: Desk, known: Thing) -> Thing:
    where = [("value_list", "=", known["id"])]
    found = desk.ledger.find("radar.value_list_item", where, limit=_SHOWN + 1)
    url = f"{_ITEMS}?value_list={known['id']}"
    return {**known, "list_items": lists.shown(found, _SHOWN, url)}
