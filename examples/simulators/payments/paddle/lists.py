"""Lists, a page at a time: https://developer.paddle.com/api-reference/about/pagination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulators.payments.ledger import Thing
from simulators.payments.paddle import errors, parameters
from simulators.payments.paddle.desk import Desk
from simulators.payments.paddle.errors import invalid

Filter = tuple[str, str, object]

_DEFAULT, _MOST = 50, 200
_PAGING: parameters.Fields = {
    "after": parameters.text,
    "order_by": parameters.text,
    "per_page": parameters.whole,
}
_ORDERS = {"id[asc]": True, "id[desc]": False}
_BOUNDS = {"": "=", "[LT]": "<", "[LTE]": "<=", "[GT]": ">", "[GTE]": ">="}


@dataclass(frozen=True)
class Page:
    """A page of a list."""

    data: list[Thing]
    per_page: int
    has_more: bool
    total: int


def listed(
    desk: Desk,
    kind: str,
    sent: Mapping[str, Any],
    fields: Mapping[str, str],
    *,
    moments: Sequence[str] = (),
    where: Sequence[Filter] = (),
) -> Page:
    """A page of entities, in the order of their ids; the newest first unless asked otherwise.

    Args:
        desk: What there is.
        kind: Of the entities.
        sent: Parameters as they came.
        fields: Filters and the fields they look at; values are parted by commas.
        moments: Fields that are filtered by a bound, as `created_at[GTE]`.
        where: Filters that always hold.

    Raises:
        PaddleError: A parameter is wrong.
    """
    bounds = {f"{name}{sign}": (name, op) for name in moments for sign, op in _BOUNDS.items()}
    taken = {
        **_PAGING,
        **dict.fromkeys(fields, parameters.several()),
        **dict.fromkeys(bounds, parameters.moment),
    }
    values = parameters.checked(sent, taken)
    filters = [*where]
    filters += [(fields[name], "IN", values[name]) for name in fields if name in values]
    filters += [(*bounds[name], values[name]) for name in bounds if name in values]
    order = values.get("order_by", "id[desc]").lower()
    if order not in _ORDERS:
        raise invalid(order_by="must be one of id[ASC], id[DESC]")
    size = min(values.get("per_page", _DEFAULT), _MOST)
    place = desk.ledger.seq(values["after"]) if "after" in values else None
    if "after" in values and place is None:
        raise errors.missing(values["after"])
    if _ORDERS[order]:
        found = desk.ledger.find(kind, filters, limit=size + 1, after=place or 0)[::-1]
    else:
        found = desk.ledger.find(kind, filters, limit=size + 1, before=place)
    total = desk.ledger.count(kind, filters)
    return Page(found[:size], size, len(found) > size, total)
