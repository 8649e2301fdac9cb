"""Time that a test sets."""

from __future__ import annotations


class Clock:
    """Stands where a test puts it; whoever sleeps lets it pass.

    Args:
        now: Seconds it shows at first.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        """As the module `time` has it."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """As the module `time` has it."""
        self.now += seconds
