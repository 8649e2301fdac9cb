"""How often a user does what it does, and what becomes of a try."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from drillbook.inside.journal import Journal
from drillbook.inside.trouble import Trouble
from smartbeak_drills.users.platform import Waiting


def keep_at(
    act: Callable[[], None], journal: Journal, interval_s: float, stop: threading.Event
) -> None:
    """Does the same again and again, and keeps account of it.

    A try that has to wait for a user whose limit is not reached counts neither way.

    Args:
        act: One try.
        journal: Where served and failed tries are noted.
        interval_s: Seconds from the beginning of a try to that of the next; a try that takes
            longer is followed at once.
        stop: Ends it.
    """
    while not stop.is_set():
        begin = time.monotonic()
        try:
            act()
            journal.serve()
        except Waiting:
            pass
        except Trouble as error:
            journal.fail(error.text, seen=error.seen, kept=True)
        stop.wait(max(begin + interval_s - time.monotonic(), 0))
