"""Parameters of requests: nested forms, and what each operation takes.

Whatever an operation does not list is refused, as Stripe refuses it.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simulators.payments.stripe.errors import StripeError

Kind = Callable[[str, Any], Any]
"""Takes the parameter's name and what was sent; returns the value or raises StripeError."""

Fields = Mapping[str, Kind]

_PART = re.compile(r"\[([^\]]*)\]")
_LONGEST = 5000
_METADATA_KEYS = 50


def parsed(text: str) -> dict[str, Any]:
    """A form, `a[b][0][c]=d`, as nested values; lists are given by number or by `[]`."""
    found: dict[str, Any] = {}
    for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True):
        head = name.partition("[")[0]
        path = [head, *_PART.findall(name[len(head) :])]
        place = found
        for part in path[:-1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise StripeError(f"Invalid {head}", param=head)
            place = inner
        last = path[-1] or str(len(place))
        place[last] = value
    return found


def checked(sent: Mapping[str, Any], fields: Fields, required: Sequence[str] = ()) -> Any:
    """What was sent, as values.

    Raises:
        StripeError: Something is unknown, missing or of another kind.
    """
    values = group(fields, required)("", sent)
    return values


def group(fields: Fields, required: Sequence[str] = ()) -> Kind:
    """A group of named parameters."""

    def check(name: str, sent: Any) -> Any:
        if sent == "":
            return None
        if not isinstance(sent, Mapping):
            raise StripeError(f"Invalid object: {sent}", "parameter_invalid_empty", name)
        values = {}
        for key, value in sent.items():
            full = f"{name}[{key}]" if name else key
            if key not in fields:
                raise StripeError(f"Received unknown parameter: {full}", "parameter_unknown", full)
            values[key] = fields[key](full, value)
        for key in required:
            if values.get(key) is None:
                full = f"{name}[{key}]" if name else key
                raise StripeError(f"Missing required param: {full}.", "parameter_missing", full)
        return values

    return check


def text(name: str, sent: Any) -> str | None:
    """A text; one that is empty clears the field."""
    if not isinstance(sent, str):
        raise StripeError(f"Invalid string: {sent}", param=name)
    if len(sent) > _LONGEST:
        raise StripeError(
            f"Invalid string: {sent[:8]}...; must be at most 5000 characters", param=name
        )
    return sent or None


def whole(name: str, sent: Any) -> int:
    """A whole number."""
    if not isinstance(sent, str) or not re.fullmatch(r"-?\d{1,15}", sent):
        raise StripeError(f"Invalid integer: {sent}", "parameter_invalid_integer", name)
    return int(sent)


def positive(name: str, sent: Any) -> int:
    """A whole number above zero."""
    value = whole(name, sent)
    if value < 1:
        words = "This value must be greater than or equal to 1."
        raise StripeError(words, "parameter_invalid_integer", name)
    return value


def flag(name: str, sent: Any) -> bool:
    """True or false."""
    if sent not in ("true", "false"):
        raise StripeError(f"Invalid boolean: {sent}", param=name)
    return bool(sent == "true")


def one_of(*values: str) -> Kind:
    """One of these words."""

    def check(name: str, sent: Any) -> str:
        if sent not in values:
            known = ", ".join(values[:-1]) + (f", or {values[-1]}" if values[1:] else values[0])
            raise StripeError(f"Invalid {name}: must be one of {known}", param=name)
        return str(sent)

    return check


def many(kind: Kind) -> Kind:
    """A list."""

    def check(name: str, sent: Any) -> list[Any]:
        if sent == "":
            return []
        if not isinstance(sent, Mapping) or not all(key.isdecimal() for key in sent):
            raise StripeError("Invalid array", param=name)
        return [kind(f"{name}[{key}]", sent[key]) for key in sorted(sent, key=int)]

    return check


def metadata(name: str, sent: Any) -> dict[str, str]:
    """Keys and texts that are the caller's own; an empty text takes a key away."""
    if sent == "":
        return {}
    if not isinstance(sent, Mapping) or not all(isinstance(v, str) for v in sent.values()):
        raise StripeError("Metadata must be a hash of strings", param=name)
    if len(sent) > _METADATA_KEYS:
        raise StripeError("Metadata can have at most 50 keys", param=name)
    return dict(sent)


def moments(name: str, sent: Any) -> list[tuple[str, int]]:
    """A moment, or bounds: operators and seconds since 1970."""
    if isinstance(sent, str):
        return [("=", whole(name, sent))]
    signs = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
    values = group(dict.fromkeys(signs, whole))(name, sent)
    return [(signs[key], value) for key, value in values.items()]


def currency(name: str, sent: Any) -> str:
    """A currency that is charged in: three letters."""
    said = str(sent).lower()
    if said not in ("usd", "eur", "gbp"):
        raise StripeError(f"Invalid currency: {said}.", param=name)
    return said


def merged(before: Mapping[str, str], sent: Mapping[str, str]) -> dict[str, str]:
    """Metadata after a change."""
    return {key: value for key, value in {**before, **sent}.items() if value}
