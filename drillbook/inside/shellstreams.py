"""Reads what a shell prints and tells while it runs one snippet.

Standard library only: this runs inside the hosts.
"""

from __future__ import annotations

import fcntl
import os
import re
import selectors
import struct
import termios
import time
from dataclasses import dataclass
from typing import Literal

_CHUNK = 1 << 16
_SYNTAX = rb": line (\d+): (?:syntax error|unexpected EOF while looking for)"
_SYNTAX_STATUS = 2


@dataclass(frozen=True, slots=True)
class Ends:
    """The descriptors of one shell, on our side."""

    stdout: int
    stderr: int
    control: int
    """Where it tells what came of a snippet: words, each ended by a NUL."""

    exited: int
    """Its process descriptor, readable when it has ended. That a background job
    may hold the pipes open is why no end of file is waited for."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What made a script fail."""

    status: int
    line: int
    """The innermost line of the script; 0 when it has no part in the failure."""


@dataclass(frozen=True, slots=True)
class _Trapped:
    """What the ERR trap told of a failing command of the shell itself."""

    status: int
    frames: tuple[tuple[bytes, int], ...]
    """File and line of each frame, innermost first."""


class Reading:
    """What came from a shell during one snippet.

    Args:
        selector: Where the shell's descriptors are registered.
        ends: These descriptors.
        limit: Bytes that are kept of both streams together, more end the reading; None keeps
            nothing and reads on.
    """

    def __init__(self, selector: selectors.BaseSelector, ends: Ends, limit: int | None) -> None:
        self._selector = selector
        self._ends = ends
        self._left = limit
        self._words: list[bytes] = []
        self._rest = b""
        self.out = bytearray()
        self.err = bytearray()
        self._buffers = ((ends.stdout, self.out), (ends.stderr, self.err))
        self.status: int | None = None
        self.note = ""
        self.aside = ""
        """The last process that was started beside the shell (`$!`)."""
        self.aside_status: int | None = None
        self.jobs = ""
        """Its jobs, as `jobs -l` lists them."""
        self.reached_end = False
        self.end_status: int | None = None
        self._trapped: _Trapped | None = None

    def until_done(self, deadline: float) -> Literal["", "exit", "timeout", "output-limit"]:
        """Reads until the shell is done with its orders, or why it will not be.

        Args:
            deadline: On the monotonic clock.
        """
        while True:
            left = deadline - time.monotonic()
            ready = {key.fd for key, _ in self._selector.select(max(left, 0))}
            for descriptor, buffer in self._buffers:
                if descriptor in ready and not self._read(descriptor, buffer, _CHUNK):
                    return "output-limit"
            gone = self._ends.exited in ready
            done = (
                self._ends.control in ready or (gone and _waiting(self._ends.control) > 0)
            ) and (self._listen())
            if done or gone:
                # What it wrote before is all in the pipes by now. A background job
                # can go on writing: only what is there now is taken.
                for descriptor, buffer in self._buffers:
                    waiting = _waiting(descriptor)
                    if waiting and not self._read(descriptor, buffer, waiting):
                        return "output-limit"
                return "" if done else "exit"
            if left <= 0:
                return "timeout"

    def failed_in(self, file: str, last: int) -> Failure | None:
        """What made the script in that file fail, if something did.

        Args:
            file: As it was sourced.
            last: The script's last line: bash misses an end only on a line after it.
        """
        name = os.fsencode(file)
        if self._trapped:
            lines = (line for source, line in self._trapped.frames if source == name)
            return Failure(self._trapped.status, next(lines, 0))
        # No trap hears of text that bash cannot read.
        said = re.search(re.escape(name) + _SYNTAX, self.err or self.out)
        return Failure(_SYNTAX_STATUS, min(int(said[1]), last)) if said else None

    def _read(self, descriptor: int, buffer: bytearray, count: int) -> bool:
        """Takes up to `count` bytes; false when they are more than may be kept."""
        data = os.read(descriptor, count)
        if not data:
            # Every writer closed it; the selector would report it for ever.
            self._selector.unregister(descriptor)
        if self._left is None:
            return True
        buffer += data[: self._left]
        self._left -= len(data)
        return self._left >= 0

    def _listen(self) -> bool:
        """Reads the control descriptor; true when the shell is done with its orders."""
        data = os.read(self._ends.control, _CHUNK)
        if not data:
            self._selector.unregister(self._ends.control)
        *words, self._rest = (self._rest + data).split(b"\0")
        self._words += words
        done = False
        while self._words and (took := self._message(self._words)):
            done = done or self._words[0] == b"done"
            del self._words[:took]
        return done

    def _message(self, words: list[bytes]) -> int:
        """Takes the first message; returns its length, 0 while it is not there whole."""
        if words[0] == b"done" and len(words) >= 3:
            self.status = int(words[1])
            self.note = words[2].decode()
            return 3
        if words[0] == b"beside" and len(words) >= 2:
            self.aside = words[1].decode()
            return 2
        if words[0] == b"jobs" and len(words) >= 2:
            self.jobs = words[1].decode(errors="replace")
            return 2
        if words[0] == b"aside" and len(words) >= 2:
            self.aside_status = int(words[1])
            return 2
        if words[0] == b"end" and len(words) >= 2:
            self.reached_end, self.end_status = True, int(words[1])
            return 2
        if words[0] == b"failed" and len(words) >= 5:
            frames = int(words[4])
            length = 5 + 2 * frames
            if len(words) < length:
                return 0
            # A failure in a subshell is one only if the subshell fails by it.
            if words[2] == b"0":
                # BASH_LINENO says where each frame was called from, LINENO where we are.
                lines = map(int, [words[3], *words[5 + frames : length - 1]])
                self._trapped = _Trapped(int(words[1]), tuple(zip(words[5:], lines, strict=False)))
            return length
        return 0


def _waiting(descriptor: int) -> int:
    """Bytes that can be read now."""
    (count,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))
    return int(count)
