"""Circuit breakers: a target that fails again and again is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

from smartbeak.process.metrics import Metrics
from smartbeak.process.settings import Jobs


class State(Enum):
    """What a breaker lets through."""

    CLOSED = "everything"
    OPEN = "nothing"
    HALF_OPEN = "a few attempts"


class OpenError(Exception):
    """An attempt that was not made, because the target is being left alone."""


class Breaker:
    """The breaker of one target.

    Args:
        adapter: Kind of the target.
        target: Name of its host.
        jobs: How many failures open it, and for how long.
        metrics: Where its state is shown.
        clock: Seconds that only go forward.
    """

    def __init__(
        self,
        adapter: str,
        target: str,
        jobs: Jobs,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = f"{adapter} {target}"
        self._jobs = jobs
        self._clock = clock
        self._state = State.CLOSED
        self._failures = 0
        self._probes = 0
        self._opened_at = 0.0
        self._open = metrics.circuit_open.labels(adapter, target)
        self._closed = metrics.circuit_closed.labels(adapter, target)
        self._failure = metrics.circuit_failure.labels(adapter, target)
        self._open.set(0)

    @property
    def state(self) -> State:
        """What it lets through now."""
        return self._state

    def enter(self) -> None:
        """Lets an attempt through.

        Raises:
            OpenError: It is not to be made.
        """
        if self._state is State.OPEN:
            if (self._clock() - self._opened_at) * 1000 < self._jobs.circuit_reset_ms:
                raise OpenError(f"Circuit breaker open for {self._name}")
            self._state, self._probes = State.HALF_OPEN, 0
        if self._state is State.HALF_OPEN:
            if self._probes >= self._jobs.circuit_probes:
                raise OpenError(f"Circuit breaker half-open limit reached for {self._name}")
            self._probes += 1

    def worked(self) -> None:
        """Notes an attempt that worked."""
        if self._state is not State.CLOSED:
            self._closed.inc()
        self._state, self._failures = State.CLOSED, 0
        self._open.set(0)

    def failed(self) -> None:
        """Notes an attempt that failed, by the target's fault."""
        self._failure.inc()
        self._failures += 1
        if self._state is State.HALF_OPEN or self._failures >= self._jobs.circuit_threshold:
            self._state, self._opened_at = State.OPEN, self._clock()
            self._open.set(1)
