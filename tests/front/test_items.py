"""The items of a run, what they are played in, and what the report holds."""

from __future__ import annotations

import inspect
import re

from drillbook import run
from tests import fake_book
from tests.front.book import DRILL, PAGE, Book


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
