"""What is selected: with what comes before it, and without a verdict for a part."""

from __future__ import annotations

import pytest

from tests.front.book import DRILL, PAGE, Book


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
