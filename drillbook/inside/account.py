"""What the prober says at the end: by kind of what users do, and summed up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from drillbook.inside.journal import Journal, Losses

Work = Callable[[threading.Event], None]
"""Goes on until the event is set."""


@dataclass(frozen=True, slots=True)
class Count:
    """What became of one kind."""

    kind: str
    """What users do, in a word, e.g. `publishing`."""

    acknowledged: int
    gap_s: float
    """Longest time between two confirmations."""

    losses: Losses | None
    """None where what is there could not be read, so that nothing is known."""

    asked: tuple[str, ...] = ()
    """Hosts beside the platform's that said what became of it, e.g. a publish target."""

    attempted: int | None = None
    """None where that is not known."""

    stale: int = 0
    """Reads of something confirmed that was not there or was older."""

    took: tuple[tuple[float, float], ...] = ()
    """When each was confirmed, CLOCK_MONOTONIC seconds, and the seconds it took."""


def count_of(
    kind: str, journal: Journal, losses: Losses | None, asked: tuple[str, ...] = ()
) -> Count:
    """What a journal says of one kind, and what became of it."""
    return Count(
        kind, journal.acknowledged, journal.longest_s, losses, asked, journal.attempted,
        journal.stale, journal.took,
    )  # fmt: skip


class Client(Protocol):
    """Something that users do again and again, and that is accounted for."""

    @property
    def kind(self) -> str:
        """Its name in the account."""
        ...

    @property
    def journal(self) -> Journal:
        """What was done and confirmed."""
        ...

    @property
    def works(self) -> Sequence[Work]:
        """What goes on, a thread for each."""
        ...

    def settle(self) -> float | None:
        """Waits, within bounds, for what was confirmed and is still under way.

        Returns:
            CLOCK_MONOTONIC seconds at which the last came that users had waited for
            too long; None if there was none.
        """
        ...

    def count(self) -> Count:
        """What became of all that was confirmed."""
        ...


_SAMPLES = 600
"""Most answers whose times are told: the slowest of each span of time."""


def thinned(took: Sequence[tuple[float, float]], most: int = _SAMPLES) -> list[tuple[float, float]]:
    """At most so many of them, in order of time: the slowest of each group of neighbours."""
    ordered = sorted(took)
    size = -(-len(ordered) // most) or 1
    groups = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    return [max(group, key=lambda one: one[1]) for group in groups]


def told(counts: Sequence[Count]) -> dict[str, Any]:
    """The counts as the prober's account tells them: sums, and each kind's own.

    What is lost or doubled of any kind adds up; times are those of the worst kind.
    """
    known = [count.losses for count in counts if count.losses is not None]
    counted = len(known) == len(counts)
    return {
        "acknowledged": sum(count.acknowledged for count in counts),
        "counted": counted,
        "lost": [number for losses in known for number in losses.lost],
        "lost_s": max((losses.lost_s for losses in known), default=0.0),
        "doubled": sum(losses.doubled for losses in known),
        "gap_s": max((count.gap_s for count in counts), default=0.0),
        "took": thinned([one for count in counts for one in count.took]),
        "kinds": [
            {
                "kind": count.kind,
                "acknowledged": count.acknowledged,
                "lost": len(count.losses.lost) if count.losses else 0,
                "doubled": count.losses.doubled if count.losses else 0,
                "gap_s": count.gap_s,
                "counted": count.losses is not None,
                "asked": list(count.asked),
                "attempted": count.attempted,
                "recovered": count.losses.recovered if count.losses else None,
                "unexpected": count.losses.unexpected if count.losses else None,
                "stale": count.stale,
            }
            for count in counts
        ],
    }
