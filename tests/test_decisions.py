"""Decisions: what a record must have, what holds it, and the next one from the template."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from drillbook.decisions import __main__, record
from drillbook.errors import PageError

ROOT = Path(__file__).parent.parent
TODAY = date(2026, 11, 26)
GOOD = """\
---
status: accepted
decided: 2026-11-26
---

# ADR-001: Ids have types

## Context

Facts.

## Options

| Option | For |
|---|---|
| none | easy |

## Decision

Types.

## Consequences

Better.

## Validation

- `tests/test_ids.py::test_types`
- `docs/ids#shown`

## Read next
"""
NAME = "source/adr/ADR-001-ids-have-types.md"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A folder with one good record, a test and a page that it names."""
    for name, text in {
        NAME: GOOD,
        "tests/test_ids.py": "def test_types() -> None: ...\n",
        "source/docs/ids.md": "```{code-block} console\n:name: shown\n\n$ true\n```\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    shutil.copy(ROOT / __main__.TEMPLATE, tmp_path / record.FOLDER)
    return tmp_path


def said(book: Path, old: str = "", new: str = "") -> list[str]:
    """What is wrong with the record once it was changed."""
    assert old in GOOD
    (book / NAME).write_text(GOOD.replace(old, new) if old else GOOD)
    return [str(error) for each in record.read_all(book) for error in each.errors]


def test_the_books_own_records_are_good() -> None:
    records = record.read_all(ROOT)
    assert [str(error) for each in records for error in each.errors] == []
    assert [each.number for each in records][:4] == ["ADR-001", "ADR-002", "ADR-003", "ADR-004"]
    assert {each.status for each in records[:4]} == {"accepted"}


def test_a_record_is_read(book: Path) -> None:
    assert said(book) == []
    [each] = record.read_all(book)
    assert (each.number, each.title, each.status) == ("ADR-001", "Ids have types", "accepted")
    assert each.held_by == ("tests/test_ids.py::test_types", "docs/ids#shown")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "status: accepted\n", "",
            ":1: decision-status: the record has no `status`\n"
            "  hint: one of proposed, accepted, rejected, deprecated, superseded",
        ),
        (
            "status: accepted", "status: agreed",
            ":2: decision-status: `status` is 'agreed'\n"
            "  hint: one of proposed, accepted, rejected, deprecated, superseded",
        ),
        (
            "status: accepted", "status: superseded\nsuperseded-by: ADR-002",
            ":1: decision-successor: `superseded-by` is 'ADR-002'\n  hint: one of ADR-001",
        ),
        (
            "decided: 2026-11-26", "decided: yesterday",
            ":3: decision-date: 'yesterday' is no date\n  hint: YYYY-MM-DD",
        ),
        (
            "# ADR-001: Ids", "# Ids",
            ":6: decision-title: the title does not begin with `ADR-001: `",
        ),
        (
            "## Validation\n\n- `tests/test_ids.py::test_types`\n- `docs/ids#shown`\n\n", "",
            ":1: decision-section: there is no section Validation\n"
            "  hint: source/adr/template.txt has them all",
        ),
        (
            "- `tests/test_ids.py::test_types`\n- `docs/ids#shown`", "Somebody looks.",
            ":26: decision-validation: Validation names neither a test nor a block of a page\n"
            "  hint: `tests/test_x.py::test_y`, or `docs/page#name`",
        ),
        (
            "::test_types", "::test_type",
            ":28: decision-validation: there is no tests/test_ids.py::test_type\n"
            "  hint: name a test function, or a block or drill by the name that its page gives it",
        ),
        (
            "#shown", "#show",
            ":29: decision-validation: there is no docs/ids#show\n"
            "  hint: name a test function, or a block or drill by the name that its page gives it",
        ),
        ("Facts.", "", ":8: decision-section: `Context` is empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_line(book: Path, old: str, new: str, message: str) -> None:
    assert said(book, old, new) == [NAME + message]


def test_a_number_is_there_once(book: Path) -> None:
    (book / record.FOLDER / "ADR-001-again.md").write_text(GOOD)
    errors = [str(error) for each in record.read_all(book) for error in each.errors]
    assert [error.partition(": ")[2].partition("\n")[0] for error in errors] == [
        "decision-number: ADR-001 is there 2 times"
    ] * 2


def test_the_next_record_comes_from_the_template_and_is_not_yet_good(book: Path) -> None:
    made = __main__.new(book, "Rate limits are counted in Redis", TODAY)
    assert made.name == "ADR-002-rate-limits-are-counted-in-redis.md"
    assert "# ADR-002: Rate limits are counted in Redis\n" in made.read_text()
    codes = {error.code for error in record.read(book, made).errors}
    assert codes == {"decision-section", "decision-validation"}


def test_a_title_without_words_makes_nothing(book: Path) -> None:
    with pytest.raises(PageError, match="decision-title: no file's name can be made of '!'"):
        __main__.new(book, "!", TODAY)
    assert len(list((book / record.FOLDER).glob("*.md"))) == 1


def test_lint_prints_every_error(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(book)
    assert __main__.main(["check"]) == __main__.OK
    assert capsys.readouterr().out == "1 decisions, 2 validations\n"
    said(book, "status: accepted\n", "")
    assert __main__.main(["check"]) == __main__.WRONG
    assert "decision-status" in capsys.readouterr().err
