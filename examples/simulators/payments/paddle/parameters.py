"""Parameters of requests: bodies in JSON and queries, and what each operation takes.

Whatever an operation does not list is refused; which words Paddle has for that it does not
publish, so the message is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from simulators.payments.paddle.errors import invalid

Kind = Callable[[str, Any], Any]
"""Takes the parameter's name and what was sent; returns the value or raises PaddleError."""

Fields = Mapping[str, Kind]

_MOST_QUANTITY = 100


def checked(sent: Mapping[str, Any], fields: Fields, required: Sequence[str] = ()) -> Any:
    """What was sent, as values.

    Raises:
        PaddleError: Something is unknown, missing or of another kind.
    """
    unknown = {name: "is not allowed" for name in sent if name not in fields}
    if unknown:
        raise invalid(**unknown)
    lacking = {
        name: "must be provided as part of the request"
        for name in required
        if sent.get(name) is None
    }
    if lacking:
        raise invalid(**lacking)
    return {name: fields[name](name, value) for name, value in sent.items() if value is not None}


def text(name: str, sent: Any) -> str:
    """A text that is not empty."""
    if not isinstance(sent, str) or not sent:
        raise invalid(**{name: "must be a string"})
    return sent


def one_of(*values: str) -> Kind:
    """One of these words."""

    def check(name: str, sent: Any) -> str:
        if sent not in values:
            raise invalid(**{name: f"must be one of {', '.join(values)}"})
        return str(sent)

    return check


def several(kind: Kind = text) -> Kind:
    """A list in a query, parted by commas."""

    def check(name: str, sent: Any) -> list[Any]:
        return [kind(name, each) for each in str(sent).split(",")]

    return check


def whole(name: str, sent: Any) -> int:
    """A whole number above zero, also as a text of digits."""
    if isinstance(sent, bool) or not str(sent).isdecimal() or int(sent) < 1:
        raise invalid(**{name: "must be a number above 0"})
    return int(sent)


def flag(name: str, sent: Any) -> bool:
    """True or false."""
    if not isinstance(sent, bool):
        raise invalid(**{name: "must be a boolean"})
    return sent


def custom(name: str, sent: Any) -> dict[str, Any]:
    """Keys and values that are the caller's own."""
    if not isinstance(sent, Mapping):
        raise invalid(**{name: "must be an object"})
    return dict(sent)


def moment(name: str, sent: Any) -> int:
    """A moment of RFC 3339, as seconds since 1970."""
    try:
        return int(datetime.fromisoformat(str(sent)).timestamp())
    except ValueError:
        raise invalid(**{name: "must be a date in RFC 3339"}) from None


def items(name: str, sent: Any) -> list[dict[str, Any]]:
    """Prices and how many of each."""
    if not isinstance(sent, list) or not sent or not all(isinstance(e, Mapping) for e in sent):
        raise invalid(**{name: "must be a list of items"})
    fields: Fields = {"price_id": text, "quantity": whole}
    found = [checked(each, fields, ["price_id", "quantity"]) for each in sent]
    if any(each["quantity"] > _MOST_QUANTITY for each in found):
        raise invalid(**{name: f"quantity must be at most {_MOST_QUANTITY}"})
    return found


def adjusted(name: str, sent: Any) -> list[dict[str, Any]]:
    """Items of a transaction, and how much of each is given back."""
    if not isinstance(sent, list) or not sent or not all(isinstance(e, Mapping) for e in sent):
        raise invalid(**{name: "must be a list of items"})
    fields: Fields = {"item_id": text, "type": one_of("full", "partial"), "amount": whole}
    found = [checked(each, fields, ["item_id", "type"]) for each in sent]
    if any((each["type"] == "partial") != ("amount" in each) for each in found):
        raise invalid(**{name: "amount must be given for a partial item, and only there"})
    return found
