"""The timer of a game day: what happens to the stack and what people note, in order of time."""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TextIO

from drillbook import clock
from drillbook.gameday.sheet import Hint
from drillbook.incidents import timeline
from drillbook.incidents.timeline import Entry
from drillbook.site.wording import seconds

STEADY_S = 60.0
"""How long users must have been served before the day is over by itself."""

_NOTE = re.compile(r"(?P<role>[a-z][a-z-]*): (?P<what>.*\S)\s*")
_EVERY_S = 60.0

End = Literal["steady", "time", "ended"]


class Prober(Protocol):
    """What tells whether users are served (`drillbook.drills.watch.Watch`)."""

    @property
    def last_error(self) -> str:
        """Why they are not, as last seen."""
        ...

    def until(self, held: bool, *, timeout_s: float) -> bool:
        """Waits until they are, or are not; whether that came in time."""
        ...


class Typed:
    """Lines that the facilitator types, as they come; none once the input has ended.

    Args:
        descriptor: Of the input.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self._ended = False

    def __call__(self) -> Iterator[str]:
        """What was typed since the last look."""
        while not self._ended and select.select([self._descriptor], [], [], 0)[0]:
            read = os.read(self._descriptor, 4096)
            self._ended = not read
            self._rest += read
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").strip()


@dataclass
class Timer:
    """Keeps a game day's time.

    Args:
        file: The timeline.
        hints: What may be said, by time.
        limit_s: When the day is over in any case, in seconds after the fault.
        typed: Gives the lines that were typed since it was last called.
        out: What the facilitator sees.
        now: Seconds that only go forward.
    """

    file: Path
    hints: Sequence[Hint]
    limit_s: float
    typed: Callable[[], Iterator[str]]
    out: TextIO
    now: Callable[[], float] = time.monotonic
    _given: int = field(default=0, init=False)

    def note(self, role: str, what: str) -> None:
        """Writes into the timeline and shows it."""
        entry = Entry(clock.now(), role, what)
        timeline.append(self.file, [entry])
        print(timeline.line_of(entry), end="", file=self.out, flush=True)

    def run(self, prober: Prober, began: float) -> End:
        """Goes on until users have been served for a while, time is up, or somebody ends it.

        Args:
            prober: Tells whether users are served.
            began: When the fault came, on the clock of `now`.

        Returns:
            Why it ended.
        """
        served_since: float | None = None
        said = 0.0
        while True:
            # Until the other state comes, so that neither a recovery nor a relapse is missed.
            turned = prober.until(served_since is None, timeout_s=1.0)
            passed = self.now() - began
            if turned and served_since is None:
                served_since = self.now()
                self.note("facilitator", f"users are served, {seconds(passed)} after the fault")
            elif turned:
                served_since = None
                self.note("facilitator", f"users are not served again: {prober.last_error}")
            for line in self.typed():
                if line == "end":
                    return "ended"
                self._take(line)
            if served_since is not None and self.now() - served_since >= STEADY_S:
                return "steady"
            if passed >= self.limit_s:
                return "time"
            if passed - said >= _EVERY_S:
                said = passed
                print(f"  {seconds(passed)} since the fault", file=self.out, flush=True)
            self._due(passed)

    def _take(self, line: str) -> None:
        if match := _NOTE.fullmatch(line):
            self.note(match["role"], match["what"])
        elif line:
            self.note("scribe", line)

    def _due(self, passed: float) -> None:
        while self._given < len(self.hints) and passed >= self.hints[self._given].after_s:
            hint = self.hints[self._given]
            self._given += 1
            text = f"  {seconds(passed)}: you may say, if asked: {hint.text}"
            print(text, file=self.out, flush=True)
