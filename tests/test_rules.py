"""What the text of a snippet must not do."""

from __future__ import annotations

import pytest

from drillbook.errors import Where
from drillbook.model import Options
from drillbook.pages.languages import CONSOLE, LANGUAGES
from drillbook.pages.rules import check

AT = Where("source/x.md", 10)


def errors(
    text: str, language: str = "bash", options: Options | None = None
) -> list[tuple[str, int]]:
    its = LANGUAGES[language]
    found = check(its, its.parse(text, AT.path, AT.line), options or Options(), AT)
    # Lost statuses have tests of their own, and the texts here are shorter without options.
    return [
        (error.code, error.where.line)
        for error in found
        if error.where and error.code != "lost-status"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a || true",
        "a || :",
        "a | b || true; c",
        "$(a || true)",
        "a 2>/dev/null",
        "a 2> /dev/null; b",
        "a &>/dev/null",
        "a >/dev/null 2>&1",
        "a >& /dev/null",
        "exec 2>/dev/null",
        "a || /bin/true",
        "a || command true",
        "a 2>&-",
        "if a; then\n  b 2>/dev/null\nfi",
        "{ a; b; } 2>/dev/null",
    ],
)
def test_hidden_failures(text: str) -> None:
    line = 11 if "\n" in text else 10
    assert errors(text) == [("hidden-failure", line)]


@pytest.mark.parametrize(
    "text",
    [
        "a || exit 1",
        "a || { echo no; exit 1; }",
        "if ! a 2>/dev/null; then b; fi",
        "a 2>/dev/null || b",
        "a 2>/dev/null | b",
        "x=$(a 2>/dev/null)",
        "a >/dev/null",
        "a 2>&1 >/dev/null",
        "while :; do b; done",
        "echo '|| true'",
        "cat <<'X'\na || true\nb 2>/dev/null\nX",
        "a # || true",
    ],
)
def test_failures_that_are_handled(text: str) -> None:
    assert errors(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "psql -h <host> x",
        "psql -h '<db host>'",
        "kubectl delete pod [pod]",
        "a --host=[hostname]",
        "a '[your name]'",
        "curl -H 'Key: YOUR_KEY'",
        "a your-key",
        "a xxx",
        "a sk_live_xxxx",
        "a CHANGEME",
        "a ... b",
        "psql <<'SQL'\nselect '<id>'\nSQL",
    ],
)
def test_placeholders(text: str) -> None:
    line = 11 if "\n" in text else 10
    assert errors(text) == [("placeholder", line)]


@pytest.mark.parametrize(
    "text",
    [
        "psql <<'SQL'\nselect 1\nSQL",
        "psql <<SQL >out\nselect 1\nSQL",
        "sort < in > out",
        "[ -f x ] && [[ $a == [ab]* ]]",
        'echo ${a[0]} ${a[name]} "${a[@]}"',
        "grep '[[:alpha:]]' x",
        "grep '[a-z]' x; ls [ab]*",
        "tr [abc] [xyz]",
        "curl -s x | grep '<title>'",
        "cat >x.ini <<'X'\n[section name]\na = 1\nX",
        "mktemp -d /tmp/a.XXXXXX",
        "psql -c 'select a[i] from b where c < d and e > f'",
        "diff <(a) <(b)",
        'echo \'{"a": ["b"]}\'',
    ],
)
def test_signs_that_are_no_placeholders(text: str) -> None:
    assert errors(text) == []


def test_masks_in_expected_output_are_no_placeholders() -> None:
    assert errors("$ a\n<lsn> [x] || true\n$ b <name> c\n", "console") == [("placeholder", 12)]


def test_python_is_looked_at_without_its_expected_output() -> None:
    text = 'a("<host>")\nprint(b)\n#> <Object object>\nif a <b> c: [x, xxx]\n'
    assert errors(text, "python") == [("placeholder", 10), ("placeholder", 13)]


@pytest.mark.parametrize(
    ("effect", "text", "wrong"),
    [
        ("read", "rm x", True),
        ("read", "rm -r x", True),
        ("write", "rm -r x", True),
        ("write", "rm x", False),
        ("destructive", "ls", False),
        ("", "rm -r x", False),
    ],
)
def test_an_effect_is_not_understated(effect: str, text: str, wrong: bool) -> None:
    options = Options(effect=effect)  # type: ignore[arg-type]
    assert errors(text, options=options) == [("understated-effect", 10)] * wrong


def test_the_message_names_the_verb() -> None:
    text = "$ ls\n$ psql -c 'drop table x'\n"
    commands = CONSOLE.parse(text, AT.path, AT.line)
    (error,) = check(CONSOLE, commands, Options(effect="read"), AT)
    assert str(error) == (
        "source/x.md:10: understated-effect: The effect is declared as read, but `DROP TABLE` is "
        "destructive.\n  hint: Declare `:effect: destructive`, and how to undo it."
    )


def test_only_a_reading_block_is_repeated() -> None:
    assert errors("ls", options=Options(eventually_s=5)) == [("eventually-writes", 10)]
    assert errors("ls", options=Options(eventually_s=5, effect="read")) == []


def test_a_refused_command_changes_nothing() -> None:
    assert errors("rm -r x", options=Options(refusal_of="a", effect="read")) == []


@pytest.mark.parametrize(
    "text",
    [
        "sort <names.txt >sorted.txt",
        "sort <names.txt > sorted.txt",
        "sort <names.txt >>sorted.txt",
        "sort <names.txt 2>errors.txt",
        "sort <names.txt>sorted.txt",
        "sort <in>out",
        "sort <in>/tmp/out",
        'sort <in>"$out"',
        "sort <names.txt> sorted.txt",
        "sort <names.txt -r >out",
        "while read -r x; do a; done <in >out",
    ],
)
def test_redirections_are_no_placeholders(text: str) -> None:
    assert errors(text) == []


@pytest.mark.parametrize(
    "text",
    ["ssh <host>", "a <db host> b", "psql -h <host> x", "a <ns>/<pod>", "a <x>:5432", "a <f>"],
)
def test_placeholders_that_look_like_redirections(text: str) -> None:
    assert {code for code, _ in errors(text)} == {"placeholder"}
