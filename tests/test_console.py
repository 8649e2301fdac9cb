from __future__ import annotations

import subprocess

import pytest

from drillbook.errors import PageError
from drillbook.pages.console import Command, parse, roles


def commands(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(c.text, c.expected) for c in parse(text, "source/x.md", 10)]


def test_commands_with_their_lines_and_output() -> None:
    text = "$ cd /tmp\n$ ls\na\n\nb\n$ true\n"
    assert parse(text, "source/x.md", 10) == (
        Command("cd /tmp", 10, ()),
        Command("ls", 11, ("a", "", "b")),
        Command("true", 15, ()),
    )


def test_a_final_newline_is_not_needed() -> None:
    assert commands("$ ls\na") == commands("$ ls\na\n") == [("ls", ("a",))]


def test_output_that_ends_in_blank_lines_keeps_them() -> None:
    assert commands("$ ls\na\n\n\n$ true\n")[0] == ("ls", ("a", "", ""))


def test_line_separators_that_are_not_newlines_stay_in_their_line() -> None:
    assert commands("$ ls\na\x0cb\u2028c\r\n") == [("ls", ("a\x0cb\u2028c\r",))]


@pytest.mark.parametrize(
    ("typed", "output"),
    [
        pytest.param("echo a \\\n  b \\\n  c", "a b c", id="backslashes"),
        pytest.param("psql <<'SQL'\nselect 1;\n$ 5\nSQL", "1", id="heredoc-with-a-prompt-in-it"),
        pytest.param("cat <<EOF\na\n EOF\nEOF", "a", id="terminator-is-a-whole-line"),
        pytest.param("cat <<EOF\nEOF", "", id="empty-heredoc"),
        pytest.param("cat <<-EOF\n\ta\n\tEOF", "a", id="dash-strips-tabs"),
        pytest.param("cat <<-  'E F'\nx\nE F", "x", id="blanks-and-a-quoted-space"),
        pytest.param('cat <<"EOF"\na\\\nEOF', "a\\", id="double-quoted-delimiter"),
        pytest.param("cat <<\\EOF\na\\\nEOF", "a\\", id="escaped-delimiter"),
        pytest.param("cat <<EOF\na\\\nEOF\nEOF", "aEOF", id="backslash-joins-an-unquoted-body"),
        pytest.param("cat <<EOF\na\\\\\nEOF", "a\\", id="escaped-backslash-does-not"),
        pytest.param("cat <<A - <<B\na\nA\nb\nB", "b", id="two-heredocs"),
        pytest.param("cat <<''\na\n", "a", id="empty-delimiter-ends-at-a-blank-line"),
        pytest.param("cat <<EOF \\\n  -n\na\nEOF", "1 a", id="heredoc-then-backslash"),
        pytest.param("cat <<EOF | tr a b; cat\na\nEOF", "b", id="pipe-after-the-delimiter"),
        pytest.param("cat <<EOF>/tmp/x\na\nEOF", "", id="redirect-right-after-the-delimiter"),
        pytest.param("cat <<< a", "a", id="here-string"),
        pytest.param("cat <<<EOF", "EOF", id="here-string-without-blank"),
        pytest.param("cat <<<a <<EOF\nb\nEOF", "b", id="here-string-and-heredoc"),
        pytest.param("echo $((1<<2))", "4", id="shift"),
        pytest.param("echo $(( (1<<2) << 1 ))", "8", id="shift-in-brackets"),
        pytest.param("((1<<2)) && echo y", "y", id="arithmetic-command"),
        pytest.param("((echo a); cat <<EOF)\nb\nEOF", "a", id="subshell-in-a-subshell"),
        pytest.param("echo '<<EOF' \"<<EOF\"", "<<EOF <<EOF", id="quoted"),
        pytest.param("cat \\<<EOF", "", id="escaped-first-bracket"),
        pytest.param("cat \\<<<EOF\nEOF", "", id="escaped-bracket-then-heredoc"),
        pytest.param("echo $'it\\'s' <<EOF\nEOF", "it's", id="ansi-c-quote"),
        pytest.param("echo a # <<EOF ' \\", "a", id="comment-with-a-backslash"),
        pytest.param("echo a#b <<EOF\nEOF", "a#b", id="hash-inside-a-word"),
        pytest.param("echo $# ${#HOME} $$", "0", id="dollar-hash"),
        pytest.param("echo $(# a comment '\necho b)", "b", id="comment-in-a-substitution"),
        pytest.param('echo "$(cat <<EOF\na\nEOF\n)"', "a", id="heredoc-in-a-substitution"),
        pytest.param("echo a |\n  tr a b &&\n\n  # then\n  true", "b", id="operators"),
        pytest.param("false ||\necho a |&\ncat", "a", id="more-operators"),
        pytest.param("sleep 0 &", "", id="ampersand-ends-a-command"),
        pytest.param("echo 'a ||' \\|", "a || |", id="no-operators"),
        pytest.param("echo 'a\nb'", "a", id="quote-over-lines"),
        pytest.param("cat <<EOF 'a\nb'\nc\nEOF", "c", id="body-after-a-quote-over-lines"),
        pytest.param("a=(1\n2)", "", id="array-over-lines"),
        pytest.param('echo "a\\"b" \'c\\\'', "a", id="escapes-in-quotes"),
        pytest.param("echo \"${x:-'}'}\"", "}", id="quote-in-an-expansion-in-a-quote"),
        pytest.param("echo ${x:-'}'}", "}", id="quoted-brace-in-an-expansion"),
        pytest.param('echo `echo \\`echo a\\`` "`echo "a"`"', "a a", id="backticks"),
        pytest.param("case x in x) echo y;; esac", "y", id="case-pattern"),
        pytest.param("case x in (x) echo $(case y in y) echo z;; esac);; esac", "z", id="cases"),
        pytest.param("diff <(echo a) <(echo a)", "", id="process-substitutions"),
        pytest.param("echo \\\\", "\\", id="escaped-backslash-at-the-end"),
    ],
)
def test_where_a_command_ends(typed: str, output: str) -> None:
    syntax = subprocess.run(["bash", "-n"], input=typed + "\n", capture_output=True, text=True)
    assert (syntax.returncode, syntax.stderr) == (0, ""), "bash itself finds the case unfinished"
    text = f"$ {typed}\n{output}\n$ true\n" if output else f"$ {typed}\n$ true\n"
    assert commands(text) == [(typed, (output,) if output else ()), ("true", ())]
    count = typed.count("\n")
    assert roles(text) == (
        "prompt",
        *["continuation"] * count,
        *["output"] * bool(output),
        "prompt",
    )


def test_the_line_on_which_output_begins() -> None:
    first, second = parse("$ cat <<A\nx\nA\nx\n$ true\n", "source/x.md", 10)
    assert (first.expected_line, second.expected_line) == (13, 15)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "ls\n$ ls\n",
            "source/x.md:10: no-command: a console block begins with a command, and this one "
            "begins with 'ls'.\n"
            "  hint: begin the command with `$ `; for text that is not run, use `text`.",
        ),
        (
            "",
            "source/x.md:10: no-command: a console block begins with a command, and this one "
            "begins with ''.\n"
            "  hint: begin the command with `$ `; for text that is not run, use `text`.",
        ),
        ("$ ls\n$ \n", "source/x.md:11: empty-command: there is no command after `$ `."),
        (
            "$ true\n$ cat <<EOF\n$ ls\nEOF \n",
            "source/x.md:11: open-heredoc: the here-document is not ended: there is no line "
            "'EOF' by itself in the rest of the block.",
        ),
        (
            "$ cat <<A <<B\nA\n",
            "source/x.md:10: open-heredoc: the here-document is not ended: there is no line "
            "'B' by itself in the rest of the block.",
        ),
        (
            "$ cat <<''\n$ ls\n",
            "source/x.md:10: open-heredoc: the here-document is not ended: there is no line "
            "'' by itself in the rest of the block.",
        ),
        (
            "$ echo 'a\nb\n",
            "source/x.md:10: open-command: the command is not finished: a quote (') is open, "
            "and the block ends.\n"
            "  hint: to give a command several lines, end each but the last in a backslash, or "
            "use a here-document.",
        ),
        (
            '$ echo "$(ls\n$ ls\n',
            "source/x.md:10: open-command: the command is not finished: a bracket (() is open, "
            "and a new command begins on line 11.\n"
            "  hint: to give a command several lines, end each but the last in a backslash, or "
            "use a here-document.",
        ),
        (
            "$ ls \\\n",
            "source/x.md:10: open-command: the command is not finished: a line that ends in a "
            "backslash is open, and the block ends.\n"
            "  hint: to give a command several lines, end each but the last in a backslash, or "
            "use a here-document.",
        ),
        (
            "$ ls &&\n$ ls\n",
            "source/x.md:10: open-command: the command is not finished: a line that ends in an "
            "operator is open, and a new command begins on line 11.\n"
            "  hint: to give a command several lines, end each but the last in a backslash, or "
            "use a here-document.",
        ),
        (
            "$ ls\n\n...\n",
            "source/x.md:12: empty-expectation: an expected output that is only `...` matches "
            "anything and proves nothing.\n"
            "  hint: keep one line that must be there, above or below the `...`.",
        ),
        (
            "$ ls\na\n...\n...\n...\nb\n",
            "source/x.md:13: loose-ellipsis: `...` stands for lines beside a literal one, and "
            "there is none directly above or below it.",
        ),
        (
            "$ ls\na\n\n...\n",
            "source/x.md:13: loose-ellipsis: `...` stands for lines beside a literal one, and "
            "there is none directly above or below it.",
        ),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(PageError) as caught:
        parse(text, "source/x.md", 10)
    assert str(caught.value) == message


@pytest.mark.parametrize("expected", ["a\n...", "...\na", "...\na\n...\nb", "....", " ..."])
def test_ellipsis_beside_a_literal_line(expected: str) -> None:
    assert commands(f"$ ls\n{expected}\n") == [("ls", tuple(expected.split("\n")))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n$ b\nc\n", ("output", "prompt", "output")),
        ("$ cat <<EOF\na\n", ("prompt", "continuation")),
        ("$ echo 'a\n$ b\n", ("prompt", "prompt")),
        ("\n", ("output",)),
    ],
)
def test_a_bad_block_has_roles_too(text: str, expected: tuple[str, ...]) -> None:
    assert roles(text) == expected
