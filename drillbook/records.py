"""Frozen records and the JSON that files hold of them.

What is read is checked field by field: a file may have been edited by hand, or written by
another version. A library that does both was looked for: msgspec and cattrs do not refuse a
field that a frozen dataclass lacks, and importing pydantic takes as long as reading the plan
of a thousand pages may.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

_Any = TypeVar("_Any")
_Read = Callable[[Any, str], Any]
"""Makes a field's value of what JSON gave; the text is the field's name, for records in it."""

_NAMES: dict[Any, tuple[str, ...]] = {}
_SHAPES: dict[Any, tuple[Mapping[str, _Read], frozenset[str]]] = {}

_REFUSED = object()
"""What a `_Read` gives for a value that is not of its type."""


class ShapeError(Exception):
    """A value of the file is not what the record says."""


def plain(record: Any) -> dict[str, Any]:
    """A record as JSON writes it; texts and mappings are not copied."""
    return {name: _plain(getattr(record, name)) for name in _names(type(record))}


def record(kind: type[_Any], data: Any, place: str) -> _Any:
    """The record that a JSON object says, with the records in it.

    Args:
        kind: A dataclass.
        data: What JSON gave.
        place: What the object is called in an error, e.g. `results[3]`.

    Raises:
        ShapeError: It is no object of this shape.
    """
    if not isinstance(data, dict):
        raise ShapeError(f"{place} is not an object")
    readers, required = _shape(kind)
    if unknown := sorted(data.keys() - readers.keys()):
        raise ShapeError(f"{place} has the unknown field `{unknown[0]}`")
    if missing := sorted(required - data.keys()):
        raise ShapeError(f"{place} lacks the field `{missing[0]}`")
    values: dict[str, Any] = {}
    for name, value in data.items():
        values[name] = readers[name](value, name)
        if values[name] is _REFUSED:
            raise ShapeError(f"{place} has {json.dumps(value)[:60]} as `{name}`")
    return kind(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return plain(value) if is_dataclass(value) else value


def _names(kind: Any) -> tuple[str, ...]:
    if kind not in _NAMES:
        _NAMES[kind] = tuple(field.name for field in fields(kind))
    return _NAMES[kind]


def _shape(kind: Any) -> tuple[Mapping[str, _Read], frozenset[str]]:
    """How each field is read, and which must be there."""
    if kind in _SHAPES:
        return _SHAPES[kind]
    hints = get_type_hints(kind)
    required = frozenset(
        field.name
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    )
    _SHAPES[kind] = {name: _reader(hints[name]) for name in _names(kind)}, required
    return _SHAPES[kind]


def _reader(hint: Any) -> _Read:
    """How a value of a type is read; a type that has no reader yet fails at once."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return lambda value, place: record(hint, value, place)
    if origin is tuple:
        return _tuple_reader(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        each = _reader(arguments[1])
        return lambda value, place: (
            value
            if isinstance(value, dict)
            and not any(each(one, place) is _REFUSED for one in value.values())
            else _REFUSED
        )
    if origin in (Union, UnionType):
        options = [_reader(one) for one in arguments]
        return lambda value, place: next(
            (read for one in options if (read := one(value, place)) is not _REFUSED), _REFUSED
        )
    if origin is Literal:
        return lambda value, _: value if type(value) is str and value in arguments else _REFUSED
    # An int is a float to JSON; a bool is an int to Python alone.
    kinds: dict[Any, set[type[Any]]] = {
        str: {str},
        int: {int},
        float: {int, float},
        bool: {bool},
        NoneType: {NoneType},
    }
    if hint not in kinds:
        raise TypeError(f"a field of a record is of the type {hint}, which is not read")
    allowed = kinds[hint]
    return lambda value, _: value if type(value) in allowed else _REFUSED


def _tuple_reader(arguments: tuple[Any, ...]) -> _Read:
    many = arguments[1:] == (...,)
    readers = [_reader(one) for one in (arguments[:1] if many else arguments)]

    def read(value: Any, place: str) -> Any:
        if not isinstance(value, list) or not (many or len(value) == len(readers)):
            return _REFUSED
        each = readers * len(value) if many else readers
        found = tuple(
            reader(one, f"{place}[{at}]")
            for at, (reader, one) in enumerate(zip(each, value, strict=True))
        )
        return _REFUSED if _REFUSED in found else found

    return read
