"""Lists and searches, a page at a time."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

from simulators.payments.ledger import Thing
from simulators.payments.stripe import parameters
from simulators.payments.stripe.desk import Desk
from simulators.payments.stripe.errors import StripeError

Filter = tuple[str, str, object]

_PAGING: parameters.Fields = {
    "limit": parameters.whole,
    "starting_after": parameters.text,
    "ending_before": parameters.text,
}
_DEFAULT, _MOST = 10, 100
_CLAUSE = re.compile(
    r"""(?P<minus>-?)(?P<field>[a-z_.]+)(?:\[["'](?P<key>[^"']+)["']\])?\s*"""
    r"""(?P<sign>:|~|>=|<=|>|<)\s*(?:["'](?P<text>[^"']*)["']|(?P<number>\d+)|(?P<null>null))"""
)
_SEARCHED = {
    "charge": {"amount", "created", "currency", "customer", "status", "refunded"},
    "customer": {"created", "email", "name", "phone"},
    "invoice": {"created", "currency", "customer", "number", "status", "subscription", "total"},
    "payment_intent": {"amount", "created", "currency", "customer", "status"},
    "subscription": {"created", "canceled_at", "status"},
}
"""Fields that can be searched, beside metadata: https://docs.stripe.com/search#query-fields."""


def listed(
    desk: Desk,
    kind: str,
    url: str,
    sent: Mapping[str, Any],
    fields: parameters.Fields,
    where: Sequence[Filter] = (),
) -> Thing:
    """A page of objects, newest first.

    Args:
        desk: What there is.
        kind: Of the objects.
        url: Of the list.
        sent: Parameters as they came.
        fields: Filters by the name of the object's field; a moment's gives bounds.
        where: Filters that always hold.

    Raises:
        StripeError: A parameter is wrong.
    """
    values = parameters.checked(sent, {**_PAGING, **fields})
    limit, before, after = page(desk, values)
    filters = [*where]
    for name in fields:
        value = values.get(name)
        if isinstance(value, list):
            filters += [(name, sign, bound) for sign, bound in value]
        elif value is not None:
            filters.append((name, "=", value))
    found = desk.ledger.find(kind, filters, limit=limit + 1, before=before, after=after)
    return shown(found, limit, url, backwards=after is not None)


def page(desk: Desk, values: Mapping[str, Any]) -> tuple[int, int | None, int | None]:
    """Length of a page, and the places before and after which it is."""
    limit = values.get("limit", _DEFAULT)
    if not 1 <= limit <= _MOST:
        words = f"This value must be between 1 and {_MOST} (inclusive)."
        raise StripeError(words, "parameter_invalid_integer", "limit")
    places = []
    for name in ("starting_after", "ending_before"):
        key = values.get(name)
        place = desk.ledger.seq(key) if key else None
        if key and place is None:
            raise StripeError(f"No such object: '{key}'", "resource_missing", name)
        places.append(place)
    return limit, *places


def shown(found: list[Thing], limit: int, url: str, *, backwards: bool = False) -> Thing:
    """A page of what was found, of which one more than fits was looked for."""
    more = len(found) > limit
    kept = found[-limit:] if backwards and more else found[:limit]
    return {"object": "list", "data": kept, "has_more": more, "url": url}


def searched(desk: Desk, kind: str, url: str, sent: Mapping[str, Any]) -> Thing:
    """A page of what a query finds: https://docs.stripe.com/search.

    Left out: `OR`, and that a new object is found only after up to a minute.
    """
    fields = {"query": parameters.text, "limit": parameters.whole, "page": parameters.text}
    values = parameters.checked(sent, fields, ["query"])
    limit, _, _ = page(desk, {"limit": values.get("limit", _DEFAULT)})
    before = _place(values["page"]) if values.get("page") else None
    found = desk.ledger.find(kind, _filters(kind, values["query"]), limit=limit + 1, before=before)
    said = shown(found, limit, url)
    said["object"], said["next_page"] = "search_result", None
    if said["has_more"]:
        place = desk.ledger.seq(said["data"][-1]["id"])
        said["next_page"] = base64.urlsafe_b64encode(str(place).encode()).decode()
    return said


def _filters(kind: str, query: str) -> list[Filter]:
    rest, filters = query.strip(), list[Filter]()
    while rest:
        match = _CLAUSE.match(rest)
        if match is None:
            raise _unreadable(query)
        filters.append(_filter(kind, match))
        rest = rest[match.end() :].strip()
        if rest:
            joined = re.match(r"AND\s+", rest)
            rest = rest[joined.end() :] if joined else rest
    return filters


def _filter(kind: str, match: re.Match[str]) -> Filter:
    field = match["field"]
    if field == "metadata" and match["key"]:
        field = f'metadata."{match["key"]}"'
    elif field not in _SEARCHED[kind]:
        words = f"Field `{field}` is an unsupported search field for resource `{kind}s`."
        raise StripeError(words, param="query")
    if match["null"]:
        return field, "IS" if match["minus"] == "" else "IS NOT", None
    value: object = match["text"] if match["text"] is not None else int(match["number"])
    if isinstance(value, str) and match["text"].isdecimal() and not field.startswith("metadata"):
        value = int(value)
    if match["sign"] == "~":
        return field, "LIKE", f"%{value}%"
    sign = {":": "="}.get(match["sign"], match["sign"])
    return field, {"=": "IS NOT"}[sign] if match["minus"] else sign, value


def _unreadable(query: str) -> StripeError:
    words = (
        f"We were unable to parse your search query: {query}. See https://stripe.com/docs/search"
    )
    return StripeError(words, param="query")


def _place(page_token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(page_token))
    except (ValueError, binascii.Error):
        raise StripeError("Invalid page", param="page") from None
