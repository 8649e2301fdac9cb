"""How many marks there are of each state, told so that a copy on a disk can turn them stale.

Each count carries the days until which its marks hold; `source/_static/drillbook.js` takes
those that have run out over to the stale ones, by the rule by which it turns the marks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from drillbook.site import templates
from drillbook.site.wording import Count
from drillbook.verification import STATES, DrillVerification, State, Verification

_HTML = templates.macros("words")

Mark = Verification | DrillVerification


def by_state(marks: Iterable[Mark]) -> Mapping[State, Sequence[str]]:
    """The last day of each mark (empty where no day ends it), by state, all states named."""
    found: dict[State, list[str]] = {state: [] for state in STATES}
    for mark in marks:
        found[mark.state].append(mark.until)
    return found


def soonest(marks: Iterable[Mark]) -> str:
    """The first day on which one of the marks runs out; empty when none ever does."""
    return min((mark.until for mark in marks if mark.until), default="")


def in_words(marks: Iterable[Mark], *, hidden: bool = False) -> Markup:
    """How many there are of each state that occurs.

    Args:
        marks: Marks of blocks or of drills.
        hidden: Whether they show only once one of them has run out.
    """
    found = by_state(marks)
    expires = any(until for days in found.values() for until in days)
    counts = [
        Count(state, len(days), counted=True, untils=untils(days), hidden=not days)
        for state, days in found.items()
        if days or (state == "stale" and expires)
    ]
    return Markup(_HTML.expiring(counts, hidden))


def untils(days: Iterable[str]) -> str:
    """How many marks end on which day, as the site's script reads it."""
    counts = Counter(day for day in days if day)
    return " ".join(f"{day}:{number}" for day, number in sorted(counts.items()))
