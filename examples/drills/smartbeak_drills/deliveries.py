"""Waits until a provider has delivered all that it has to tell the platform."""

from __future__ import annotations

import time
from collections.abc import Callable

from drillbook.inside.trouble import Trouble

_PATIENCE_S = 120.0


def settle(provider: str, waiting: Callable[[], bool], poll_s: float) -> None:
    """Waits.

    Args:
        provider: Its name, for the error.
        waiting: Whether something is still to be delivered.
        poll_s: Seconds between two questions: providers limit how often they are asked.

    Raises:
        Trouble: Something is not delivered in time.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while waiting():
        if time.monotonic() > deadline:
            raise Trouble(f"{provider} has not delivered all that it has to")
        time.sleep(poll_s)
