"""What is not run again."""

from __future__ import annotations

from typing import Any

import pytest

from drillbook import clock
from drillbook import report as reports
from drillbook.verification import verify_drills
from tests import fake_book
from tests.front.book import Book


def test_an_unchanged_book_is_not_run_again(book: Book) -> None:
    book.run()
    book.log()
    result = book.run("-v")
    assert result.ret == 0
    result.assert_outcomes(passed=9)
    assert "\n".join(result.outlines).count("PASSED (reused)") == 9
    assert book.log() == ["close backend"]


@pytest.mark.parametrize(
    "change",
    [{"digest": "d2"}, {"versions": {"postgresql": "18.1"}}],
    ids=["digest", "server version"],
)
def test_a_change_runs_again(book: Book, change: dict[str, Any]) -> None:
    book.run()
    book.log()
    book.behave(**change)
    book.run()
    assert len(book.ran()) == 7


def test_failures_are_never_reused(book: Book) -> None:
    book.behave(snippets={"look": {"status": "failed", "reason": "no"}})
    book.run()
    book.behave()
    book.log()
    assert book.run().ret == 0
    assert book.ran() == ["context", "look", "tidy"]


@pytest.mark.parametrize("how", ["--fresh", "CI"])
def test_fresh_and_ci_run_everything(book: Book, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    book.run()
    book.log()
    if how == "CI":
        monkeypatch.setenv("CI", "1")
    book.run(*([how] if how != "CI" else []))
    assert len(book.ran()) == 7


def test_a_drill_without_its_control_is_not_reused_where_controls_are_on(book: Book) -> None:
    book.run("--no-control")
    assert book.report()["drills"][0]["control"] == "not-run"
    book.log()
    book.run()
    log = book.log()
    assert "control guide#primary-lost told=passed" in log
    assert not [line for line in log if line.startswith("ran ")]
    assert book.report()["drills"][0]["control"] == "stayed-down"


def test_a_control_run_counts_only_for_the_result_it_was_made_for(book: Book) -> None:
    book.run()
    assert book.report()["drills"][0]["control"] == "stayed-down"
    # What still stands keeps the control run that was made for it.
    book.run("--no-control")
    assert book.report()["drills"][0]["control"] == "stayed-down"
    book.run("--no-control", "--fresh")
    assert book.report()["drills"][0]["control"] == "not-run"
    known = reports.read(book.folder / "build/report-local.json")
    (mark,) = verify_drills(fake_book.plan(), [known], clock.today()).values()
    assert (mark.state, mark.reason) == ("verified", "without a control run")
