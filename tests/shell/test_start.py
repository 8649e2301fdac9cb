"""How shells begin, beside each other and through other programs."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from drillbook.errors import HarnessError
from drillbook.inside.shell import Shell
from tests.shell.asked import ENV, command, said


def test_many_snippets_leave_nothing_open(shell: Shell) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    command(shell, "true")
    gc.collect()
    before = descriptors()
    for number in range(50):
        assert said(command(shell, f"echo {number}"))[0] == f"{number}\n"
    # What other tests left to be collected may have been closed meanwhile.
    assert descriptors() <= before


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
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(HarnessError) as caught:
        Shell(argv, env=ENV, cwd=str(tmp_path), tmp=str(folder))
    assert str(caught.value) == message
    assert not list(folder.iterdir())
    assert len(os.listdir("/proc/self/fd")) <= before
