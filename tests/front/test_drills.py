"""Drills, their control runs, and a step left out."""

from __future__ import annotations

from tests.front.book import DRILL, Book


def test_a_missed_objective_fails_and_shows_the_figures(book: Book) -> None:
    book.behave(drill={"status": "failed", "reason": "too slow", "recovered_s": 400.0})
    result = book.run("--drill", "primary-lost", "-v")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            f"{DRILL}objectives*FAILED*",
            f"{DRILL}control*NOT RUN*",
            "source/guide.md:40: failed: too slow",
            "  fault: kill db-1",
            "  recovered after 400.0 s + 600 s for people, RTO 900 s",
            "  lost 0 of 40 acknowledged writes (0 s), RPO 0 s; doubled 0",
            "  control run: not-run",
            "try: drillbook run --drill 'guide#primary-lost' --keep   (leaves the sandbox open)",
        ]
    )


def test_a_control_run_that_recovers_fails(book: Book) -> None:
    book.behave(control=["recovered", "it came back"])
    result = book.run("--drill", "primary-lost")
    assert result.ret == 1
    assert result.parseoutcomes()["failed"] == 1
    drill = book.report()["drills"][0]
    assert (drill["status"], drill["control"]) == ("failed", "recovered")
    assert drill["reason"] == "it came back"


def test_a_control_run_that_breaks_is_an_error_of_its_drill(book: Book) -> None:
    book.behave(control=["error", "the control run broke: no-engine"])
    assert book.run("--drill", "primary-lost").ret == 3
    assert book.report()["drills"][0]["status"] == "error"


def test_a_drill_that_did_not_pass_says_nothing_of_its_control_run(book: Book) -> None:
    book.behave(drill={"status": "failed", "reason": "too slow"}, control=["recovered", "it came"])
    book.run("--drill", "primary-lost")
    drill = book.report()["drills"][0]
    assert (drill["status"], drill["reason"], drill["control"]) == ("failed", "too slow", "not-run")


def test_no_control(book: Book) -> None:
    result = book.run("--drill", "primary-lost", "--no-control")
    assert result.parseoutcomes()["passed"] == 5
    assert "play guide#primary-lost leave_out= keep=False" in book.log()


def test_leave_one_out_fails_when_a_drill_passes_without_a_step(book: Book) -> None:
    book.behave(**{"green without": True})
    result = book.run("--drill", "primary-lost", "--leave-one-out", "-v")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            f"{DRILL}without-promote*FAILED*",
            "source/guide.md:60: failed: the drill passes without the step `promote`: either the"
            " step is not needed (say so with `optional`) or the drill does not notice",
        ]
    )
    assert "without-extra" not in "\n".join(result.outlines)


def test_leave_one_out_passes_when_the_drill_turns_red_and_is_not_reported(book: Book) -> None:
    result = book.run("--drill", "primary-lost", "--leave-one-out")
    assert result.ret == 0
    result.assert_outcomes(passed=7, deselected=3)
    assert "play guide#primary-lost leave_out=promote keep=False" in book.log()
    assert set(book.statuses().values()) == {"passed"}
