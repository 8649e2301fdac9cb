"""What a forgotten worker does: takes connection after connection and gives none back.

It opens until the server refuses, prints `full`, and from then on takes every slot that gets
free, as a leak does. Once one of its connections is ended by the server it opens no more:
ending them is the cure, and it must be possible to tell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from drillbook.inside.trouble import Trouble


class Held(Protocol):
    """One idle connection."""

    def ended(self) -> bool:
        """Whether the server has ended it."""

    def close(self) -> None:
        """Ends it."""


def hoard(connect: Callable[[], Held], stop: threading.Event, *, most: int, again_s: float) -> None:
    """Holds connections until `stop` is set.

    Args:
        connect: Opens one.
        stop: Ends it all.
        most: How many are held at most.
        again_s: Seconds until a server that is full is asked again.

    Raises:
        Trouble: Not even one connection came about.
    """
    held: list[Held] = []
    full = cured = False
    while not stop.is_set():
        cured = cured or any(each.ended() for each in held)
        if cured or len(held) >= most:
            stop.wait()
            break
        try:
            held.append(connect())
        except Trouble as error:
            if not held:
                raise
            if not full:
                print(f"full after {len(held)}: {error.text}", flush=True)
            full = True
            stop.wait(again_s)
    for each in held:
        each.close()
