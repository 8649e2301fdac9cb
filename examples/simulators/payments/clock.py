"""What comes due while time passes, in the order in which it does.

Time passes from one such moment to the next: each thing happens now, and is made older by what
is left. So events have the age that they would have, and a month brings a renewal and its events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from simulators.payments.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Due:
    """Something that happens at its time."""

    moment: float
    """Seconds since 1970."""

    happen: Callable[[], object]


def move(
    known: Ledger, seconds: int, scale: float, now: int, due: Callable[[], Iterable[Due]]
) -> None:
    """Lets so much time pass.

    Args:
        known: What gets older.
        seconds: How much time.
        scale: See `Ledger.age`.
        now: The moment, in seconds since 1970; it stays.
        due: All that ends by itself, looked at again after each thing that happened.
    """
    left = seconds
    while True:
        first = min(
            (each for each in due() if each.moment <= now + left),
            key=lambda each: each.moment,
            default=None,
        )
        step = left if first is None else max(0, int(first.moment) - now)
        if step:
            known.age(step, scale)
        left -= step
        if first is None:
            return
        first.happen()
