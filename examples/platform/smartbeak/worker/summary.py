"""The summary of a post: its title without the ornaments around it."""

from __future__ import annotations

import re

LONGEST = 160
"""Characters of a summary."""

# A text, then rules and bullets that editors put behind it: "Sale ---", "News ~ * ~".
_ORNAMENTED = re.compile(r"\s*(?P<text>.*?)\s*(?:[-=~*]+\s*)*", re.DOTALL)


def summary_of(title: str) -> str:
    """The summary of a post with this title.

    This has a defect on purpose, for the drill "poison job". The pattern repeats a
    repetition: a row of n ornaments that is not at the end of the title can be split
    in 2^(n-1) ways, and all of them are tried before the text goes on. Titles as
    people write them have three or four; one with forty in a row and a word behind
    them keeps the process busy for days. Nothing else in the process runs meanwhile:
    it answers no probe, renews no lock, and does not notice SIGTERM, so that its jobs
    go to the next worker, which then has the same job in hand. Mending it takes away
    the inner or the outer `+`.
    """
    found = _ORNAMENTED.fullmatch(title)
    text = found["text"] if found else title
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"
