"""A list that is run: rows of questions, with the mark and the date of the block that answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import marks_sample
from tests.sphinx_book import Book
from tests.test_marks import page, sample, text_of


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = sample(tmp_path / "book")
    marks_sample.write(made.root / "build", made.plan())
    return made


def audit(book: Book, *rows: str) -> None:
    """Puts a list onto a page without blocks; its rows begin on line 4 of the addition."""
    other = book.root / "source/other.md"
    lines = ["", "```{drillbook-checks}", *rows, "```", ""]
    other.write_text(other.read_text() + "\n".join(lines))


def test_a_row_says_what_is_known_of_its_block_and_since_when(book: Book) -> None:
    audit(
        book,
        "runbooks/failover#context: Users are **known**",
        "runbooks/failover#failed: Nobody else gets in",
        "runbooks/payments#simulated: Events are signed",
    )
    assert (book.build("html"), book.warnings) == (0, "")
    table = page(book, "other").select("table")[-1]
    rows = [text_of(row) for row in table.select("tbody tr")]
    assert rows[0] == "Users are known context ✓ verified 23 Nov 2026 14:05 UTC"
    assert rows[1].startswith("Nobody else gets in failed × failed")
    assert rows[2].startswith("Events are signed simulated ≈ simulated")
    link = table.select_one("a")
    assert link is not None
    assert link["href"] == "runbooks/failover.html#snippet-context"
    # A copy that lies about for too long turns stale here as well.
    mark = table.select_one("[data-until]")
    assert mark is not None
    assert (mark["data-state"], mark["data-until"]) == ("verified", "2026-12-23")


def test_new_results_are_shown_although_the_page_did_not_change(book: Book) -> None:
    audit(book, "runbooks/failover#context: Users are known")
    assert book.build("html") == 0
    (book.root / "build/report-local.json").unlink()
    assert book.build("html") == 0
    assert "not run" in text_of(page(book, "other").select("table")[-1])


def test_a_block_that_is_gone_is_said_at_the_list(book: Book) -> None:
    audit(book, "runbooks/failover#gone: Users are known")
    book.build("html")
    assert "unknown-check: no page has the block 'runbooks/failover#gone'" in book.warnings
    assert "other.md:" in book.warnings


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["runbooks/failover#context"], "this is no row: 'runbooks/failover#context'"),
        (["context: One", "context: Two"], "there are two rows for the block other#context"),
        ([], "Content block expected"),
    ],
)
def test_a_list_that_cannot_be_read_is_an_error(book: Book, rows: list[str], said: str) -> None:
    audit(book, *rows)
    book.build("html")
    assert said in book.warnings


def test_the_catalogue_lists_every_drill_with_what_it_asks(book: Book) -> None:
    other = book.root / "source/other.md"
    other.write_text(other.read_text() + "\n```{drillbook-summary} catalogue\n```\n")
    assert (book.build("html"), book.warnings) == (0, "")
    table = page(book, "other").select(".db-table")[-1]
    plan = book.plan()
    drills = [s for each in plan.pages for s in each.scenarios if s.drill is not None]
    rows = table.select("tbody tr")
    assert len(rows) == len(drills) > 0
    for row, scenario in zip(rows, drills, strict=True):
        assert scenario.drill is not None
        text = text_of(row)
        assert text.startswith(f"{scenario.drill.name}{scenario.drill.fault}{scenario.title}")
