from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from drillbook.errors import HarnessError
from drillbook.inside.shell import OUTPUT_LIMIT, Outcome, Shell
from tests.processes import runs

PAGE = "source/runbooks/x.md"
# The machine's own folders: what a program lacks is said otherwise where one may not be read.
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nowhere", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a shell puts its files, to see that nothing stays."""
    made = tmp_path / "tmp"
    made.mkdir()
    return made


@pytest.fixture
def shell(tmp_path: Path, folder: Path) -> Iterator[Shell]:
    made = Shell(env=ENV, cwd=str(tmp_path), tmp=str(folder))
    yield made
    made.close()
    made.close()
    assert not list(folder.iterdir())


def command(shell: Shell, text: str, line: int = 52, **options: Any) -> Outcome:
    timeout_s, merge = options.pop("timeout_s", 20.0), options.pop("merge", False)
    return shell.run("command", PAGE, line, text, timeout_s, merge, **options)


def script(shell: Shell, text: str, line: int = 52) -> Outcome:
    return shell.run("script", PAGE, line, text, 20.0, False)


def said(outcome: Outcome) -> tuple[str, str, int | None]:
    """What a normal end left; fails at any other end."""
    assert (outcome.ended, outcome.reason, outcome.alive) == ("", "", True)
    return outcome.stdout, outcome.stderr, outcome.status


def test_streams_and_status(shell: Shell) -> None:
    assert said(command(shell, "echo out; echo err >&2; (exit 7)")) == ("out\n", "err\n", 7)


def test_an_outcome_is_json(shell: Shell) -> None:
    outcome = asdict(command(shell, "printf 'a\\0b'"))
    assert json.loads(json.dumps(outcome)) == outcome
    assert outcome["stdout"] == "a\0b"
    assert outcome["duration_s"] > 0


def test_state_lasts(shell: Shell, tmp_path: Path) -> None:
    command(shell, "X=1; export Y=2; f() { echo $X$Y$PWD; }; shopt -s extglob; mkdir -p in; cd in")
    assert said(command(shell, "f; shopt extglob")) == (
        f"12{tmp_path}/in\nextglob        \ton\n",
        "",
        0,
    )
    assert said(script(shell, "Z=3\ncd ..\n")) == ("", "", 0)
    assert said(command(shell, "echo $Z $PWD")) == (f"3 {tmp_path}\n", "", 0)


def test_the_status_of_the_last_command_lasts(shell: Shell) -> None:
    command(shell, "(exit 5)")
    assert said(command(shell, "echo $?")) == ("5\n", "", 0)
    assert said(command(shell, "echo $?")) == ("0\n", "", 0)
    command(shell, "(exit 5)")
    assert said(command(shell, "# only a comment\n")) == ("", "", 0)


def test_nothing_but_the_given_environment(shell: Shell, tmp_path: Path) -> None:
    stdout, _, _ = said(command(shell, "env | sort"))
    names = {line.partition("=")[0] for line in stdout.splitlines()}
    assert names == {"PATH", "HOME", "LC_ALL", "PWD", "SHLVL", "_"}
    assert said(command(shell, "echo $0 $PWD")) == (f"bash {tmp_path}\n", "", 0)


def test_no_descriptor_but_the_streams_and_the_control(shell: Shell) -> None:
    stdout, _, _ = said(command(shell, "ls /proc/self/fd"))
    # The fourth is the one with which ls reads the folder.
    assert stdout.split() == ["0", "1", "2", "201", "3"]


def test_messages_carry_page_and_line(shell: Shell) -> None:
    stderr = f"{PAGE}: line 60: nosuchcmd: command not found\n"
    assert said(command(shell, "true\nnosuchcmd", line=59)) == ("", stderr, 127)
    assert said(command(shell, "nosuchcmd", line=60, merge=True)) == (stderr, "", 127)
    assert said(command(shell, "echo $LINENO", line=1)) == ("1\n", "", 0)


def test_messages_from_a_function_name_the_line_of_the_function(shell: Shell) -> None:
    command(shell, "f() {\n  nosuchcmd\n}", line=10)
    assert command(shell, "f", line=70).stderr == f"{PAGE}: line 11: nosuchcmd: command not found\n"


def test_a_page_of_any_name(shell: Shell) -> None:
    outcome = shell.run("command", "source/it's $x.md", 3, "nosuchcmd", 20.0, False)
    assert outcome.stderr == "source/it's $x.md: line 3: nosuchcmd: command not found\n"


@pytest.mark.parametrize("path", ["/etc/x.md", "source/../../x.md"])
def test_a_page_outside_the_project_is_refused(shell: Shell, path: str) -> None:
    with pytest.raises(ValueError, match="not a path inside the project"):
        shell.run("command", path, 3, "true", 20.0, False)


def test_merged_streams_keep_their_order(shell: Shell) -> None:
    text = "for i in 1 2 3; do echo out$i; echo err$i >&2; done"
    merged = "out1\nerr1\nout2\nerr2\nout3\nerr3\n"
    assert said(command(shell, text, merge=True)) == (merged, "", 0)
    assert said(command(shell, "echo err >&2")) == ("", "err\n", 0)


def test_input_is_closed_so_that_nothing_that_waits_for_it_passes(shell: Shell) -> None:
    assert said(command(shell, "read x")) == (
        "",
        "source/runbooks/x.md: line 52: read: read error: 0: Bad file descriptor\n",
        1,
    )
    assert said(command(shell, "cat")) == ("", "cat: -: Bad file descriptor\n", 1)
    assert said(command(shell, "cat <<< here; cat < /dev/null")) == ("here\n", "", 0)


def test_input_does_not_swallow_the_next_snippet(shell: Shell) -> None:
    command(shell, "cat")
    assert said(command(shell, "echo here")) == ("here\n", "", 0)


def test_here_documents_and_backslashes(shell: Shell) -> None:
    text = "cat <<'EOF' \\\n  -\n$x 'a\nEOF"
    assert said(command(shell, text)) == ("$x 'a\n", "", 0)


@pytest.mark.parametrize("text", ["break", "continue", "break 9", "while :; do break 7; done"])
def test_break_leaves_nothing_of_ours(shell: Shell, text: str) -> None:
    command(shell, text)
    assert said(command(shell, "echo here")) == ("here\n", "", 0)


def test_pipefail_is_on(shell: Shell) -> None:
    assert said(command(shell, "false | true"))[2] == 1
    assert script(shell, "false | true").status == 1


@pytest.mark.parametrize("kind", ["command", "script"])
@pytest.mark.parametrize("status", [0, 3])
def test_exit(shell: Shell, kind: Any, status: int) -> None:
    outcome = shell.run(kind, PAGE, 52, f"echo a\nexit {status}\necho b", 20.0, False)
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
    outcome = shell.run(kind, PAGE, 52, text, 20.0, False)
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
    outcome = shell.run(kind, PAGE, 52, text, 20.0, False)
    assert (outcome.stdout, outcome.ended, outcome.alive) == ("a\n", "unfinished", True)
    assert outcome.reason == (
        "its last line was not reached (return, or a here-document without end)"
    )
    assert said(command(shell, "echo here")) == ("here\n", "", 0)


def test_a_backslash_at_the_very_end(shell: Shell) -> None:
    assert said(command(shell, "echo a \\")) == ("a\n", "", 0)


def test_timeout_kills_the_session(shell: Shell) -> None:
    # A group of its own, and a session of its own below the shell.
    text = (
        "set -m; sleep 1000 & echo $!; set +m; setsid -w sleep 1000 & echo $!; echo a; sleep 1000"
    )
    outcome = command(shell, text, timeout_s=0.5)
    first, second, rest = outcome.stdout.split()
    assert (rest, outcome.ended, outcome.status) == ("a", "timeout", None)
    assert outcome.reason == "it was still running at its time limit and was killed"
    assert not outcome.alive
    assert not runs(first)
    assert not runs(second)


def test_timeout_of_a_snippet_that_keeps_printing(shell: Shell) -> None:
    outcome = command(shell, "while :; do echo a; sleep 0.01; done", timeout_s=0.2)
    assert outcome.ended == "timeout"
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


def test_closed_streams(shell: Shell) -> None:
    assert command(shell, "echo a; exec 1>&- 2>&-").stdout == "a\n"
    assert command(shell, "echo b").status == 1
    outcome = command(shell, "true")
    assert (outcome.stdout, outcome.status, outcome.ended) == ("", 0, "")


def test_redirected_streams_last(shell: Shell, tmp_path: Path) -> None:
    command(shell, "exec >log")
    assert said(command(shell, "echo a")) == ("", "", 0)
    assert (tmp_path / "log").read_text() == "a\n"


def test_xtrace_shows_nothing_of_ours_but_the_source_line(shell: Shell) -> None:
    command(shell, "set -x")
    stderr = said(command(shell, "echo a"))[1]
    assert stderr == f"+ . {PAGE}\n++ echo a\n"
    stderr = said(command(shell, "set +x"))[1]
    assert stderr == f"+ . {PAGE}\n++ set +x\n"


@pytest.mark.parametrize(
    "text", ["set -u", "set -f", "IFS=:", "LC_ALL=C", "set -C", "shopt -s failglob"]
)
def test_settings_of_the_page_do_not_disturb(shell: Shell, text: str) -> None:
    command(shell, text)
    assert said(command(shell, "echo a; (exit 9)")) == ("a\n", "", 9)
    assert said(script(shell, "echo a")) == ("a\n", "", 0)


def test_functions_of_the_page_do_not_disturb(shell: Shell) -> None:
    command(shell, "printf() { echo mine; }; trap() { :; }; set() { :; }; exec() { :; }")
    assert said(command(shell, "echo a; (exit 9)")) == ("a\n", "", 9)
    assert script(shell, "false; echo b").status == 1


def test_a_snippet_that_empties_the_folder_for_temporary_files(shell: Shell, folder: Path) -> None:
    command(shell, f"rm -rf {folder}/*; (exit 3)")
    assert said(command(shell, "echo $?")) == ("3\n", "", 0)


def test_a_folder_that_is_gone(shell: Shell) -> None:
    command(shell, "mkdir d; cd d; rmdir ../d")
    assert said(command(shell, "echo a")) == ("a\n", "", 0)


def test_arrays_and_associative_arrays_at_the_top(shell: Shell) -> None:
    command(shell, "declare -A a=([k]=v); declare -i n=4")
    assert said(command(shell, "echo ${a[k]} $n")) == ("v 4\n", "", 0)


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


def test_many_snippets_leave_nothing_open(shell: Shell) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    command(shell, "true")
    before = descriptors()
    for number in range(50):
        assert said(command(shell, f"echo {number}"))[0] == f"{number}\n"
    assert descriptors() == before


def test_two_shells_know_nothing_of_each_other(shell: Shell, tmp_path: Path) -> None:
    other = Shell(env=ENV, cwd=str(tmp_path))
    command(shell, "X=1; cd /")
    assert said(command(other, "echo $X$PWD")) == (f"{tmp_path}\n", "", 0)
    other.close()
    assert said(command(shell, "echo $X$PWD")) == ("1/\n", "", 0)


def test_a_shell_started_through_another_program(tmp_path: Path, folder: Path) -> None:
    made = Shell(("env", "X=1"), env=ENV, cwd=str(tmp_path), tmp=str(folder))
    assert said(command(made, "echo $X")) == ("1\n", "", 0)
    made.close()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ("nosuchprogram",),
            "shell-gone: bash did not start: [Errno 2] No such file or directory: 'nosuchprogram'.",
        ),
        (
            ("sh", "-c", "echo no, thank you >&2"),
            "shell-gone: bash did not start (exit): no, thank you",
        ),
        (("true",), "shell-gone: bash did not start (exit): it said nothing"),
    ],
)
def test_a_shell_that_does_not_start(
    argv: tuple[str, ...], message: str, tmp_path: Path, folder: Path
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(HarnessError) as caught:
        Shell(argv, env=ENV, cwd=str(tmp_path), tmp=str(folder))
    assert str(caught.value) == message
    assert not list(folder.iterdir())
    assert len(os.listdir("/proc/self/fd")) == before
