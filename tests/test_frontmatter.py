"""The front matter of a page."""

from __future__ import annotations

import pytest

from drillbook.pages.frontmatter import FrontMatter, missing, read

PATH = "source/x.md"
GOOD = """\
---
owner: platform on call
review-cycle: after-incident
last-reviewed: 2026-11-23
stack:
  - db-1
  - db-2
tocdepth: 2
---
# Title
"""


def test_front_matter_is_read_with_the_line_of_each_key() -> None:
    found, lines, errors = read(GOOD, PATH)
    assert errors == []
    keys = frozenset({"owner", "review-cycle", "last-reviewed", "stack"})
    assert found == FrontMatter(
        "platform on call", "after-incident", "2026-11-23", ("db-1", "db-2"), keys
    )
    assert (lines["owner"], lines["stack"]) == (2, 5)
    assert missing(found, PATH) == []


@pytest.mark.parametrize("text", ["# Title\n", "", "text\n---\nowner: a\n---\n", "---\n---\n"])
def test_a_page_may_have_none(text: str) -> None:
    assert read(text, PATH) == (FrontMatter(), {}, [])


def test_every_missing_key_is_named() -> None:
    found, _, _ = read("---\nowner: a\nstack:\n---\n", PATH)
    assert [str(error) for error in missing(found, PATH)] == [
        "source/x.md:1: front-matter: The page has snippets but its front matter has no "
        "`review-cycle`.\n  hint: For example `review-cycle: monthly`.",
        "source/x.md:1: front-matter: The page has snippets but its front matter has no "
        "`last-reviewed`.\n  hint: For example `last-reviewed: 2026-11-23`.",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("owner:", "`owner` names nobody."),
        ("owner: [a]", "`owner` names nobody."),
        ("review-cycle: yearly", "`review-cycle` is 'yearly'."),
        ("review-cycle: [a]", "`review-cycle` is ['a']."),
        ("last-reviewed: yesterday", "`last-reviewed` is 'yesterday', not a date."),
        ("last-reviewed: 2026-11-23 10:00:00", "`last-reviewed` is datetime"),
        ("stack: db-1", "`stack` is not a list of services."),
        ("stack: [1]", "`stack` is not a list of services."),
    ],
)
def test_wrong_values(line: str, message: str) -> None:
    _, _, (error,) = read(f"---\ntitle: x\n{line}\n---\n", PATH)
    assert str(error).startswith(f"source/x.md:3: front-matter: {message}")
    assert error.hint


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("owner: a: b\n", 2, "mapping values are not allowed here"),
        ("owner: a\nstack: [db-1\n", 4, "expected ',' or ']'"),
        ("owner: a\n\tb: c\n", 3, "found character '\\t'"),
        ("- a\n", 2, "is a list"),
        ("last-reviewed: 2026-02-31\n", 2, "day is out of range"),
    ],
)
def test_what_does_not_parse_is_said_with_its_line(text: str, line: int, message: str) -> None:
    _, _, (error,) = read(f"---\n{text}---\n", PATH)
    assert error.code == "front-matter"
    assert error.where is not None
    assert (error.where.line, message in error.message) == (line, True), str(error)
