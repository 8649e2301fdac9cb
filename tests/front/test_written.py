"""What a run writes, and what it makes of files that are damaged, stale or half written."""

from __future__ import annotations

import signal
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from tests.front.book import Book


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
