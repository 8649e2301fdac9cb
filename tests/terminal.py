"""An interactive bash on a terminal, into which text is typed to see how it is read.

Nothing that is typed is executed: it is typed between the braces of a function that is
never called, and bash is asked what it has read.
"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

_PROMPT, _MORE = b"(at a prompt) ", b"(more) "
_PATIENCE_S = 120.0
_BROKEN = "not read as a command"


class Terminal:
    """Bash at a prompt, as a reader has it: history, completion, no bracketed paste."""

    def __init__(self) -> None:
        self._open()

    def _open(self) -> None:
        self._near, far = pty.openpty()
        try:
            self.process = subprocess.Popen(
                ["bash", "--norc", "--noprofile", "-i"],
                stdin=far,
                stdout=far,
                stderr=far,
                env={
                    "PATH": os.environ["PATH"],
                    "LC_ALL": "C.UTF-8",
                    "TERM": "dumb",
                    "HISTFILE": "",
                    "INPUTRC": "/dev/null",
                    "PS1": _PROMPT.decode(),
                    "PS2": _MORE.decode(),
                },
                start_new_session=True,
            )
        finally:
            os.close(far)
        try:
            self._until_prompt()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.wait()
        os.close(self._near)

    def read(self, text: str) -> str:
        """What bash reads where a text is typed, in its own spelling (`declare -f`)."""
        said = self._type("unset -f typed")
        for line in ("typed() {", ":", *text.split("\n"), "}"):
            said = self._type(line)
        if said.endswith(_MORE):
            # Something is open, and nothing that is typed now would be read as it is meant.
            self.close()
            self._open()
            return f"{_BROKEN}: it waits for more"
        shown = self._type("declare -f typed").removesuffix(_PROMPT).decode(errors="replace")
        return _spelled(shown.partition("\n")[2]) or f"{_BROKEN}: {said.decode(errors='replace')}"

    def _type(self, line: str) -> bytes:
        os.write(self._near, line.encode() + b"\n")
        return self._until_prompt()

    def _until_prompt(self) -> bytes:
        said, end = b"", time.monotonic() + _PATIENCE_S
        while not said.endswith((_PROMPT, _MORE)):
            if not select.select([self._near], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(f"no prompt after {said[-500:]!r}")
            said += os.read(self._near, 1 << 16)
        return said.replace(b"\r", b"")


@contextmanager
def terminal() -> Iterator[Terminal]:
    """A terminal that is gone afterwards."""
    opened = Terminal()
    try:
        yield opened
    finally:
        opened.close()


def read_from_file(text: str) -> str:
    """What a bash that is not interactive reads in the same text, in the same spelling."""
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", f"typed() {{\n:\n{text}\n}}\ndeclare -f typed"],
        capture_output=True,
        timeout=_PATIENCE_S,
    )
    return _spelled(done.stdout.decode(errors="replace")) or _BROKEN


def _spelled(shown: str) -> str:
    return shown.strip() if shown.startswith("typed ()") else ""
