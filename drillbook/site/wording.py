"""The words and symbols in which states, times and durations are told everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup, escape

from drillbook.model import DrillResult
from drillbook.site import templates
from drillbook.verification import State

_HTML = templates.macros("words")

SYMBOLS: Mapping[State, str] = {
    "verified": "✓",
    "simulated": "≈",
    "skipped": "–",
    "stale": "≠",
    "not-run": "?",
    "error": "!",
    "failed": "×",
}
YES, NO = SYMBOLS["verified"], SYMBOLS["failed"]
"""Whether one figure meets its objective."""

WORDS: Mapping[State, str] = {
    "verified": "verified",
    "simulated": "simulated",
    "skipped": "skipped",
    "stale": "stale",
    "not-run": "not run",
    "error": "error",
    "failed": "failed",
}
MEANINGS: Mapping[State, str] = {
    "verified": "run as printed, with this result, on the servers named",
    "simulated": "run as printed, but a service it talks to was only simulated, or a defect of the "
    "platform was fixed here first",
    "skipped": "not run, for the reason given",
    "stale": "the page, or what it runs on, has changed since the last run, or that run is too old",
    "not-run": "not run: there is no result, or an earlier block failed",
    "error": "the test environment broke, so it is not known whether the page is right",
    "failed": "run as printed, and the result was different: do not trust this block",
}


def badge(state: State) -> Markup:
    """Symbol and word of a state."""
    return Markup(_HTML.badge(state, SYMBOLS[state], WORDS[state]))


def seconds(value: float) -> str:
    """A duration as people read it: `0.31 s`, `4.2 s`, `15 min`, `1 h 30 min`."""
    if value < 0.995:
        return f"{value:.2f} s" if value else "0 s"
    if value < 59.95:
        return f"{value:.1f} s".replace(".0 s", " s")
    whole = round(value)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (left if not hours else 0, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def lost_writes(result: DrillResult) -> str:
    """How many confirmed writes a drill lost, and how long a span of them: `60 writes in 1 s`."""
    if not result.lost:
        return "none"
    noun = "write" if result.lost == 1 else "writes"
    span = f" in {seconds(result.lost_s)}" if result.lost_s else ""
    return f"{result.lost} {noun}{span}"


def day(iso: str) -> Markup:
    """`2026-11-23` as `23 Nov 2026`; anything else as it is, escaped."""
    try:
        found = date.fromisoformat(iso[:10])
    except ValueError:
        return escape(iso)
    # strftime follows the caller's locale; a page must not.
    return Markup(f"{found.day} {_MONTHS[found.month - 1]} {found.year}")


def moment(iso: str) -> Markup:
    """A time of the day in UTC, to the minute, as an HTML element."""
    hour = f" {iso[11:16]}" if len(iso) >= 16 else ""
    return Markup(_HTML.moment(iso, day(iso) + f"{hour} UTC"))


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are of a state, as a template shows it."""

    state: State
    number: int
    counted: bool = False
    """Whether it can be counted anew."""

    untils: str = ""
    """Last days, each with how many end on it: `2026-11-26:3 ...`."""

    hidden: bool = False

    @property
    def symbol(self) -> str:
        """The state's symbol."""
        return SYMBOLS[self.state]

    @property
    def word(self) -> str:
        """The state's word."""
        return WORDS[self.state]


def in_words(counts: Mapping[State, int]) -> Markup:
    """How many there are of each state that occurs."""
    some = [Count(state, number) for state, number in counts.items() if number]
    return Markup(_HTML.plain_counts(some))


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
