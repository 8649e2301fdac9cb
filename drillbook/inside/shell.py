"""One long-lived bash that a page's snippets are typed into, one after the other.

The shell reads its orders from a pipe of its own, not from a loop, so that a
`break` in a snippet leaves nothing. Each snippet is a file that the shell
sources: what it defines, exports and starts lasts. The file is padded with
newlines, so that bash's own messages carry the page's path and line. What came of
a snippet is told over a control descriptor and never through its output.

Standard library only: this runs inside the hosts.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

from drillbook.errors import HarnessError
from drillbook.inside.commandline import CommandLine
from drillbook.inside.processes import end_session
from drillbook.inside.shellstreams import Ends, Failure, Reading

Kind = Literal["command", "script"]
"""`command`: what is typed at a prompt. `script`: a block in which every command
outside a condition must succeed."""

Ended = Literal["", "exit", "unfinished", "timeout", "killed", "output-limit"]
"""How a snippet ended other than by its last line; see `REASONS`."""

REASONS: Mapping[Ended, str] = {
    "exit": "it ended its shell (exit or exec)",
    "unfinished": "its last line was not reached (return, or a here-document without end)",
    "timeout": "it was still running at its time limit and was killed",
    "killed": "its shell was killed by a signal",
    "output-limit": "it printed more than is kept and was killed",
}

OUTPUT_LIMIT = 4 << 20
"""Bytes of output, both streams together, after which a snippet is killed."""

# Bash keeps descriptors from 10 on and 255 for itself, and pages number theirs from 3.
_CONTROL = 201
_START_S = 60.0
_SIGNALLED = 128
"""From here on a status says which signal ended a process."""

# Nothing of the shell's own orders may show in a snippet's `set -x`.
_DONE = (
    """{ \\builtin printf '%s\\0' beside "${!-}" done "$?" "$SHELLOPTS" """
    f">&{_CONTROL}; }} 2>/dev/null\n"
)
# Stands in the snippet's file, and without quotes: it must not close one of them.
_END = f"{{ \\builtin printf %s\\\\0 end $? >&{_CONTROL}; }} 2>/dev/null\n"
_ON_ERROR = (
    """{ \\builtin printf '%s\\0' failed "$?" "$BASH_SUBSHELL" "$LINENO" """
    """"${#BASH_SOURCE[@]}" "${BASH_SOURCE[@]}" "${BASH_LINENO[@]}" """
    f">&{_CONTROL}; }} 2>/dev/null"
)
# Heard of only where the commands stand: neither functions nor subshells inherit it.
_WATCHED = f"{{ \\builtin trap {shlex.quote(_ON_ERROR)} ERR; }} 2>/dev/null\n"
_UNWATCHED = "{ \\builtin trap - ERR; } 2>/dev/null\n"
_ASIDE = (
    """{ \\builtin wait "$!"; \\builtin printf '%s\\0' aside "$?" """
    f">&{_CONTROL}; }} 2>/dev/null\n"
)
_JOBS = (
    """{ \\builtin printf '%s\\0' jobs "$(\\builtin jobs -l)" """
    f">&{_CONTROL}; }} 2>/dev/null\n"
)
_JOB_S, _SUBSTITUTION_S = 0.1, 5.0
"""How long what a snippet started beside itself has to end, to be asked how: a job may
run on, and what stood in `<(...)` ends when it has been read."""

_READS_STATUS = re.compile(r"\$\?|\bwait\b|\bPIPESTATUS\b")
_STRICT = (
    f"{{ \\builtin trap {shlex.quote(_ON_ERROR)} ERR; "
    "\\builtin set -eE -o pipefail; } 2>/dev/null\n"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one snippet."""

    stdout: str
    """With `merge`: both streams in the order in which they were written."""

    stderr: str

    undecodable: bool
    """Whether bytes that are not UTF-8 came; they stand as `\\xff` in the text."""

    status: int | None
    """Exit status as `$?` would give it; None when the shell was killed."""

    duration_s: float
    ended: Ended
    reason: str
    """`ended` in words; empty when it is."""

    failed_line: int
    """Page line of the command that made a script fail; 0 when none is known."""

    alive: bool
    """Whether the shell can run another snippet."""

    lost: str = ""
    """What failed although the snippet ended with 0; empty when nothing is known to."""


class Shell:
    """A bash in a session of its own. Not for use by several threads.

    Args:
        argv: What starts bash, e.g. `("unshare", "--user")`; nothing by default.
        env: The shell's whole environment.
        cwd: The folder it begins in.
        tmp: Folder for the snippets' files; the system's by default.

    Raises:
        HarnessError: `shell-gone` when bash did not start, with what it said.
    """

    def __init__(
        self,
        argv: Sequence[str] = (),
        *,
        env: Mapping[str, str],
        cwd: str,
        tmp: str | None = None,
    ) -> None:
        # Its name is taken out of messages, so it must be the name that bash prints.
        self._folder = os.path.realpath(tempfile.mkdtemp(prefix="drillbook-", dir=tmp))
        self._options: frozenset[str] = frozenset()
        self._status = 0
        self._aside = ""
        self._selector = selectors.DefaultSelector()
        self._descriptors: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._start([*argv, "bash", "--noprofile", "--norc"], env, cwd)
        except OSError as error:
            self.close()
            raise HarnessError("shell-gone", f"bash did not start: {error}.") from error
        except BaseException:
            self.close()
            raise

    def _start(self, argv: list[str], env: Mapping[str, str], cwd: str) -> None:
        orders, self._orders = self._pipe()
        stdout, out = self._pipe()
        stderr, err = self._pipe()
        told, control = self._pipe()
        # There is nothing to read, and whoever tries gets an error: an end of file would
        # let a `cat` or a `psql` that waits for its reader pass.
        nothing = os.open(os.devnull, os.O_WRONLY)
        self._descriptors.append(nothing)
        self._process = subprocess.Popen(
            [*argv, f"/dev/fd/{orders}"],
            env=dict(env),
            cwd=cwd,
            stdin=nothing,
            stdout=out,
            stderr=err,
            pass_fds=(orders, control),
            start_new_session=True,
        )
        for descriptor in (orders, out, err, control, nothing):
            os.close(descriptor)
            self._descriptors.remove(descriptor)
        exited = os.pidfd_open(self._process.pid)
        self._descriptors.append(exited)
        self._ends = Ends(stdout, stderr, told, exited)
        for descriptor in (stdout, stderr, told, exited):
            self._selector.register(descriptor, selectors.EVENT_READ)
        hello = Reading(self._selector, self._ends, OUTPUT_LIMIT)
        self._order(
            f"\\exec {_CONTROL}>&{control} {control}>&- {orders}<&-\n"
            f"\\builtin set -o pipefail; BASH_ARGV0=bash\n{_DONE}"
        )
        ended = hello.until_done(time.monotonic() + _START_S)
        if ended:
            said = hello.err.decode(errors="backslashreplace").strip() or "it said nothing"
            raise HarnessError("shell-gone", f"bash did not start ({ended}): {said}")
        self._options = _options(hello)

    def run(
        self,
        kind: Kind,
        path: str,
        line: int,
        text: str,
        timeout_s: float,
        merge: bool,
        limit_bytes: int = OUTPUT_LIMIT,
    ) -> Outcome:
        """Runs a snippet to its end; jobs that it leaves in the background run on.

        What such a job prints later becomes part of a later snippet's output, as
        it would on a reader's terminal.

        Args:
            kind: What of it must succeed.
            path: The page, relative to the project, as bash's messages shall say it.
            line: 1-based line of the snippet's first line in the page.
            text: The snippet, without prompts and outputs.
            timeout_s: Seconds after which the shell and its session are killed.
            merge: Whether standard error goes where standard output goes.
            limit_bytes: Bytes of output after which the same is done.

        Raises:
            HarnessError: `shell-gone` when an earlier snippet ended the shell.
        """
        if self._process is None:
            raise HarnessError(
                "shell-gone", "the shell is no longer there: an earlier snippet ended it."
            )
        file, has_end = self._write(path, line, text)
        reading = Reading(self._selector, self._ends, limit_bytes)
        source = f". {shlex.quote(file)}{' 2>&1' if merge else ''}\n"
        before = _STRICT if kind == "script" else _WATCHED + self._recall_status(text)
        begin = time.monotonic()
        self._order(before + source + _DONE + (_UNWATCHED if kind == "command" else ""))
        ended = reading.until_done(begin + timeout_s)
        duration = time.monotonic() - begin
        if not ended and kind == "script":
            self._restore(_options(reading))
        elif not ended:
            self._options = _options(reading)
        last = line + text.rstrip("\n").count("\n")
        failed = reading.failed_in(file, last) if kind == "script" else None
        outcome = self._outcome(reading, ended, failed, has_end, duration)
        if ended or outcome.status or _READS_STATUS.search(text):
            return outcome
        return self._with_lost(outcome, reading, file)

    def _with_lost(self, outcome: Outcome, reading: Reading, file: str) -> Outcome:
        """The outcome with what failed in it and was not asked for."""
        unseen = reading.failed_in(file, 0)
        if unseen and unseen.line:
            said = f"line {unseen.line} ended with status {unseen.status}, and the block went on"
            return replace(outcome, lost=said, failed_line=unseen.line)
        if reading.aside == self._aside:
            return outcome
        self._aside = reading.aside
        status = self._status_of(reading.aside)
        if status and status < _SIGNALLED:
            said = f"what it started beside itself (`<(...)` or `&`) ended with status {status}"
            return replace(outcome, lost=said)
        return outcome

    def _status_of(self, pid: str) -> int | None:
        """How the process ended that was started beside the last snippet; None if it runs on."""
        jobs = self._answer(_JOBS).jobs
        patience = _JOB_S if re.search(rf"\b{pid}\b", jobs) else _SUBSTITUTION_S
        deadline = time.monotonic() + patience
        while _runs(pid):
            if time.monotonic() > deadline:
                return None
            time.sleep(0.002)
        return self._answer(_ASIDE).aside_status

    def _answer(self, order: str) -> Reading:
        """What the shell tells of itself between two snippets."""
        # A job in the background may print faster than is kept of a snippet: that must not
        # end the reading, or the answer would be taken for that of the next order.
        answer = Reading(self._selector, self._ends, None)
        self._order(order + _DONE)
        answer.until_done(time.monotonic() + _START_S)
        return answer

    def _outcome(
        self,
        reading: Reading,
        ended: Ended,
        failed: Failure | None,
        has_end: bool,
        duration: float,
    ) -> Outcome:
        status = reading.end_status if reading.reached_end else reading.status
        if ended:
            status = self._bury()
            if ended != "exit":
                status = None
            elif status < 0:
                ended, status = "killed", 128 - status
            elif failed and status == failed.status:
                # It is the errexit of the block itself, not an `exit` in it.
                ended = ""
        elif failed:
            # The script said `set +e`, which does not make its failures good.
            status = failed.status
        elif has_end and not reading.reached_end and status == 0:
            ended = "unfinished"
        self._status = status or 0
        stdout, broken_out = self._decode(reading.out, cut=ended == "output-limit")
        stderr, broken_err = self._decode(reading.err, cut=ended == "output-limit")
        return Outcome(
            stdout=stdout,
            stderr=stderr,
            undecodable=broken_out or broken_err,
            status=status,
            duration_s=duration,
            ended=ended,
            reason=REASONS[ended] if ended else "",
            failed_line=failed.line if failed else 0,
            alive=self._process is not None,
        )

    def close(self) -> None:
        """Kills the shell and all of its session, and removes its files. Safe twice."""
        if self._process is not None:
            self._bury()
        self._selector.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []
        shutil.rmtree(self._folder, ignore_errors=True)

    def _bury(self) -> int:
        """Ends what is left of the session; returns how the shell itself ended."""
        assert self._process is not None
        # Not reaped before the rest is gone: its number must stay its own.
        end_session(self._process.pid)
        status = self._process.wait()
        self._process = None
        return status

    def _pipe(self) -> tuple[int, int]:
        pair = os.pipe()
        self._descriptors += pair
        return pair

    def _write(self, path: str, line: int, text: str) -> tuple[str, bool]:
        """Writes the snippet's file; returns its name and whether its end must be reached."""
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts:
            raise ValueError(f"not a path inside the project: {path}")
        typed = CommandLine()
        for typed_line in text.split("\n"):
            typed.feed(typed_line)
        # Where bash will look for more, its message must have the line where the text ends.
        end = "" if typed.wants_more else f"\n{_END}"
        content = ("\n" * (line - 1) + text + "\n" + end).encode()
        file = os.path.join(self._folder, path)
        try:
            _overwrite(file, content)
        except FileNotFoundError:
            # The first of its page; or a snippet cleaned up /tmp.
            os.makedirs(os.path.dirname(file), exist_ok=True)
            _overwrite(file, content)
        # That a bracket is open may be our mistake; a here-document without an end
        # is one of the page that bash forgives.
        return file, typed.swallows or not typed.wants_more

    def _order(self, text: str) -> None:
        # When the shell is gone, its process descriptor says so better than a broken pipe.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._orders, text.encode())

    def _recall_status(self, text: str) -> str:
        """Orders that give the snippet the `$?` of the one before it."""
        comment = all(not line.strip() or line.lstrip()[0] == "#" for line in text.split("\n"))
        if not self._status or comment or "errexit" in self._options:
            return ""
        file = os.path.join(self._folder, "status")
        _overwrite(file, f"return {self._status}\n".encode())
        return f". {shlex.quote(file)}\n"

    def _restore(self, now: frozenset[str]) -> None:
        """Takes back what a script set: its options are its own, its state is not."""
        off = "".join(f" +o {name}" for name in sorted(now - self._options))
        on = "".join(f" -o {name}" for name in sorted(self._options - now))
        self._order(f"{{ \\builtin trap - ERR; \\builtin set{off}{on}; }} 2>/dev/null\n")

    def _decode(self, raw: bytearray, *, cut: bool) -> tuple[str, bool]:
        data = bytes(raw).replace(self._folder.encode() + b"/", b"")
        try:
            return data.decode(), False
        except UnicodeDecodeError as error:
            if cut and error.reason == "unexpected end of data":
                return data[: error.start].decode(), False
            return data.decode(errors="backslashreplace"), True


def _runs(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _options(reading: Reading) -> frozenset[str]:
    return frozenset(reading.note.split(":"))


def _overwrite(file: str, content: bytes) -> None:
    # Cut after writing: emptying it first costs the file system several times as much.
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, content)
        os.ftruncate(descriptor, len(content))
    finally:
        os.close(descriptor)
