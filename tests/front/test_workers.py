"""Several processes of one run, and a sandbox that is kept."""

from __future__ import annotations

import re

import pytest

from tests.front.book import Book


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
