from __future__ import annotations

import os
from pathlib import Path

import pytest

from drillbook.errors import PageError, Where
from drillbook.pages.console import Command, parse
from drillbook.runs.update import Change, apply, expectation, of_block, of_command, rewrite
from drillbook.snippets.compare import compare

PATH = "source/x.md"


def updated(expected: str, actual: str) -> str:
    """The new expectation; fails when the output does not agree with it."""
    new = expectation(tuple(expected.split("\n")) if expected else (), actual)
    assert compare(new, actual, Where(PATH, 1)) is None
    assert expectation(new, actual) == new, "a second update changes nothing"
    text = "$ true\n" + "".join(f"{line}\n" for line in new)
    assert parse(text, PATH, 1) == (Command("true", 1, new),), "the page can still be read"
    return "\n".join(new)


@pytest.mark.parametrize(
    ("expected", "actual", "new"),
    [
        pytest.param("", "a\nb\n", "a\nb", id="from-nothing"),
        pytest.param("a\nb", "", "", id="to-nothing"),
        pytest.param("a \nb", "a\nb\n", "a \nb", id="nothing-to-do"),
        pytest.param("a\nb\nc", "a\nB\nc\n", "a\nB\nc", id="a-line"),
        pytest.param("a\nb", "a\nx\nb\n", "a\nx\nb", id="a-further-line"),
        pytest.param("a\nb\nc", "a\nc\n", "a\nc", id="a-line-less"),
        pytest.param("a  \nb", "a\nc   \n", "a  \nc", id="padding-is-not-written"),
        pytest.param("a\n\n", "b\n\n", "b\n\n", id="blank-lines-at-the-end-stay"),
        pytest.param("pid <pid>\na", "pid 7\nb\n", "pid <pid>\nb", id="mask-in-another-line"),
        pytest.param("3 at <time>", "4 at 05:06:07\n", "4 at <time>", id="mask-in-the-line"),
        pytest.param(
            "rows 3 took <number>", "rows 4 took 12\n", "rows 4 took <number>", id="which"
        ),
        pytest.param(
            " <pid> | a | <lsn>", " 12 | b | 0/12\n", " <pid> | b | <lsn>", id="masks-in-columns"
        ),
        pytest.param("<pid>", "none\n", "none", id="mask-that-holds-no-more"),
        pytest.param("t <ms>", "time: 1.5 ms\n", "time: 1.5 ms", id="mask-with-another-word"),
        pytest.param("<pid> a", "12 b\n", "<pid> b", id="mask-first"),
        pytest.param("a <pid>\nb <pid>", "a 1\nx\nb 2\n", "a <pid>\nx\nb <pid>", id="aligned"),
        pytest.param("a\n...\nb", "a\n1\n2\nb\nc\n", "a\n...\nb\nc", id="ellipsis"),
        pytest.param("a\n...", "a\n1\nb\n", "a\n...", id="ellipsis-at-the-end"),
        pytest.param("a\n...\nb", "a\n1\n2\nc\n", "a\n...\nc", id="after-an-ellipsis"),
        pytest.param("a\n...\nb", "c\n1\n2\nb\n", "c\n...\nb", id="before-an-ellipsis"),
        pytest.param("a <pid>\n...\nb", "A 7\n1\nB\n", "A 7\n...\nB", id="both-sides"),
        pytest.param(
            "1 of <pid>\n...", "2 of 7\n1\n", "2 of <pid>\n...", id="mask-before-ellipsis"
        ),
        pytest.param("a\n...\nb", "x\n", "x\n...", id="ellipsis-and-less"),
        pytest.param("a\n...", "", "", id="ellipsis-and-nothing"),
        pytest.param("a\n...", "\n\n1\n", "\n\n1", id="no-literal-line"),
    ],
)
def test_new_expectation(expected: str, actual: str, new: str) -> None:
    assert updated(expected, actual) == new


PAGE = """# Title

1. a list

   > ```{code-block} console
   > :name: x
   >
   > $ psql <<'SQL'
   > select 1;
   >
   > SQL
   > one <pid>
   >
   > two
   > $ date
   > today
   > ```

after
"""
FIRST = Command("psql <<'SQL'\nselect 1;\n\nSQL", 8, ("one <pid>", "", "two"))
SECOND = Command("date", 15, ("today",))


def test_commands_in_a_quote_in_a_list() -> None:
    changes = [of_command(PATH, FIRST, "one 7\n\nthree\n"), of_command(PATH, SECOND, "\nx\n")]
    expected = PAGE.replace("   > two\n", "   > three\n").replace("   > today\n", "   >\n   > x\n")
    assert rewrite(PAGE, changes) == rewrite(PAGE, reversed(changes)) == expected


def test_the_same_change_twice() -> None:
    change = of_command(PATH, SECOND, "x\n")
    assert rewrite(PAGE, [change, change]) == PAGE.replace("today", "x")


def test_two_scenarios_that_disagree() -> None:
    with pytest.raises(PageError) as caught:
        rewrite(PAGE, [of_command(PATH, SECOND, "x\n"), of_command(PATH, SECOND, "y\n")])
    assert str(caught.value) == (
        "source/x.md:15: outputs-disagree: this block runs in more than one scenario, and "
        "printed something else in each.\n"
        "  hint: put masks or a `...` for what differs."
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("$ date", "$ date ", 15, "'$ date'"),
        ("today", "tomorrow", 16, "'today'"),
        ("   > today", "   >today", 16, "'today'"),
        ("   > today\n   > ```\n\nafter\n", "", 16, "'today'"),
        ("# Title\n", "", 15, "'$ date'"),
    ],
)
def test_a_page_that_changed_meanwhile(old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(PageError) as caught:
        rewrite(PAGE.replace(old, new), [of_command(PATH, SECOND, "x\n")])
    assert str(caught.value) == (
        f"source/x.md:{line}: source-changed: the page no longer has {said} on this line, so "
        "nothing of it was written.\n"
        "  hint: run it again: the run began with another text of the page."
    )


def test_a_whole_block_and_an_empty_one() -> None:
    assert rewrite("a\n  b\n  c\nd\n", [Change(PATH, 2, ("b", "c"), ("x", "", "y"))]) == (
        "a\n  x\n\n  y\nd\n"
    )


def test_a_python_block() -> None:
    change = of_block(PATH, 2, "print(1)\n\n", "print(1)\n#> 1\n\n")
    assert rewrite("> ```python\n> print(1)\n>\n> ```\n", [change]) == (
        "> ```python\n> print(1)\n> #> 1\n>\n> ```\n"
    )


def test_line_ends_of_the_file_are_kept() -> None:
    page = "x\r\n- $ ls\r\n- a\r\n".replace("- ", "  ")
    assert rewrite(page, [of_command(PATH, Command("ls", 2, ("a",)), "b\nc\n")]) == (
        "x\r\n  $ ls\r\n  b\r\n  c\r\n"
    )


@pytest.mark.parametrize("line", ["```", "  ~~~~", ":::", "$ x", "$", "..."])
def test_output_that_would_be_read_as_something_else(line: str) -> None:
    with pytest.raises(PageError) as caught:
        of_command(PATH, SECOND, f"{line}\n")
    assert str(caught.value) == (
        "source/x.md:15: output-ends-block: the output has a line that would be read as markup "
        f"or as a command: {line!r}.\n"
        "  hint: let the command print less, and put a `...` where such lines stand."
    )


def test_such_a_line_behind_an_ellipsis() -> None:
    command = Command("ls", 3, ("a", "..."))
    assert of_command(PATH, command, "b\n```\n...\n").new == ("$ ls", "b", "...")


def test_output_with_control_characters() -> None:
    with pytest.raises(PageError) as caught:
        of_command(PATH, SECOND, "a\x1b[0m\n")
    assert str(caught.value) == (
        "source/x.md:15: output-not-text: the output has characters that a page cannot show: "
        "'a\\x1b[0m'."
    )


def test_apply_writes_and_returns_the_diff(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    page = tmp_path / PATH
    page.write_text(PAGE)
    page.chmod(0o640)
    other = tmp_path / "source" / "y.md"
    other.write_text("$ ls\na\n")
    untouched = other.stat()
    diff = apply(
        tmp_path,
        [of_command("source/y.md", Command("ls", 1, ("a",)), "a\n"), of_command(PATH, SECOND, "x")],
    )
    assert page.read_text() == PAGE.replace("today", "x")
    assert page.stat().st_mode & 0o777 == 0o640
    assert (other.stat().st_ino, other.stat().st_mtime_ns) == (
        untouched.st_ino,
        untouched.st_mtime_ns,
    )
    assert sorted(os.listdir(tmp_path / "source")) == ["x.md", "y.md"]
    assert diff == (
        "--- source/x.md\n"
        "+++ source/x.md\n"
        "@@ -13,7 +13,7 @@\n"
        "    >\n"
        "    > two\n"
        "    > $ date\n"
        "-   > today\n"
        "+   > x\n"
        "    > ```\n"
        " \n"
        " after\n"
    )


def test_apply_writes_nothing_when_one_page_changed(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / PATH).write_text(PAGE)
    (tmp_path / "source" / "y.md").write_text("$ other\na\n")
    with pytest.raises(PageError, match="source-changed"):
        apply(
            tmp_path,
            [
                of_command(PATH, SECOND, "x"),
                of_command("source/y.md", Command("ls", 1, ("a",)), "b\n"),
            ],
        )
    assert (tmp_path / PATH).read_text() == PAGE


def test_a_failed_write_leaves_the_page_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / PATH).write_text(PAGE)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        apply(tmp_path, [of_command(PATH, SECOND, "x")])
    assert (tmp_path / PATH).read_text() == PAGE
    assert os.listdir(tmp_path / "source") == ["x.md"]


def test_a_page_that_is_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "real.md").write_text(PAGE)
    (tmp_path / PATH).symlink_to("../real.md")
    apply(tmp_path, [of_command(PATH, SECOND, "x")])
    assert (tmp_path / PATH).is_symlink()
    assert (tmp_path / "real.md").read_text() == PAGE.replace("today", "x")


@pytest.mark.parametrize(
    "line",
    [
        "> do",
        '>   echo "n=$n"',
        "> done",
        ">",
        "# systemctl restart x",
        "  $ date",
        "postgres@db-1:~$ psql",
        "do",
        "  done",
        "fi",
        "for n in 1 2; do",
        "done | sort",
        "rm --force x",
        "sudo rm -r /data",
        "psql --host db-1",
        "kubectl delete pod x --now",
        'echo "$x"',
        "a b \\",
        "cat > x",
        "export X=1",
    ],
)
def test_a_line_that_looks_like_a_command_is_never_taken_away(line: str) -> None:
    command = Command("ls", 3, ("a", line, "b"))
    assert of_command(PATH, command, f"A\n{line}\nb\n").new == ("$ ls", "A", line, "b")
    with pytest.raises(PageError) as caught:
        of_command(PATH, command, "a\nb\n")
    assert str(caught.value) == (
        f"source/x.md:5: update-deletes-command: the line {line!r} would go, and it looks like a "
        "command that is to be typed.\n"
        "  hint: begin it with `$ `, end the line above it in a backslash, or take it out."
    )


@pytest.mark.parametrize(
    "line",
    [
        "a",
        "psql (PostgreSQL) 15.18",
        "curl 8.5.0 (x86_64)",
        "done.",
        "If you see this, all is well",
        " state | count",
        "file is gone",
        "rm: cannot remove 'x': No such file or directory",
        "OK",
        "(1 row)",
        "-rw-r--r-- 1 a b 3 x",
        "<pid> streaming",
        "sort of",
    ],
)
def test_output_that_differs_is_taken_away(line: str) -> None:
    assert of_command(PATH, Command("ls", 3, ("a", line)), "a\n").new == ("$ ls", "a")
