"""How a snippet or its shell ends: exit, signals, time and output without bounds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from drillbook.errors import HarnessError
from drillbook.inside.shell import OUTPUT_LIMIT, Outcome, Shell
from tests.processes import runs
from tests.shell.asked import ENV, LIMITS_S, PAGE, PATIENCE_S, command, said


@pytest.mark.parametrize("kind", ["command", "script"])
@pytest.mark.parametrize("status", [0, 3])
def test_exit(shell: Shell, kind: Any, status: int) -> None:
    outcome = shell.run(kind, PAGE, 52, f"echo a\nexit {status}\necho b", PATIENCE_S, False)
    assert (outcome.stdout, outcome.ended, outcome.status) == ("a\n", "exit", status)
    assert outcome.reason == "it ended its shell (exit or exec)"
    assert (outcome.alive, outcome.failed_line) == (False, 0)
    with pytest.raises(HarnessError) as caught:
        command(shell, "true")
    assert str(caught.value) == (
        "shell-gone: the shell is no longer there: an earlier snippet ended it."
    )


def test_exit_in_a_subshell_is_a_status(shell: Shell) -> None:
    assert said(command(shell, "(exit 3)")) == ("", "", 3)


def test_exec_replaces_the_shell(shell: Shell) -> None:
    outcome = command(shell, "exec echo a")
    assert (outcome.stdout, outcome.ended, outcome.status) == ("a\n", "exit", 0)


def test_an_exit_trap_is_heard(shell: Shell) -> None:
    command(shell, "trap 'echo bye' EXIT")
    outcome = command(shell, "exit 4")
    assert (outcome.stdout, outcome.ended, outcome.status) == ("bye\n", "exit", 4)


def test_errexit_of_the_page_ends_the_shell(shell: Shell) -> None:
    assert said(command(shell, "set -e"))[2] == 0
    assert said(command(shell, "echo still here"))[0] == "still here\n"
    outcome = command(shell, "false; echo b")
    assert (outcome.stdout, outcome.ended, outcome.status) == ("", "exit", 1)


@pytest.mark.parametrize(("number", "status"), [("TERM", 143), ("KILL", 137)])
def test_a_shell_that_is_killed(shell: Shell, number: str, status: int) -> None:
    outcome = command(shell, f"echo a; kill -{number} $$; sleep 60")
    assert (outcome.stdout, outcome.ended, outcome.status) == ("a\n", "killed", status)
    assert outcome.reason == "its shell was killed by a signal"
    assert not outcome.alive


def test_a_shell_that_is_killed_between_two_snippets(shell: Shell) -> None:
    pid = int(command(shell, "echo $$").stdout)
    os.kill(pid, 9)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    outcome = command(shell, "echo a")
    assert (outcome.stdout, outcome.ended, outcome.status) == ("", "killed", 137)


@pytest.mark.parametrize(
    ("text", "stderr"),
    [
        ("echo 'a", "line 52: unexpected EOF while looking for matching `''"),
        ("fi; true", "line 52: syntax error near unexpected token `fi'"),
        ('echo b\necho "$(ls', "line 54: unexpected EOF while looking for matching `)'"),
        ("true &&", "line 53: syntax error: unexpected end of file"),
        ("ls | # and", "line 53: syntax error: unexpected end of file"),
    ],
)
@pytest.mark.parametrize("kind", ["command", "script"])
def test_unfinished_text_is_bashs_error(shell: Shell, kind: Any, text: str, stderr: str) -> None:
    command(shell, "X=1")
    outcome = shell.run(kind, PAGE, 52, text, PATIENCE_S, False)
    assert outcome.status not in (0, None)
    assert outcome.stderr.startswith(f"{PAGE}: {stderr}")
    assert "end" not in outcome.stdout, "the text swallowed what follows it"
    assert (outcome.ended, outcome.alive) == ("", kind == "command")
    last = 52 + text.count("\n")
    assert outcome.failed_line == (last if kind == "script" else 0)
    if kind == "command":
        assert said(command(shell, "echo $X")) == ("1\n", "", 0)


@pytest.mark.parametrize("text", ["echo a\nreturn 0\necho b", "echo a\ncat <<EOF >/dev/null\nb"])
@pytest.mark.parametrize("kind", ["command", "script"])
def test_a_last_line_that_is_not_reached(shell: Shell, kind: Any, text: str) -> None:
    outcome = shell.run(kind, PAGE, 52, text, PATIENCE_S, False)
    assert (outcome.stdout, outcome.ended, outcome.alive) == ("a\n", "unfinished", True)
    assert outcome.reason == (
        "its last line was not reached (return, or a here-document without end)"
    )
    assert said(command(shell, "echo here")) == ("here\n", "", 0)


def test_a_backslash_at_the_very_end(shell: Shell) -> None:
    assert said(command(shell, "echo a \\")) == ("a\n", "", 0)


def hung(folder: Path, text: str, last: str) -> Outcome:
    """What came of a snippet that hung once it had printed its last line."""
    for limit_s in LIMITS_S:
        shell = Shell(env=ENV, cwd=str(folder), tmp=str(folder))
        try:
            outcome = command(shell, text, timeout_s=limit_s)
        finally:
            shell.close()
        assert outcome.ended == "timeout"
        if outcome.stdout.endswith(last):
            break
    return outcome


def test_timeout_kills_the_session(tmp_path: Path) -> None:
    # A group of its own, and a session of its own below the shell.
    text = (
        "set -m; sleep 1000 & echo $!; set +m; setsid -w sleep 1000 & echo $!; echo a; sleep 1000"
    )
    outcome = hung(tmp_path, text, "a\n")
    first, second, rest = outcome.stdout.split()
    assert (rest, outcome.status) == ("a", None)
    assert outcome.reason == "it was still running at its time limit and was killed"
    assert not outcome.alive
    assert not runs(first)
    assert not runs(second)


def test_timeout_of_a_snippet_that_keeps_printing(tmp_path: Path) -> None:
    outcome = hung(tmp_path, "while :; do echo a; sleep 0.01; done", "a\n")
    assert outcome.stdout.startswith("a\n")


def test_timeout_of_a_snippet_that_ignores_signals(shell: Shell) -> None:
    outcome = command(shell, "trap '' TERM INT HUP; sleep 1000", timeout_s=0.2)
    assert (outcome.ended, outcome.alive) == ("timeout", False)


def test_background_jobs_last(shell: Shell, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    assert said(command(shell, "{ read x < go; echo late; } &")) == ("", "", 0)
    assert said(command(shell, "echo now; jobs -r | wc -l"))[0] == "now\n1\n"
    assert said(command(shell, "echo > go; wait")) == ("late\n", "", 0)


def test_a_background_job_holding_the_streams_is_not_waited_for(shell: Shell) -> None:
    stdout, _, status = said(command(shell, "sleep 1000 & echo $!"))
    assert status == 0
    assert runs(stdout.strip())
    shell.close()
    assert not runs(stdout.strip())


def test_a_background_job_that_floods_does_not_hold_a_snippet_up(shell: Shell) -> None:
    assert said(command(shell, "yes & true"))[2] == 0
    assert said(command(shell, "kill $!; wait $! 2>/dev/null; true"))[2] == 0


def test_what_a_job_prints_between_two_snippets_ends_no_reading(shell: Shell) -> None:
    command(shell, "yes & true")
    shell._answer("sleep 0.5\n")  # as on a machine so busy that the shell is slow to answer
    assert said(command(shell, "kill $!; wait $! 2>/dev/null; true"))[2] == 0


def test_output_limit(shell: Shell) -> None:
    outcome = command(shell, "echo $$; head -c 100000000 /dev/zero | tr '\\0' 'a'; echo b >&2")
    assert (outcome.ended, outcome.status, outcome.alive) == ("output-limit", None, False)
    assert outcome.reason == "it printed more than is kept and was killed"
    assert len(outcome.stdout) == OUTPUT_LIMIT
    assert outcome.stderr == ""
    assert not runs(outcome.stdout.split("\n")[0])


def test_output_limit_counts_both_streams_and_cuts_no_character(shell: Shell) -> None:
    outcome = command(shell, "echo -n ééé; echo -n ééé >&2", limit_bytes=9)
    assert outcome.ended == "output-limit"
    assert sorted([outcome.stdout, outcome.stderr]) == ["é", "ééé"]
    assert not outcome.undecodable


def test_output_up_to_the_limit_is_kept(shell: Shell) -> None:
    assert said(command(shell, "echo -n 12345; echo -n 6789 >&2", limit_bytes=9))[0] == "12345"


def test_a_very_long_line_and_no_newline_at_the_end(shell: Shell) -> None:
    stdout, _, _ = said(command(shell, "head -c 1000000 /dev/zero | tr '\\0' 'a'"))
    assert stdout == "a" * 1_000_000


@pytest.mark.parametrize("number", [1, 2])
def test_bytes_that_are_not_utf8(shell: Shell, number: int) -> None:
    outcome = command(shell, f"printf 'a\\377b' >&{number}")
    assert outcome.undecodable
    assert (outcome.stdout, outcome.stderr)[number - 1] == "a\\xffb"
    assert not command(shell, "echo ä").undecodable
