"""The pytest front against a fake book (`fake_book`): what runs, what is said, what is written."""

from __future__ import annotations

import inspect
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from drillbook import clock, pytest_plugin, run
from drillbook import report as reports
from drillbook.verification import verify_drills
from tests import fake_book

HERE = Path(__file__).parent
# Imported here, the plugin and all it needs is one and the same for every run in this process.
DRILL = f"{pytest_plugin.PLAN}::guide#primary-lost::"
PAGE = f"{pytest_plugin.PLAN}::guide#page::"


class Book:
    """A project folder with the fake book in it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path
        (self.folder / "build").mkdir()
        (self.folder / "build/plan.json").write_text("{}")
        (self.folder / "examples").mkdir()
        (self.folder / "examples/compose.yaml").write_text("services: {db-1: {}}\n")
        # This process has imported the plugin before.
        (self.folder / "pytest.ini").write_text(
            "[pytest]\nfilterwarnings = ignore::pytest.PytestAssertRewriteWarning\n"
        )

    def behave(self, **said: Any) -> None:
        (self.folder / "behaviour.json").write_text(json.dumps(said))

    def run(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_inprocess(
            "-p", "fake_book", "-p", "drillbook.pytest_plugin", *self._paths(arguments)
        )

    def run_apart(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(
            "-p", "fake_book", "-p", "drillbook.pytest_plugin", *self._paths(arguments)
        )

    @staticmethod
    def _paths(arguments: tuple[str, ...]) -> tuple[str, ...]:
        named = any(argument.startswith("build/") for argument in arguments)
        return arguments if named else ("build/plan.json", *arguments)

    def log(self) -> list[str]:
        path = self.folder / "log.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def ran(self) -> list[str]:
        return [line.removeprefix("ran ") for line in self.log() if line.startswith("ran ")]

    def report(self, backend: str = "local") -> dict[str, Any]:
        path = self.folder / f"build/report-{backend}.json"
        data: dict[str, Any] = json.loads(path.read_text())
        return data

    def statuses(self) -> dict[str, str]:
        return {f"{r['scenario']} {r['id']}": r["status"] for r in self.report()["results"]}


@pytest.fixture
def book(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Book:
    for name in ("CI", "GITHUB_ACTIONS", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parent), *sys.path]))
    pytester.syspathinsert(HERE)
    return Book(pytester)


def test_the_fake_is_called_like_the_real_one() -> None:
    real, fake = inspect.signature(run.play), inspect.signature(fake_book.play)
    assert list(real.parameters) == list(fake.parameters)


def test_an_item_for_each_snippet_and_for_a_drill_objectives_and_control(book: Book) -> None:
    result = book.run("-v")
    assert result.ret == 0
    result.assert_outcomes(passed=9)
    said = "\n".join(result.outlines)
    names = re.findall(r"^(build/plan\.json::\S+) .*PASSED", said, re.MULTILINE)
    assert names == [
        PAGE + "context",
        PAGE + "look",
        PAGE + "tidy",
        DRILL + "context",
        DRILL + "confirm",
        DRILL + "promote",
        DRILL + "extra",
        DRILL + "objectives",
        DRILL + "control",
    ]
    assert "PASSED (0.25 s)" in said


def test_each_scenario_has_one_sandbox_that_ends_before_the_next_begins(book: Book) -> None:
    book.run()
    assert [line for line in book.log() if not line.startswith("ran ")] == [
        "play guide#page leave_out= keep=False",
        "open guide#page",
        "close guide#page",
        "play guide#primary-lost leave_out= keep=False",
        "open guide#primary-lost",
        "close guide#primary-lost",
        "control guide#primary-lost told=passed",
        "open guide#primary-lost control",
        "close guide#primary-lost control",
        "close backend",
    ]


def test_the_report_holds_results_drills_versions(book: Book) -> None:
    book.run()
    report = book.report()
    assert report["versions"] == {"postgresql": "17.10"}
    assert [drill["control"] for drill in report["drills"]] == ["stayed-down"]
    assert len(report["results"]) == 7
    assert report["results"][0] == {
        "id": "guide#context",
        "scenario": "guide#page",
        "digest": "d1-context",
        "status": "passed",
        "reason": "",
        "exit_code": None,
        "duration_s": 0.25,
        "started": report["results"][0]["started"],
        "path": "source/guide.md",
        "line": 10,
        "evidence": "local/guide/page/context.json",
        "waited_s": 0.0,
        "simulated": [],
        "commit": "",
        "seal": report["results"][0]["seal"],
        "versions": {"postgresql": "17.10"},
    }


# What is selected


@pytest.mark.parametrize(
    ("arguments", "ran"),
    [
        (["--snippet", "look"], ["context", "look"]),
        (["--snippet", "guide#look"], ["context", "look"]),
        (["--snippet", "promote"], ["context", "confirm", "promote"]),
        (["--snippet", "context"], ["context"]),
        (["--drill", "primary-lost"], ["context", "confirm", "promote", "extra"]),
        (["--drill", "guide#primary-lost"], ["context", "confirm", "promote", "extra"]),
        (["--page", "source/guide.md", "-k", "look"], ["context", "look"]),
        (["-k", "look or confirm"], ["context", "look", "context", "confirm"]),
        ([PAGE + "look"], ["context", "look"]),
        ([DRILL + "confirm"], ["context", "confirm"]),
    ],
)
def test_a_selected_snippet_brings_what_comes_before_it(
    book: Book, arguments: list[str], ran: list[str]
) -> None:
    result = book.run(*arguments)
    assert result.ret == 0
    assert book.ran() == ran
    extra = 2 if "--drill" in arguments else 0
    result.assert_outcomes(passed=len(ran) + extra, deselected=_deselected(result))


def _deselected(result: pytest.RunResult) -> int:
    return result.parseoutcomes().get("deselected", 0)


def test_predecessors_do_not_count_as_deselected(book: Book) -> None:
    assert book.run("--snippet", "look").parseoutcomes() == {"passed": 2, "deselected": 7}
    assert book.run("-k", "look").parseoutcomes() == {"passed": 2, "deselected": 7}


def test_a_predecessor_that_fails_is_what_turns_a_selection_red(book: Book) -> None:
    book.behave(snippets={"context": {"status": "failed", "reason": "no"}})
    result = book.run("--snippet", "look", "-v")
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"{PAGE}context*FAILED*", f"{PAGE}look*NOT RUN*"])


def test_a_part_of_a_drill_has_no_verdict(book: Book) -> None:
    book.run("--snippet", "promote")
    report = book.report()
    assert report["drills"] == []
    assert [r["id"] for r in report["results"]][1:] == ["guide#confirm", "guide#promote"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--drill", "primary-lots"],
            "nothing-selected: no snippet matches --drill primary-lots\n"
            "  hint: did you mean --drill primary-lost? `drillbook list` names all",
        ),
        (
            ["--page", "nowhere"],
            "nothing-selected: no snippet matches --page nowhere\n"
            "  hint: `drillbook list` names all",
        ),
        (
            ["-k", "nothing"],
            "nothing-selected: no snippet matches -k 'nothing'\n  hint: `drillbook list` names all",
        ),
    ],
)
def test_nothing_selected_is_status_5_and_says_so(
    book: Book, arguments: list[str], message: str
) -> None:
    result = book.run(*arguments)
    assert result.ret == 5
    assert message in "\n".join(result.outlines)
    assert not (book.folder / "build/report-local.json").exists()


# What goes wrong


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


# Drills


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


# Servers that lack


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


# Reuse


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


# xdist


def test_workers_keep_a_scenario_together_and_send_results_home(book: Book) -> None:
    result = book.run_apart("-n2", "-v")
    assert result.ret == 0
    ran = re.findall(r"\[(gw\d)\].*::(guide#\S+)::(\S+)", "\n".join(result.outlines))
    # The control run is a unit of its own.
    workers = [(worker, scenario) for worker, scenario, name in ran if name != "control"]
    assert len({worker for worker, scenario in workers if scenario == "guide#page"}) == 1
    assert len({worker for worker, scenario in workers if scenario == "guide#primary-lost"}) == 1
    assert len(book.statuses()) == 7
    assert len([line for line in book.log() if line.startswith("play ")]) == 2


@pytest.mark.parametrize("mode", ["load", "worksteal", "each", "loadgroup"])
def test_modes_that_split_a_scenario_are_refused(book: Book, mode: str) -> None:
    result = book.run_apart("-n2", "--dist", mode)
    assert result.ret == 4
    assert (
        f"split-scenario: --dist {mode} would run the snippets of one scenario in several"
        " processes\n  hint: use -n N alone, or --dist loadscope"
    ) in "\n".join(result.errlines)


def test_keep_and_workers_are_refused(book: Book) -> None:
    result = book.run_apart("-n2", "--keep")
    assert result.ret == 4
    assert "not-parallel: --keep works in one process, without -n" in "\n".join(result.errlines)


def test_keep_is_passed_on(book: Book) -> None:
    book.run("--keep", "-k", "page")
    assert "play guide#page leave_out= keep=True" in book.log()


# What is written beside the report


def test_junit_keeps_errors_and_failures_apart(book: Book) -> None:
    book.behave(
        snippets={
            "look": {"status": "failed", "reason": "wrong \x00 line\nmore"},
            "confirm": {"raise": "host-gone"},
        }
    )
    book.run()
    suite = ElementTree.parse(book.folder / "build/junit-doctest-local.xml").getroot()[0]
    counted = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": "9", "failures": "1", "errors": "1", "skipped": "5"}
    failed = suite.find("testcase[@name='look']")
    assert failed is not None
    assert (failed.get("classname"), failed.get("file")) == ("guide#page", "source/guide.md")
    failure = failed.find("failure")
    assert failure is not None and failure.get("message") == "wrong \ufffd line"


def test_annotations_stand_on_the_pages_line(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    book.behave(snippets={"look": {"status": "failed", "reason": "100% wrong\nmore", "line": 22}})
    result = book.run("-k", "page")
    assert (
        "::error file=source/guide.md,line=22,title=failed%3A guide#page look::100%25 wrong%0Amore"
    ) in result.outlines


def test_each_failure_is_shown_in_full_once_in_ci_too(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    book.behave(snippets={"look": {"status": "failed", "reason": "wrong\n  the details"}})
    result = book.run("-k", "page")
    assert "\n".join(result.outlines).count("the details") == 1


def test_a_damaged_report_is_set_aside_and_said_so(book: Book) -> None:
    path = book.folder / "build/report-local.json"
    path.write_text('{"version": 1,')
    result = book.run("--fresh")
    assert result.ret == 0
    shown = "\n".join(result.outlines)
    assert "unreadable-report: this is not a whole report" in shown
    assert "It is set aside as report-local.json.damaged." in shown
    assert path.with_name("report-local.json.damaged").read_text() == '{"version": 1,'


def test_a_stale_plan_is_a_usage_error(book: Book) -> None:
    book.behave(**{"stale plan": True})
    result = book.run()
    assert result.ret == 4
    assert (
        "stale-plan: build/plan.json is missing or older than the pages it was made from\n"
        "  hint: drillbook plan   (drillbook run and nox -s doctest do it by themselves)"
    ) in "\n".join(result.errlines)


# --update


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


def test_a_kill_leaves_the_old_report(book: Book) -> None:
    book.run()
    before = (book.folder / "build/report-local.json").read_text()
    code = (
        "import os, signal, fake_book\n"
        "fake_book.play = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
        "import pytest\n"
        "pytest.main(['-p','fake_book','-p','drillbook.pytest_plugin','build/plan.json','--fresh'])"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=book.folder, capture_output=True)
    assert ended.returncode == -signal.SIGKILL
    assert (book.folder / "build/report-local.json").read_text() == before
