"""Scripts: the first failure ends them, and says its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.inside.shell import Shell
from tests.shell.asked import command, said, script


# Scripts: text, line of the failure in the page (the text begins at 52), status.
@pytest.mark.parametrize(
    ("text", "line", "status"),
    [
        pytest.param("true\nfalse\necho no", 53, 1, id="in-the-middle"),
        pytest.param("true\ntrue | (exit 3) | true\necho no", 53, 3, id="pipe"),
        pytest.param("f() {\n  false\n  true\n}\nf\necho no", 53, 1, id="function"),
        pytest.param("x=$(\nfalse\n)\necho no", 54, 1, id="end-of-a-substitution"),
        pytest.param("(\n  true\n  (exit 4)\n)\necho no", 55, 4, id="end-of-a-subshell"),
        pytest.param("nosuchcmd\necho no", 52, 127, id="unknown-command"),
        pytest.param("echo a > /nosuch/folder\necho no", 52, 1, id="redirection"),
        pytest.param("set +e\ntrue\nfalse\ntrue", 54, 1, id="errexit-switched-off"),
        pytest.param("true\nreturn 3\necho no", 0, 3, id="return"),
    ],
)
def test_a_script_that_fails(shell: Shell, text: str, line: int, status: int) -> None:
    outcome = script(shell, text)
    assert (outcome.status, outcome.ended, outcome.failed_line) == (status, "", line)
    assert "no" not in outcome.stdout


def test_a_script_that_takes_the_trap_away_fails_without_a_line(shell: Shell) -> None:
    outcome = script(shell, "trap - ERR\nfalse\necho no")
    assert (outcome.status, outcome.ended, outcome.failed_line) == (1, "exit", 0)


def test_a_failure_in_a_sourced_file_is_at_the_line_that_sources_it(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "lib.sh").write_text("\n" * 80 + "false\n")
    outcome = script(shell, "true\n. ./lib.sh")
    assert (outcome.failed_line, outcome.status) == (53, 1)


@pytest.mark.parametrize(
    "text",
    [
        "if false; then :; fi",
        "false || echo a",
        "! false",
        "x=$(false; true)",
        "while false; do :; done",
        "f() { false; echo a; }; if f; then :; fi",
        "false && true\ntrue",
        "(set +e; false; true)",
        "false &\nwait",
    ],
)
def test_failures_that_are_none(shell: Shell, text: str) -> None:
    outcome = script(shell, text)
    assert (outcome.status, outcome.failed_line, outcome.ended) == (0, 0, "")


def test_a_script_gives_its_options_back(shell: Shell) -> None:
    command(shell, "set -o noglob")
    before = said(command(shell, "echo $-; trap -p ERR"))
    assert said(script(shell, "set -euo pipefail\nset +o noglob\necho *\nX=1")) == ("tmp\n", "", 0)
    assert said(command(shell, "echo $-; trap -p ERR")) == before
    assert said(command(shell, "echo $X; false")) == ("1\n", "", 1)
    assert said(command(shell, "false | true"))[2] == 1


def test_a_script_keeps_an_errexit_of_the_page(shell: Shell) -> None:
    command(shell, "set -e")
    script(shell, "true")
    assert "e" in command(shell, "echo $-").stdout
