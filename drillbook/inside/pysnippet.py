"""A page's python blocks on one host: time limits, streams and state for `pyworker`.

As a program it answers JSON lines: `{"path", "line", "text", "timeout_s"}` in, the
fields of an `Outcome` out. What runs the blocks is a process of its own, because
it takes long to start, keeps their state, and can be killed with all it started.

Standard library only, so that it can say what is missing.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any, Literal

from drillbook.inside.processes import end_session
from drillbook.inside.shellstreams import Ends, Reading

Ended = Literal["", "exit", "timeout", "killed", "output-limit"]
"""How a block ended other than by its last line."""

OUTPUT_LIMIT = 4 << 20
"""Bytes of output, both streams together, after which a block is killed."""

_START_S = 60.0
_SHOWN = 20

_MESSAGES: Mapping[Ended, str] = {
    "exit": "it left Python",
    "timeout": "it was still running at its time limit and was killed",
    "killed": "its Python was killed by a signal",
    "output-limit": "it printed more than is kept and was killed",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one block."""

    passed: bool

    message: str
    """Why it did not pass: a sentence, then a diff or a traceback with page lines."""

    line: int
    """Page line that is at fault; 0 when none is known."""

    updated: str
    """The block with the `#> ` lines that agree with what it printed; empty when
    they do already, or when it did not run to its end."""

    stdout: str
    """What it printed past its `#> ` lines; makes it fail."""

    stderr: str
    """What it wrote to standard error; does not."""

    undecodable: bool
    """Whether bytes that are not UTF-8 came; they stand as `\\xff` in the text."""

    duration_s: float
    ended: Ended


class Interpreter:
    """A Python for the blocks of one scenario on one host, started when it is needed.

    Args:
        tmp: Folder for its files; the system's by default.
    """

    def __init__(self, tmp: str | None = None) -> None:
        self._tmp = tmp
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = ""
        self._requests = -1
        self._ends = Ends(-1, -1, -1, -1)
        self._selector: selectors.BaseSelector | None = None

    def run(
        self,
        path: str,
        line: int,
        text: str,
        timeout_s: float,
        limit_bytes: int = OUTPUT_LIMIT,
        ahead: Sequence[str] = (),
    ) -> Outcome:
        """Runs a block. One that ends its Python ends the state of those before it.

        Args:
            path: The page, relative to the project.
            line: 1-based line of the block's first line in it.
            text: The block.
            timeout_s: Seconds after which it is killed; starting Python does not count.
            limit_bytes: Bytes of output after which the same is done.
            ahead: The blocks that will follow, and this one: they are linted together.
        """
        begin = time.monotonic()
        if self._process is None and (why := self._start()):
            return Outcome(False, why, 0, "", "", "", False, time.monotonic() - begin, "exit")
        assert self._selector is not None
        reading = Reading(self._selector, self._ends, limit_bytes)
        begin = time.monotonic()
        request = json.dumps({"path": path, "line": line, "text": text, "ahead": [*ahead]}) + "\n"
        # More than a pipe holds at once is written in parts.
        with contextlib.suppress(BrokenPipeError), open(self._requests, "wb", closefd=False) as to:
            to.write(request.encode())
        ended = reading.until_done(begin + timeout_s)
        duration = time.monotonic() - begin
        verdict: dict[str, Any] = {"message": "", "line": 0, "updated": "", "left": ""}
        if ended:
            status = self.close()
            how: Ended = "killed" if ended == "exit" and status < 0 else ended
            message = _MESSAGES[how]
        else:
            verdict = json.loads(reading.note)
            how, message = "", verdict["message"]
            if verdict["left"]:
                self.close()
                how, message = "exit", f"{_MESSAGES['exit']} ({verdict['left']})"
        stdout, broken_out = _decoded(reading.out)
        stderr, broken_err = _decoded(reading.err)
        if stdout and not message:
            message = "it printed what no `#>` line of its own can show:\n" + _first_lines(stdout)
        return Outcome(
            passed=not message,
            message=message,
            line=verdict["line"],
            updated=verdict["updated"],
            stdout=stdout,
            stderr=stderr,
            undecodable=broken_out or broken_err,
            duration_s=duration,
            ended=how,
        )

    def close(self) -> int:
        """Ends the Python with all it started, and removes its files. Safe twice.

        Returns:
            Its exit status, negative for a signal; 0 when there was none.
        """
        status = 0
        if self._process is not None:
            end_session(self._process.pid)
            status = self._process.wait()
            self._process = None
        if self._selector is not None:
            self._selector.close()
            self._selector = None
            ends = self._ends
            for end in (ends.stdout, ends.stderr, ends.control, ends.exited, self._requests):
                os.close(end)
        shutil.rmtree(self._folder, ignore_errors=True)
        return status

    def _start(self) -> str:
        """Starts the worker; returns why it cannot be, empty when it is there."""
        self._folder = tempfile.mkdtemp(prefix="drillbook-python-", dir=self._tmp)
        requests, self._requests = os.pipe()
        stdout, out = os.pipe()
        stderr, err = os.pipe()
        told, control = os.pipe()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "drillbook.inside.pyworker",
                str(requests),
                str(control),
                self._folder,
            ],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=(requests, control),
            start_new_session=True,
        )
        for end in (requests, out, err, control):
            os.close(end)
        self._ends = Ends(stdout, stderr, told, os.pidfd_open(self._process.pid))
        self._selector = selectors.DefaultSelector()
        for end in (stdout, stderr, told, self._ends.exited):
            self._selector.register(end, selectors.EVENT_READ)
        hello = Reading(self._selector, self._ends, OUTPUT_LIMIT)
        if not hello.until_done(time.monotonic() + _START_S):
            return ""
        self.close()
        said = hello.err.decode(errors="backslashreplace").strip().split("\n")[-1]
        return f"the Python for blocks did not start: {said or 'it said nothing'}"


def _decoded(raw: bytearray) -> tuple[str, bool]:
    try:
        return raw.decode(), False
    except UnicodeDecodeError:
        return raw.decode(errors="backslashreplace"), True


def _first_lines(text: str) -> str:
    lines = text.rstrip("\n").split("\n")
    more = [f"({len(lines) - _SHOWN} more lines)"] if len(lines) > _SHOWN else []
    return "\n".join([f"    {line[:200]}" for line in lines[:_SHOWN]] + more)


def serve(incoming: IO[str], outgoing: IO[str]) -> None:
    """Answers requests until the other side closes."""
    interpreter = Interpreter()
    try:
        for line in incoming:
            outcome = interpreter.run(**json.loads(line))
            outgoing.write(json.dumps(asdict(outcome)) + "\n")
            outgoing.flush()
    finally:
        interpreter.close()


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
