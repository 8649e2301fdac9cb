"""Looks at several things at once, none of which may hold up the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Value = str | int | float | bool
"""What a fact may be."""

ALL_S = 6.5
"""Longest that all looks together may take: with the start of the program it stays
below ten seconds, whatever hangs."""


@dataclass(slots=True)
class Seen:
    """What one look saw.

    Attributes:
        lines: For a person, in the order in which they are read.
        facts: For the tree, by the names that `facts.FACTS` lists.
        unseen: What could not be looked at, so that nothing is known of it.
    """

    lines: list[str] = field(default_factory=list)
    facts: dict[str, Value] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)

    def say(self, line: str, facts: Mapping[str, Value] = {}, **more: Value) -> None:
        """Adds a line and what it stands for; a dot in a fact's name is `__` in `more`."""
        self.lines.append(line)
        self.know(facts, **more)

    def blind(self, name: str, why: str) -> None:
        """Adds that something cannot be told from here; it is neither well nor broken."""
        self.lines.append(f"{name}: cannot be told: {why}")
        self.unseen.append(name)

    def know(self, facts: Mapping[str, Value] = {}, **more: Value) -> None:
        """Adds facts without a line."""
        self.facts.update(facts)
        self.facts.update({name.replace("__", "."): value for name, value in more.items()})


@dataclass(frozen=True, slots=True)
class Look:
    """Something to look at.

    Attributes:
        name: Begins its line when there is no answer.
        see: Does it; what it has said when the time is over counts.
    """

    name: str
    see: Callable[[Seen], None]


def look(looks: Sequence[Look], limit_s: float = ALL_S) -> Seen:
    """Looks at everything at the same time.

    Args:
        looks: What to look at; their lines keep this order.
        limit_s: When a look is given up, in seconds from now.
    """
    deadline = time.monotonic() + limit_s
    running: list[tuple[Look, Seen, threading.Thread]] = []
    for each in looks:
        seen = Seen()
        # A daemon: a client that hangs in a call of the system does not keep us.
        thread = threading.Thread(target=_see, args=(each, seen), daemon=True)
        thread.start()
        running.append((each, seen, thread))
    together = Seen()
    for each, seen, thread in running:
        thread.join(max(0.0, deadline - time.monotonic()))
        together.lines += list(seen.lines)
        together.facts.update(dict(seen.facts))
        together.unseen += list(seen.unseen)
        if thread.is_alive():
            together.lines.append(f"{each.name}: no answer within {limit_s:g} s")
            together.unseen.append(each.name)
    return together


def _see(each: Look, seen: Seen) -> None:
    try:
        each.see(seen)
    except Exception as error:  # one broken look must not hide the others
        seen.blind(each.name, f"{type(error).__name__}: {error}")


def words(counts: Mapping[str, object]) -> str:
    """Counts as text: `3 waiting, 1 delayed`."""
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def span(seconds: float) -> str:
    """A time as `00:01:05`."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def size(count: float) -> str:
    """Bytes as people say them."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            break
        value /= 1024
    return f"{value:.0f} {unit}"
