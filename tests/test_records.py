"""Records and the JSON that files hold of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from drillbook import records
from drillbook.model import DrillResult, Options, Report, Result
from drillbook.records import ShapeError


@dataclass(frozen=True)
class Inner:
    """A record in a record."""

    name: str


@dataclass(frozen=True)
class Outer:
    """Every type of a field."""

    text: str
    count: int = 0
    length: float | None = None
    kind: Literal["a", "b"] = "a"
    inner: tuple[Inner, ...] = ()
    rows: tuple[tuple[str, int], ...] = ()
    by_name: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    yes: bool = False


WHOLE = Outer("x", 1, 0.5, "b", (Inner("one"),), (("r", 2),), {"k": ("v", "w")}, True)


def test_what_is_written_is_read_again() -> None:
    text = json.dumps(records.plain(WHOLE))
    found = records.record(Outer, json.loads(text), "it")
    assert (found.inner, found.rows, found.yes) == (WHOLE.inner, WHOLE.rows, True)
    assert json.dumps(records.plain(found)) == text


@pytest.mark.parametrize("kind", [Options, Result, DrillResult, Report])
def test_every_record_of_a_file_can_be_read(kind: type[Any]) -> None:
    with pytest.raises(ShapeError, match="it has the unknown field `none`"):
        records.record(kind, {"none": 1}, "it")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"text": 1}, "it has 1 as `text`"),
        ({"count": True}, "it has true as `count`"),
        ({"count": 1.5}, "it has 1.5 as `count`"),
        ({"length": "1"}, 'it has "1" as `length`'),
        ({"kind": "c"}, 'it has "c" as `kind`'),
        ({"rows": [["r"]]}, 'it has [["r"]] as `rows`'),
        ({"rows": [["r", "2"]]}, 'it has [["r", "2"]] as `rows`'),
        ({"by_name": {"k": [1]}}, 'it has {"k": [1]} as `by_name`'),
        ({"inner": [{"name": "a"}, {"name": 1}]}, "inner[1] has 1 as `name`"),
        ({"inner": [{}]}, "inner[0] lacks the field `name`"),
        ({"inner": [[]]}, "inner[0] is not an object"),
        ({"yes": 1}, "it has 1 as `yes`"),
    ],
)
def test_a_value_of_another_type_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ShapeError) as caught:
        records.record(Outer, {"text": "x", **change}, "it")
    assert str(caught.value) == said


def test_a_type_that_is_not_read_fails_at_once() -> None:
    @dataclass
    class Odd:
        value: complex = 0j

    with pytest.raises(TypeError, match="is of the type <class 'complex'>, which is not read"):
        records.record(Odd, {}, "it")
