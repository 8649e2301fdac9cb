"""What goes wrong: what is said, and with which status the run ends."""

from __future__ import annotations

import pytest

from tests.front.book import Book


def test_a_page_failure_shows_place_excerpt_details_and_what_to_try(book: Book) -> None:
    reason = "it printed something else\n    $ look --second\n-second\n+2nd"
    book.behave(snippets={"look": {"status": "failed", "reason": reason, "line": 22}})
    result = book.run("--page", "guide", "-k", "page")
    assert result.ret == 1
    assert (
        "source/guide.md:22: failed: it printed something else\n"
        "  20 | $ look --first\n"
        "  21 | first\n"
        "> 22 | $ look --second\n"
        "  23 | second\n"
        "    $ look --second\n"
        "-second\n"
        "+2nd\n"
        "try: drillbook run --snippet 'guide#look' --keep   (leaves the sandbox open)\n"
        "     or, if the page is what is out of date, the same with --update"
    ) in "\n".join(result.outlines)
    assert "Traceback" not in "\n".join(result.outlines)
    assert (
        "failed: source/guide.md:22: guide#page look: it printed something else" in result.outlines
    )
    assert "1 not-run" in result.outlines[-1]
    assert book.statuses()["guide#page guide#tidy"] == "not-run"


def test_a_harness_error_is_status_3_and_not_a_page_failure(book: Book) -> None:
    book.behave(snippets={"look": {"raise": "host-gone"}})
    result = book.run("-k", "page")
    assert result.ret == 3
    assert "1 passed, 6 deselected, 1 error, 1 not-run in" in result.outlines[-1]
    assert "source/guide.md:20: error: host-gone: it broke" in "\n".join(result.outlines)
    assert "close guide#page" in book.log()
    assert book.statuses()["guide#page guide#look"] == "error"


def test_a_broken_harness_outweighs_a_failed_page(book: Book) -> None:
    book.behave(
        snippets={"tidy": {"status": "failed", "reason": "no"}, "confirm": {"raise": "host-gone"}}
    )
    assert book.run().ret == 3


def test_a_bug_of_the_harness_shows_its_traceback(book: Book) -> None:
    book.behave(snippets={"look": {"raise": "bug"}})
    result = book.run("-k", "page")
    assert result.ret == 3
    assert "ZeroDivisionError: a bug" in "\n".join(result.outlines)
    assert "close guide#page" in book.log()


def test_ctrl_c_is_status_2_and_keeps_what_finished(book: Book) -> None:
    book.behave(snippets={"tidy": {"raise": "interrupt"}})
    result = book.run_apart()
    assert result.ret == 2
    assert book.statuses() == {
        "guide#page guide#context": "passed",
        "guide#page guide#look": "passed",
    }
    assert "close guide#page" in book.log()


def test_skipped_with_the_pages_reason(book: Book) -> None:
    book.behave(snippets={"look": {"status": "skipped", "reason": "needs a real account"}})
    result = book.run("-k", "page", "-rs")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["SKIPPED*source/guide.md:20: needs a real account"])
    result.assert_outcomes(passed=2, skipped=1, deselected=6)


def test_not_run_alone_is_no_green_run(book: Book) -> None:
    book.behave(snippets={"tidy": {"status": "not-run", "reason": "for no reason"}})
    assert book.run("-k", "page").ret == 3


def test_too_few_results_are_an_error(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    book.behave(snippets={"tidy": {"id": "guide#other"}})
    result = book.run("-k", "page")
    assert result.ret == 3
    assert (
        "source/guide.md:30: error: out-of-step: the run gave the result of guide#other"
        " instead of guide#tidy"
    ) in "\n".join(result.outlines)


def test_a_missing_server_skips_on_a_laptop(book: Book) -> None:
    book.behave(absent="postgresql is not on this machine")
    result = book.run("-rs")
    assert result.ret == 0
    assert set(result.parseoutcomes()) == {"skipped"}
    assert "missing-server: postgresql is not on this machine" in "\n".join(result.outlines)
    assert set(book.statuses().values()) == {"skipped"}


def test_a_missing_server_is_an_error_in_ci(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    book.behave(absent="postgresql is not on this machine")
    assert book.run().ret == 3
