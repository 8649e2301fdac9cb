from __future__ import annotations

import itertools
import random
import re

import pytest

from drillbook.errors import Where
from drillbook.snippets.compare import align, compare, printed_lines
from drillbook.snippets.masks import MASKS, Mask, matches, parts, unknown

WHERE = Where("source/x.md", 14)


def agrees(expected: str, actual: str) -> bool:
    """Whether an output agrees; both texts without their final newline."""
    wanted = expected.split("\n") if expected else []
    return compare(wanted, actual + "\n", WHERE) is None


def difference(expected: str, actual: str) -> tuple[int, str]:
    found = compare(expected.split("\n") if expected else [], actual, WHERE)
    assert found is not None
    return found.line, found.diff


@pytest.mark.parametrize(
    ("mask", "value"),
    [pytest.param(m, v, id=f"{m.name}-{v}") for m in MASKS for v in m.examples],
)
def test_a_mask_matches_its_examples(mask: Mask, value: str) -> None:
    assert agrees(f"<{mask.name}>", value)
    assert agrees(f" a<{mask.name}>|", f" a{value}|")


@pytest.mark.parametrize(
    ("mask", "value"),
    [pytest.param(m, v, id=f"{m.name}-{v}") for m in MASKS for v in m.counter_examples],
)
def test_a_mask_matches_nothing_else(mask: Mask, value: str) -> None:
    assert not agrees(f"<{mask.name}>", value)
    assert not agrees(f"<{mask.name}>", f"x{mask.examples[0]}")


def test_the_table_is_fit_for_print() -> None:
    assert len({mask.name for mask in MASKS}) == len(MASKS)
    for mask in MASKS:
        assert re.fullmatch(r"[a-z][a-z0-9-]*", mask.name)
        assert mask.examples and mask.counter_examples and mask.meaning[0].islower()
        assert not mask.meaning.endswith(".")
        assert re.compile(mask.pattern).groups == 0, "a group would shift those of the line"


def test_several_masks_in_a_line() -> None:
    line = " <pid> | walsender | streaming | <lsn> | <time>"
    assert agrees(line, " 812 | walsender | streaming | 0/3000148 | 2026-11-23 05:06:07.1+00")
    assert not agrees(line, " 812 | walsender | catchup   | 0/3000148 | 2026-11-23 05:06:07.1+00")


def test_a_mask_ends_where_the_literal_text_goes_on() -> None:
    assert agrees("<number>.5", "12.5")
    assert agrees("<number> rows", "12 rows")
    assert not agrees("<number> rows", "12 row")


def test_other_characters_of_a_line_with_a_mask_are_literal() -> None:
    assert agrees("(.*)[<pid>]$", "(.*)[7]$")
    assert not agrees(".*<pid>", "abc7")


def test_an_unknown_mask_is_literal() -> None:
    assert agrees("<lns> <b>", "<lns> <b>")
    assert not agrees("<lns>", "0/3000148")
    assert unknown(["<lns> <pid> <PID>", "<lns>"]) == ("<lns>",)


def test_a_mask_in_the_output_itself() -> None:
    assert agrees("usage: kill <pid>", "usage: kill <pid>")
    assert not agrees("usage: kill 7", "usage: kill <pid>")


def test_parts_of_a_line() -> None:
    found = [part if isinstance(part, str) else part.name for part in parts("a <pid><x> <ms>")]
    assert found == ["a ", "pid", "<x> ", "ms"]


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("a", "a", id="one-line"),
        pytest.param(" a", " a", id="indented"),
        pytest.param("a ", "a\t", id="spaces-at-the-end-of-a-line"),
        pytest.param("a\n\nb", "a\n   \nb", id="blank-line-with-spaces"),
        pytest.param("a", "a\n\n\n", id="blank-lines-at-the-end-of-the-output"),
        pytest.param("a\n\n", "a", id="blank-lines-at-the-end-of-the-expectation"),
        pytest.param("a\n...", "a", id="ellipsis-for-nothing"),
        pytest.param("...\na", "x\ny\na", id="ellipsis-first"),
        pytest.param("a\n...\nb\n...\nc", "a\nb\nb\nc\nb\nc", id="two"),
        pytest.param("...\na\nb", "a\na\nb", id="way-back"),
        pytest.param("...\n<pid>\nb", "1\n2\nb", id="way-back-with-a-mask"),
    ],
)
def test_outputs_that_agree(expected: str, actual: str) -> None:
    assert agrees(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual", "line"),
    [
        pytest.param("", "a", 13, id="something-for-nothing"),
        pytest.param("a", "", 14, id="nothing-for-something"),
        pytest.param("a\nb", "a\nB", 15, id="case"),
        pytest.param("a\nb", "a\n b", 15, id="indentation"),
        pytest.param("a b", "a  b", 14, id="spaces-inside"),
        pytest.param("a\nb", "a\n\nb", 15, id="blank-line-inside"),
        pytest.param("a", "\na", 14, id="blank-line-first"),
        pytest.param("a\nb", "a\nb\nc", 15, id="more"),
        pytest.param("a\nb\nc", "a\nc", 15, id="less"),
        pytest.param("a\n...\nb", "a\nx\nc", 16, id="after-an-ellipsis"),
        pytest.param("a\n...\nb", "a\nx\nb\nc", 16, id="more-after-an-ellipsis"),
        pytest.param("...\nb\n...\nc", "b\nd", 17, id="after-two"),
        pytest.param("a\r", "a", 14, id="carriage-return"),
        pytest.param("....", "a", 14, id="four-dots"),
        pytest.param(" ...", "a", 14, id="indented-dots"),
    ],
)
def test_outputs_that_differ_and_where(expected: str, actual: str, line: int) -> None:
    assert difference(expected, actual)[0] == line
    assert difference(expected, actual + "\n")[0] == line


def test_a_missing_final_newline_does_not_count() -> None:
    assert compare(["a"], "a", WHERE) is None


def test_line_separators_that_are_not_newlines() -> None:
    assert printed_lines("a\x0cb\u2028c\n") == ["a\x0cb\u2028c"]


def test_diff() -> None:
    expected = "1\n2\n3\n4\n5\n6\nlsn <lsn>\nb\n...\nlast\nx\nx\nx\nx"
    actual = "1\n2\n3\n4\n5\n6\nlsn 0/1\nB\nskipped\nlast\nx\nx\nx\nx\n"
    assert difference(expected, actual) == (
        21,
        "--- expected at source/x.md:14\n"
        "+++ printed\n"
        "@@ line 18 @@\n"
        " 5\n"
        " 6\n"
        " lsn <lsn>\n"
        "-b\n"
        " ...\n"
        "      B\n"
        "      skipped\n"
        " last\n"
        " x",
    )


def test_diff_shows_both_ends_of_what_an_ellipsis_stands_for() -> None:
    _, diff = difference("a\n...\nb", "a\n1\n2\n3\nB\n")
    assert diff.endswith(" a\n ...\n      1\n      …\n      B\n-b")


def test_diff_with_two_places_and_what_came_instead() -> None:
    expected = "a\n1\n2\n3\n4\n5\n6\n7\n8\nz"
    assert difference(expected, "b\n1\n2\n3\n4\n5\n6\n7\n8\ny\n") == (
        14,
        "--- expected at source/x.md:14\n"
        "+++ printed\n"
        "@@ line 14 @@\n"
        "-a\n"
        "+b\n"
        " 1\n"
        " 2\n"
        " 3\n"
        "@@ line 20 @@\n"
        " 6\n"
        " 7\n"
        " 8\n"
        "-z\n"
        "+y",
    )


def test_diff_spells_out_what_cannot_be_seen() -> None:
    _, diff = difference("a b", "a\tb\x1b[0m\0 ä" + "x" * 300)
    assert diff.endswith("-a b\n+a\\tb\\x1b[0m\\x00 ä" + "x" * 190 + "… (110 more characters)")


def test_diff_names_what_looks_like_a_mask() -> None:
    _, diff = difference("at <lns> <pid>\n<foo>", "at 0/1 7\n<foo>")
    assert diff.endswith("\n(<lns> is no mask and stands for itself)")
    assert "<foo> is" not in diff


def test_a_very_long_output_stays_readable() -> None:
    line, diff = difference("a\nb", "a\n" + "x\n" * 1_000_000)
    assert line == 15
    assert len(diff.splitlines()) < 70
    assert diff.endswith("\n(999950 more lines that were printed and not expected)")


def test_a_difference_far_down_is_found() -> None:
    text = [str(number) for number in range(3000)]
    line, diff = difference("\n".join(text), "\n".join([*text[:2500], "x", *text[2501:]]))
    assert line == 14 + 2500
    assert "-2500\n+x\n 2501" in diff


def test_many_ellipses_are_not_slow() -> None:
    expected = ["...", "a"] * 200 + ["b"]
    assert compare(expected, "a\n" * 5000, WHERE) is not None


def by_definition(wanted: list[str], got: list[str]) -> bool:
    if not wanted:
        return not got
    if wanted[0] == "...":
        return any(by_definition(wanted[1:], got[k:]) for k in range(len(got) + 1))
    return bool(got) and matches(wanted[0], got[0]) and by_definition(wanted[1:], got[1:])


def test_against_the_definition_on_all_small_cases() -> None:
    alphabet = ["a", "b", "..."]
    for size in range(5):
        for wanted in itertools.product(alphabet, repeat=size):
            for length in range(5):
                for got in itertools.product("ab", repeat=length):
                    due = by_definition(list(wanted), list(got))
                    assert agrees("\n".join(wanted), "\n".join(got)) == due, (wanted, got)


def test_an_alignment_takes_every_line_once_and_in_order() -> None:
    choice = random.Random(1)
    for _ in range(2000):
        wanted = choice.choices(["a", "b", "<number>", "...", "7"], k=choice.randrange(8))
        got = choice.choices(["a", "b", "7", "8"], k=choice.randrange(8))
        steps = align(wanted, got)
        i = j = 0
        for step in steps:
            assert (step.expected, step.actual) == (i, j)
            if step.kind == "equal":
                assert matches(wanted[i], got[j])
            if step.kind == "skip":
                assert wanted[i] == "..."
            i += step.kind != "extra"
            j += step.count if step.kind == "skip" else step.kind != "missing"
        assert (i, j) == (len(wanted), len(got))
        clean = all(step.kind in ("equal", "skip") for step in steps)
        assert clean == by_definition(wanted, got)
