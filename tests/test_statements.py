"""Shell text as simple commands."""

from __future__ import annotations

import pytest

from drillbook.pages.statements import Redirect, statements


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ls -l", [["ls", "-l"]]),
        ("a 'b c' \"d e\"f\\ g", [["a", "b c", "d ef g"]]),
        ("a; b && c || d | e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("a \\\n  b\nc", [["a", "b"], ["c"]]),
        ("X=1 Y+=2 a b=c", [["a", "b=c"]]),
        ("a # b\nc#d", [["a"], ["c#d"]]),
        ("a \"$(b 'c)')\" `d`", [["b", "c)"], ["d"], ["a", "$(b 'c)')", "`d`"]]),
        ('a "${b:-c d}" $((1 < 2))', [["a", "${b:-c d}", "$((1 < 2))"]]),
        ("if a; then b; else c; fi", [["a"], ["b"], ["c"]]),
        ("while ! a; do { b; }; done", [["a"], ["b"]]),
        ("(a; b) | c", [["a"], ["b"], ["c"]]),
        ("((x < 3)) && a", [["a"]]),
        ("diff <(a) <(b c)", [["a"], ["b", "c"], ["diff"]]),
        ("a $'b\\'c' d", [["a", "b'c", "d"]]),
    ],
)
def test_words(text: str, words: list[list[str]]) -> None:
    assert [statement.words for statement in statements(text) if statement.words] == words


def test_documents_belong_to_their_command_and_are_no_commands() -> None:
    first, second, third = statements("a <<'X' | b <<-Y\n$(rm x)\nX\n\tq\n\tY\nc <<<'text'\n")
    assert (first.words, first.documents) == (["a"], ["$(rm x)"])
    assert (second.words, second.documents) == (["b"], ["q"])
    assert (third.words, third.documents, third.line) == (["c"], ["text"], 5)


def test_redirects() -> None:
    (found,) = statements("a >x 2>>'y z' </dev/null 2>&1 &>w")
    assert found.redirects == [
        Redirect("1", "x"),
        Redirect("2", "y z"),
        Redirect("0", "/dev/null"),
        Redirect("2", "&1"),
        Redirect("&", "w"),
    ]


def test_a_status_that_is_asked_for() -> None:
    found = {one.program: one for one in statements("if a | b; then c; fi; ! d; e && f")}
    assert {name for name, one in found.items() if one.condition} == {"a", "b", "d"}
    assert (found["e"].after, found["f"].before) == ("&&", "&&")


@pytest.mark.parametrize("text", ["'", '"', "$(", "${", "`", "((", "<<X", "a <", "\\", "[[ a", ")"])
def test_open_ends_are_read_to_the_end(text: str) -> None:
    statements(f"a {text}")
    statements(text)
