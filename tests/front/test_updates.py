"""`--update`: what is written into a page, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.front.book import Book


def _page(book: Book) -> Path:
    """The page of the fake book, as far as `look` stands on it."""
    (book.folder / "source").mkdir()
    page = book.folder / "source/guide.md"
    block = "$ look --first\nfirst\n$ look --second\nsecond\n"
    page.write_text("\n" * 18 + f"```console\n{block}```\n")
    return page


def test_update_writes_what_was_printed_and_shows_the_difference(book: Book) -> None:
    page = _page(book)
    book.behave(snippets={"look": {"status": "failed", "reason": "differs", "prints": "1st\n"}})
    result = book.run("--snippet", "look", "--update")
    assert result.ret == 0
    assert page.read_text().splitlines()[18:] == [
        "```console",
        "$ look --first",
        "1st",
        "$ look --second",
        "second",
        "```",
    ]
    result.stdout.fnmatch_lines(["*written into the pages; run again to verify*", "-first", "+1st"])


def test_without_update_the_page_stays(book: Book) -> None:
    page = _page(book)
    before = page.read_text()
    book.behave(snippets={"look": {"status": "failed", "reason": "differs", "prints": "1st\n"}})
    assert book.run("--snippet", "look").ret == 1
    assert page.read_text() == before


def test_update_refuses_output_that_cannot_stand_in_a_page(book: Book) -> None:
    page = _page(book)
    before = page.read_text()
    book.behave(snippets={"look": {"status": "failed", "reason": "differs", "prints": "\x07\n"}})
    result = book.run("--snippet", "look", "--update")
    assert result.ret == 1
    assert "source/guide.md:20: output-not-text: " in "\n".join(result.outlines)
    assert page.read_text() == before


def test_an_update_of_a_page_that_changed_meanwhile_is_refused(book: Book) -> None:
    page = _page(book)
    page.write_text("something else\n")
    book.behave(snippets={"look": {"status": "failed", "reason": "differs", "prints": "1st\n"}})
    result = book.run("--snippet", "look", "--update")
    assert result.ret == 1
    assert "source-changed" in "\n".join(result.outlines)
    result.assert_outcomes(passed=1, failed=1)
    (look,) = [each for each in book.report()["results"] if each["id"] == "guide#look"]
    assert look["status"] == "failed"
    assert look["reason"].startswith(
        "it printed something else, and the page was not changed: source/guide.md:20: "
        "source-changed: "
    )


@pytest.mark.parametrize("ended", ["refused", "interrupted", "no room"])
def test_an_update_that_is_not_written_leaves_no_pass(
    book: Book, ended: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = _page(book)
    if ended == "refused":
        page.write_text("something else\n")
    if ended == "no room":
        monkeypatch.setattr(os, "fsync", _no_room)
    said = {"look": {"status": "failed", "reason": "differs", "prints": "1st\n"}}
    if ended == "interrupted":
        said["tidy"] = {"raise": "interrupt"}
    book.behave(snippets=said)
    # In this process an interrupt would end the tests themselves.
    run_book = book.run_apart if ended == "interrupted" else book.run
    result = run_book("--page", "guide", "--update")
    assert result.ret == (2 if ended == "interrupted" else 1)
    found = book.statuses()
    assert found["guide#page guide#context"] == "passed"
    assert found["guide#page guide#look"] == "failed"
    assert found.get("guide#page guide#tidy", "not-run") == "not-run"
    assert "1st" not in page.read_text()
    # The next run does not take a pass of this one for its own.
    book.behave(snippets={"look": {"status": "failed", "reason": "differs"}})
    assert book.run("--snippet", "look").ret == 1


def _no_room(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def test_what_follows_a_written_update_passes_only_when_it_is_run_again(book: Book) -> None:
    _page(book)
    said = {"status": "failed", "reason": "differs", "prints": "1st\n"}
    book.behave(snippets={"look": said})
    assert book.run("--page", "guide", "--update").ret == 0
    digests = {r["id"]: r["digest"] for r in book.report()["results"]}
    # The fake book's plan stays as it was: as if the page's old text were put back.
    assert (digests["guide#look"], digests["guide#tidy"]) == ("", "")
    assert digests["guide#context"] == "d1-context"
    book.log()
    book.behave(snippets={"look": {**said, "prints": "1st\n"}})
    assert book.run("--snippet", "look").ret == 1
    assert "look" in book.ran()
