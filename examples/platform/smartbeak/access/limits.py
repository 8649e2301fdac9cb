"""How often a user may use a route: counted in this process, forgotten when it ends."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from smartbeak.process.errors import too_many

WINDOW_S = 60.0
"""The window that requests are counted in."""

_MOST_COUNTED = 10_000


@dataclass
class _Window:
    count: int
    ends: float


class Limits:
    """Counts requests by user and route.

    Args:
        clock: Seconds that only go forward.
        enabled: Whether anybody is ever refused.
        plans: Whether every user has a plan; a release that takes it for granted sets it to
            False (see `smartbeak.process.releases`).
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        enabled: bool = True,
        plans: bool = True,
    ) -> None:
        self._clock = clock
        self._enabled = enabled
        self._plans = plans
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()

    def count(self, user: str, route: str, most: int) -> dict[str, str]:
        """Counts one request.

        Args:
            user: Who makes it.
            route: What it is for.
            most: How many are allowed in a minute.

        Returns:
            Headers that tell the user where they stand.

        Raises:
            ApiError: 429, it is one too many.
        """
        if self._enabled and not self._plans and route.startswith("POST "):
            raise KeyError("plan")
        now = self._clock()
        window = self._windows.pop((user, route), None)
        if window is None or now >= window.ends:
            window = _Window(0, now + WINDOW_S)
        window.count += 1
        self._windows[user, route] = window
        if len(self._windows) > _MOST_COUNTED:
            self._windows.popitem(last=False)
        wait_s = max(math.ceil(window.ends - now), 1)
        headers = {
            "X-RateLimit-Limit": str(most),
            "X-RateLimit-Remaining": str(max(most - window.count, 0)),
            "X-RateLimit-Reset": str(int(time.time()) + wait_s),
        }
        if self._enabled and window.count > most:
            raise too_many(wait_s, headers)
        return headers
