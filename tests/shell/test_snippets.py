"""What a snippet is given, what it leaves, and where its messages say it stands."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from drillbook.inside.shell import Shell
from tests.shell.asked import PAGE, PATIENCE_S, command, said, script


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
    outcome = shell.run("command", "source/it's $x.md", 3, "nosuchcmd", PATIENCE_S, False)
    assert outcome.stderr == "source/it's $x.md: line 3: nosuchcmd: command not found\n"


@pytest.mark.parametrize("path", ["/etc/x.md", "source/../../x.md"])
def test_a_page_outside_the_project_is_refused(shell: Shell, path: str) -> None:
    with pytest.raises(ValueError, match="not a path inside the project"):
        shell.run("command", path, 3, "true", PATIENCE_S, False)


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
