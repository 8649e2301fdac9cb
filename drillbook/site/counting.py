"""How many marks there are of each state, told so that a copy on a disk can turn them stale.

Each count carries the days until which its marks hold; `source/_static/drillbook.js` takes
those that have run out over to the stale ones, by the rule by which it turns the marks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from drillbook.site.wording import SYMBOLS, WORDS
from drillbook.verification import STATES, DrillVerification, State, Verification

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


def in_words(marks: Iterable[Mark], *, hidden: bool = False) -> str:
    """How many there are of each state that occurs.

    Args:
        marks: Marks of blocks or of drills.
        hidden: Whether they show only once one of them has run out.
    """
    found = by_state(marks)
    expires = any(until for days in found.values() for until in days)
    text, comma = "", ""
    for state, days in found.items():
        if not days and not (state == "stale" and expires):
            continue
        text += (comma if days else "") + (
            f'<span class="db-count db-{state}"{attributes(state, days)}'
            f"{'' if days else ' hidden'}>{len(days)} {SYMBOLS[state]} {WORDS[state]}</span>"
        )
        comma = comma or (", " if days else "")
    return f'<span class="db-counts"{" hidden" if hidden else ""}>{text}</span>'


def attributes(state: State, days: Sequence[str]) -> str:
    """Attributes of an element that shows a count: its state, and how many end on which day."""
    counts = Counter(day for day in days if day)
    untils = " ".join(f"{day}:{number}" for day, number in sorted(counts.items()))
    return f' data-count="{state}"' + (f' data-untils="{untils}"' if untils else "")
