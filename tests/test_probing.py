"""The prober's account: which split brain counts beside the outage."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from drillbook.inside.probing import Prober


class Twins:
    """Two nodes took writes until a moment."""

    answers: Mapping[str, int] = {"db-1": 1, "db-2": 1}

    def __init__(self, last: float | None) -> None:
        self.first = self.last = last

    def watch(self, stop: threading.Event) -> None:
        """Nothing more is seen."""


class Served:
    """Says at once that users are served."""

    def look(self) -> str:
        return ""


def account(last: float | None, *, outage: bool) -> dict[str, Any]:
    said: list[dict[str, Any]] = []
    prober = Prober(Served(), [], Twins(last), outage=outage)
    prober.stop()
    prober.run(said.append)
    return said[-1]


@pytest.mark.parametrize(
    ("last", "outage", "counts"),
    [
        (None, False, False),
        (1.0, False, True),
        # Seen before users were served again: the outage itself.
        (1.0, True, False),
        (1e12, True, True),
    ],
)
def test_a_split_brain_counts_unless_it_is_the_outage(
    last: float | None, outage: bool, counts: bool
) -> None:
    assert account(last, outage=outage)["split_brain"] is counts


class Waiting:
    """Users are not served, for another reason at each look."""

    def __init__(self, prober_ends: threading.Event) -> None:
        self._reasons = iter(("connection refused", "reads wait for the lock"))
        self._ends = prober_ends

    def look(self) -> str:
        reason = next(self._reasons, "")
        if not reason:
            self._ends.wait()
        return reason or "over"


def test_a_state_says_why_users_are_not_served_now() -> None:
    ends = threading.Event()
    prober = Prober(Waiting(ends), [])
    said: list[dict[str, Any]] = []

    def say(event: dict[str, Any]) -> None:
        said.append(event)
        if len(said) == 2:
            prober.stop()
            ends.set()

    prober.run(say)
    errors = [event["error"] for event in said if event["event"] == "state"]
    assert errors[:2] == ["connection refused", "reads wait for the lock"]


class Said:
    """Answers one after another, half a second apart."""

    def __init__(self, errors: list[str]) -> None:
        self._errors = iter(errors)
        self.now = 0.0

    def look(self) -> str:
        self.now += 0.5
        return next(self._errors)

    def monotonic(self) -> float:
        return self.now


def test_users_are_served_again_once_no_look_has_failed_for_three_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = ["", "full", "", "full", *[""] * 7]
    oracle = Said(looks)
    monkeypatch.setattr("drillbook.inside.probing.time", oracle)
    prober = Prober(oracle, [])
    served = []
    for _ in looks:
        prober._look_once()
        served.append(prober._newest.held)
    # One free moment between two refusals is none; the time counts from the first good look.
    assert served == [True, *[False] * 9, True]
    assert prober._held_since == 2.5


class Ends:
    """Served; a look that is under way when the end is asked for comes to nothing."""

    def __init__(self) -> None:
        self.looks = 0
        self.under_way = threading.Event()
        self.asked = threading.Event()

    def look(self) -> str:
        self.looks += 1
        if self.looks == 1:
            return ""
        self.under_way.set()
        self.asked.wait()
        return "no answer in time"


def test_what_is_under_way_when_the_end_is_asked_for_says_nothing_of_then() -> None:
    oracle = Ends()
    prober = Prober(oracle, [])
    said: list[dict[str, Any]] = []

    def say(event: dict[str, Any]) -> None:
        said.append(event)
        if oracle.under_way.wait() and event["event"] == "state":
            prober.stop()
            oracle.asked.set()

    prober.run(say)
    assert (said[0]["held"], said[0]["failed"]) == (True, 0.0)
    assert said[-1]["held"] is True
    assert said[-1]["held_since"] <= said[0]["at"]


class Unseen(Twins):
    """One of the nodes has not answered yet."""

    def __init__(self) -> None:
        super().__init__(None)
        self.answers = {"db-1": 1, "db-2": 0}


def test_nobody_is_served_before_every_node_was_looked_at() -> None:
    twins = Unseen()
    prober = Prober(Served(), [], twins)
    prober._look_once()
    assert (prober._newest.held, prober._newest.error) == (False, "db-2 was not looked at yet")
    twins.answers = {"db-1": 1, "db-2": 1}
    prober._look_once()
    assert prober._newest.held
