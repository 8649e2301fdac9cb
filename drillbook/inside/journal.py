"""What the prober wrote and what the platform confirmed: numbers, times, errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Losses:
    """What became of the confirmed writes."""

    lost: tuple[int, ...]
    """Numbers that were confirmed and are not there."""

    lost_s: float
    """Span of time in which the lost ones were confirmed, and one interval more."""

    doubled: int
    """How many confirmed numbers are there more than once."""

    recovered: int | None = None
    """How many are there that were answered with an error or not at all; None where that
    cannot be found out."""

    unexpected: int | None = None
    """How many are there that nobody ever wrote; None where that cannot be found out."""


class Journal:
    """Numbers and confirmations of all writes; may be used by several threads.

    A write whose confirmation never came may or may not be there: it is neither
    lost nor doubled, its number is not used again, and it is called recovered if it is.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: int | None = None
        self._begun: dict[int, float] = {}
        """When each write was begun."""
        self._took: list[tuple[float, float]] = []
        """When each was confirmed, and how long that took."""
        self._stale = 0
        self._confirmed: list[tuple[float, int]] = []
        self._longest_s = 0.0
        self._errors: dict[str, None] = {}
        self._kept_error = "nothing was written yet"
        self._kept_at = 0.0

    def begin_after(self, newest: int) -> None:
        """Says which number the table already holds; only the first call counts."""
        with self._lock:
            if self._next is None:
                self._next = newest + 1

    def number(self) -> int | None:
        """The number of the next write; None until it is known where to begin."""
        with self._lock:
            if self._next is None:
                return None
            number, self._next = self._next, self._next + 1
            self._begun[number] = time.monotonic()
            return number

    def confirm(self, number: int, *, kept: bool = False) -> None:
        """Notes that the platform confirmed a write.

        Args:
            number: The write's number.
            kept: Whether it went over the connection that is kept.
        """
        with self._lock:
            # Taken inside the lock, so that the list is in order of time.
            now = time.monotonic()
            if self._confirmed:
                self._longest_s = max(self._longest_s, now - self._confirmed[-1][0])
            self._confirmed.append((now, number))
            self._took.append((now, now - self._begun.get(number, now)))
            if kept:
                self._kept_error, self._kept_at = "", now

    def serve(self) -> None:
        """Notes that all went well over the connection that is kept."""
        with self._lock:
            self._kept_error, self._kept_at = "", time.monotonic()

    def fail(self, text: str, *, seen: bool, kept: bool = False) -> None:
        """Notes an error.

        Args:
            text: Its first line.
            seen: Whether clients of the platform see this very text.
            kept: Whether it befell the connection that is kept.
        """
        with self._lock:
            if seen:
                self._errors.setdefault(text)
            if kept:
                self._kept_error = text

    def kept_trouble(self, patience_s: float) -> str:
        """Why the kept connection does not serve, empty when it does.

        Args:
            patience_s: Seconds a write on it may take.
        """
        with self._lock:
            if self._kept_error:
                return self._kept_error
            quiet_s = time.monotonic() - self._kept_at
        return f"no write was confirmed for {quiet_s:.1f} s" if quiet_s > patience_s else ""

    def newest(self, *, age_s: float = 0.0) -> int | None:
        """Number of the newest write that was confirmed at least `age_s` seconds ago."""
        limit = time.monotonic() - age_s
        with self._lock:
            for at, number in reversed(self._confirmed):
                if at <= limit:
                    return number
        return None

    @property
    def acknowledged(self) -> int:
        """How many writes were confirmed."""
        with self._lock:
            return len(self._confirmed)

    @property
    def attempted(self) -> int:
        """How many writes were begun."""
        with self._lock:
            return len(self._begun)

    def stale_read(self) -> None:
        """Notes that a confirmed write was read, and was not there or was older."""
        with self._lock:
            self._stale += 1

    @property
    def stale(self) -> int:
        """How many reads were stale."""
        with self._lock:
            return self._stale

    @property
    def took(self) -> tuple[tuple[float, float], ...]:
        """When each write was confirmed, CLOCK_MONOTONIC seconds, and the seconds it took."""
        with self._lock:
            return tuple(self._took)

    @property
    def longest_s(self) -> float:
        """Longest time between two confirmations, in seconds."""
        with self._lock:
            return self._longest_s

    @property
    def errors(self) -> tuple[str, ...]:
        """Error texts that clients see, each once, in order of first sight."""
        with self._lock:
            return tuple(self._errors)

    def numbers(self) -> frozenset[int]:
        """Numbers of all confirmed writes."""
        with self._lock:
            return frozenset(number for _, number in self._confirmed)

    def compare(self, present: Iterable[int], interval_s: float, *, of_all: bool = False) -> Losses:
        """Holds the confirmed writes against the numbers that the table holds now.

        Args:
            present: Every row's number, a doubled row's as often as it is there.
            interval_s: Time between two writes, in seconds.
            of_all: Whether what was never confirmed is among `present` where it is there.
        """
        count: dict[int, int] = {}
        for number in present:
            count[number] = count.get(number, 0) + 1
        with self._lock:
            confirmed = list(self._confirmed)
            begun = set(self._begun)
        known = {number for _, number in confirmed}
        first = min(begun, default=0)
        lost = [(at, number) for at, number in confirmed if number not in count]
        return Losses(
            lost=tuple(sorted(number for _, number in lost)),
            lost_s=lost[-1][0] - lost[0][0] + interval_s if lost else 0.0,
            doubled=sum(1 for _, number in confirmed if count.get(number, 0) > 1),
            recovered=len(begun & count.keys() - known) if of_all else None,
            unexpected=(
                sum(number >= first and number not in begun for number in count)
                if of_all and begun
                else None
            ),
        )
