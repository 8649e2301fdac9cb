"""A block does at a reader's prompt what it does where the page is run, or is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drillbook import plan
from drillbook.errors import PageError, Where
from drillbook.pages import interactive
from drillbook.pages.console import parse, roles
from tests.conftest import ROOT
from tests.terminal import Terminal, read_from_file, terminal


@pytest.fixture(scope="module")
def prompt() -> Iterator[Terminal]:
    """A reader's shell."""
    with terminal() as opened:
        yield opened


def errors(text: str) -> list[tuple[str, int]]:
    """Code and line of everything refused in typed text that begins on line 10."""
    found = interactive.check(text, Where("source/x.md", 10))
    return [(error.code, error.where.line) for error in found if error.where]


EVENTS = [
    'grep --invert-match "!done" x',
    'echo "restart now!5"',
    'sed "1!d" x',
    "sed 1!d x",
    'echo "a\n!b c"',
    "echo \"${x:-'!a'}\"",
    "test !x",
    'node -e "if(!x) y"',
    "echo 'a' !$",
    "echo !!",
    "echo !-1",
    "echo !?a",
    "true; ! grep x y && !a",
    'echo "$(echo "!a")"',
    "echo a && echo !a",
    "^a^b",
    "x=!a",
    'cat <<< "it\'s !a"',
]
NO_EVENTS = [
    "sed '1!d' x",
    "echo 'a\n!b c'",
    "echo $'it\\'s !b'",
    'echo "a!" "b! c"',
    "! grep a b",
    "if ! a; then b; fi",
    "test a != b",
    "[ ! -f a ]",
    "echo \\!a",
    'echo "\\!a"',
    'echo ${!a} $! "${!a}" "$!"',
    "echo a # it is !b",
    "cat <<'X'\n!foo \"!a\"\nX",
    "cat <<X\na !foo\nX",
    "echo \"$(sed '1!d' x)\"",
    "awk '\n!seen[$0]++\n' f",
    "echo a!",
]


@pytest.mark.parametrize("text", EVENTS)
def test_what_bash_takes_for_an_event_of_its_history_is_refused(
    text: str, prompt: Terminal
) -> None:
    assert prompt.read(text) != read_from_file(text), "bash reads it as it is"
    assert [code for code, _ in errors(text)] == ["history-expansion"]


def test_a_bracket_that_bash_understands_only_at_times_is_refused_always(prompt: Terminal) -> None:
    assert prompt.read("ls [!a]*") == read_from_file("ls [!a]*")
    assert prompt.read("ls [!a] !(b)") != read_from_file("ls [!a] !(b)")
    assert errors("ls [!a]*") == [("history-expansion", 10)]


@pytest.mark.parametrize("text", NO_EVENTS)
def test_other_exclamation_marks_are_not(text: str, prompt: Terminal) -> None:
    assert prompt.read(text) == read_from_file(text)
    assert errors(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('rm --verbose \\\n> "$HOME/app.conf"', ("secondary-prompt", 11)),
        ("for n in 1 2\n> do\n>   echo $n\n> done", ("secondary-prompt", 11)),
        ("while true; do\n  sleep 1\n> done", ("secondary-prompt", 12)),
        ("if a; then\n> b\n> fi", ("secondary-prompt", 11)),
        ("cat <<END\n> one\n> END\nEND", ("secondary-prompt", 11)),
        ("cat <<END\n>\nEND", ("secondary-prompt", 11)),
        ("echo 'a\n> b'", ("secondary-prompt", 11)),
        ("a |\n> b", ("secondary-prompt", 11)),
        ("a &&\n> b", ("secondary-prompt", 11)),
        ("f() {\n> a\n> }", ("secondary-prompt", 11)),
        ("echo $(a\n> b)", ("secondary-prompt", 11)),
        ("case x in\n> x) a;;\n> esac", ("secondary-prompt", 11)),
        ("for n in 1 2\nfor> do\nfor> a; done", ("secondary-prompt", 11)),
        ("cat <<X\nheredoc> a\nX", ("secondary-prompt", 11)),
        ("echo \\\n  a\tb", ("typed-tab", 11)),
        ("cat <<-X\n\ta\n\tX", ("typed-tab", 11)),
        ("echo a\u00a0b", ("invisible-character", 10)),
        ("echo a\u200bb", ("invisible-character", 10)),
        ("echo \u202ea", ("invisible-character", 10)),
        ("echo a\x04b", ("invisible-character", 10)),
        ("echo one \\ \n  two", ("blank-after-backslash", 10)),
        ("echo one \\\n  two \\  \n  three", ("blank-after-backslash", 11)),
        ("a\nalias ll='ls -l'\nll", ("alias", 11)),
        ("shopt -s expand_aliases", ("alias", 10)),
        ('cd "$(dirname "${BASH_SOURCE[0]}")"', ("prompt-dependent", 10)),
        ("echo $LINENO", ("prompt-dependent", 10)),
    ],
)
def test_what_is_read_differently_is_refused(text: str, found: tuple[str, int]) -> None:
    assert errors(text) == [found]


@pytest.mark.parametrize(
    "text",
    [
        "a \\\n  > b",
        "a > b\n> c",
        "a \\\n>b",
        "echo 'x \\ \n y'",
        "cat <<X\na \\ \nX",
        "echo a\\\\ \nb",
        "for n in 1 2\ndo\n  echo $n\ndone",
        "echo é ü – ✓ $LINES",
    ],
)
def test_what_is_read_alike_is_not(text: str) -> None:
    assert errors(text) == []


def test_an_error_says_what_to_write_instead() -> None:
    (error,) = interactive.check('sed "1!d" x', Where("source/x.md", 10))
    assert str(error) == (
        'source/x.md:10: history-expansion: an interactive bash reads `!d" x` as an event of its '
        "history: event not found.\n"
        "  hint: put it in single quotes; put a blank after a `!` that negates, and write `[^a]` "
        "for `[!a]`."
    )
    (error,) = interactive.check("rm \\\n> a", Where("source/x.md", 10))
    assert str(error) == (
        "source/x.md:11: secondary-prompt: the line begins with `> `, which a shell prints to ask "
        "for more; typed, it is a redirection.\n"
        "  hint: leave the prompt out; a redirection on a line of its own is indented, and a "
        "here-document does not begin a line with `> `."
    )


COMPOUND = [
    "for n in 1 2\ndo\n  echo $n\ndone",
    "while a\ndo b\ndone",
    "until a; do\n\n  b\ndone",
    "if a\nthen b\nelse c\nfi",
    "case x in\nx) a;;\nesac",
    "select n in 1 2\ndo a\ndone",
    "f() {\n  a\n}",
    "f()\n{\n  a\n}",
    "function f {\n  a\n}",
    "{ a\n}",
    "[[ a &&\n  b ]]",
    "for n in 1 2; do\n  if a; then\n    b\n  fi\ndone | c",
    "f() (\n  a\n)",
]


@pytest.mark.parametrize("text", COMPOUND)
def test_a_compound_command_ends_where_bash_ends_it(text: str) -> None:
    first, second = parse(f"$ {text}\nout\n$ true\n", "source/x.md", 10)
    assert (first.text, first.expected, second.text) == (text, ("out",), "true")
    lines = text.count("\n")
    assert roles(f"$ {text}\nout\n") == ("prompt", *["continuation"] * lines, "output")


@pytest.mark.parametrize("text", COMPOUND)
@pytest.mark.parametrize("rest", ["", "$ true\n"])
def test_a_compound_command_without_its_end_is_refused(text: str, rest: str) -> None:
    begun = text.rpartition("\n")[0]
    with pytest.raises(PageError) as caught:
        parse(f"$ {begun}\n{rest}", "source/x.md", 10)
    assert (caught.value.code, str(caught.value.where)) == ("open-command", "source/x.md:10")


def test_every_block_of_the_pages_is_read_alike_at_a_prompt(prompt: Terminal) -> None:
    book = plan.build(ROOT)
    snippets = {s.id: s for p in book.pages for scenario in p.scenarios for s in scenario.snippets}
    typed: dict[str, str] = {}
    for snippet in snippets.values():
        if snippet.language == "console":
            for command in parse(snippet.text, snippet.path, snippet.line):
                typed.setdefault(command.text, f"{snippet.path}:{command.line}")
        elif snippet.language == "bash":
            typed.setdefault(snippet.text.rstrip("\n"), f"{snippet.path}:{snippet.line}")
    assert len(typed) > 100
    other = {
        where: prompt.read(text)
        for text, where in typed.items()
        if prompt.read(text) != read_from_file(text)
    }
    assert other == {}


def test_the_terminal_notices_what_it_is_there_for(prompt: Terminal, tmp_path: Path) -> None:
    made = tmp_path / "made"
    prompt.read(f"touch {made}")
    assert not made.exists(), "nothing that is typed is executed"
    assert prompt.read("echo a\tb") != read_from_file("echo a\tb")
    assert prompt.read("for n in 1 2") != read_from_file("for n in 1 2; do a; done")


def test_a_here_document_that_prompts_keep_open_says_so() -> None:
    with pytest.raises(PageError) as caught:
        parse("$ cat <<END\n> one\n> END\none\n", "source/x.md", 10)
    assert str(caught.value) == (
        "source/x.md:10: open-heredoc: the here-document is not ended: there is no line 'END' by "
        "itself in the rest of the block.\n"
        "  hint: leave out the `> ` that a shell prints to ask for more."
    )
