"""What the oracle of the site looks at: the web application that Vercel serves."""

from __future__ import annotations

import time

from drillbook.inside.trouble import Trouble
from smartbeak_drills.users.calls import Line

_LOOK_S = 0.3


class SiteServed:
    """The site's first page is there.

    Args:
        line: The way to it.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._next = 0.0
        self._said = "the site was not asked for yet"

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LOOK_S
            try:
                self._line.call("GET", "/")
                self._said = ""
            except Trouble as error:
                self._said = error.text
        return self._said
