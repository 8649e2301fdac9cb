"""Where a rendered text stands in its source."""

from __future__ import annotations

import pytest

from drillbook.pages.locate import Source


@pytest.mark.parametrize(
    ("source", "text", "line"),
    [
        ("a\nb\nc\n", "b\nc\n", 2),
        ("x\n  a\n    b\n  c\n", "a\n  b\nc\n", 2),
        ("> a\n>\n> b\n", "a\n\nb\n", 1),
        ("- x\n\n  > a\n  >\n  > b\n", "a\n\nb\n", 3),
        ("  a\n\n  b\n", "a\n\nb\n", 1),
        ("x\n\na\n", "\na\n", 2),
        ("> > a\n", "> a\n", 1),
    ],
)
def test_text_is_found_under_a_prefix(source: str, text: str, line: int) -> None:
    assert Source(source).find(text, 1) == line


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a\nx\n", "a\nb\n"),
        ("  a\nb\n", "a\nb\n"),
        ("xa\n", "a\n"),
        ("a\n", "a\nb\n"),
        ("a b\n", "a\n"),
        ("a\n\nb\n", "a\nb\n"),
        ("a\n", "\n"),
    ],
)
def test_anything_else_is_not_there(source: str, text: str) -> None:
    assert Source(source).find(text, 1) == 0


def test_the_first_one_after_the_hint_is_taken() -> None:
    source = Source("a\nx\na\nx\na\n")
    assert source.find("a\n", 2) == 3


def test_an_earlier_one_is_better_than_none() -> None:
    assert Source("a\nx\n").find("a\n", 2) == 1


def test_no_line_is_given_twice_while_another_is_left() -> None:
    source = Source("a\nx\na\n")
    assert [source.find("a\n", 1) for _ in range(3)] == [1, 3, 1]
