"""A drill's control run: how long users must stay unserved, and what counts as a recovery."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from drillbook import control
from drillbook.control import Told
from drillbook.model import Drill, Scenario
from drillbook.sandboxes.sandbox import Sandbox


class Users:
    """Served as a script says, four seconds a look; the last one stays."""

    def __init__(self, *served: bool) -> None:
        self.served = served
        self.looks = 0

    def until(self, held: bool, *, timeout_s: float) -> bool:
        """One look."""
        self.looks += 1
        return self.served[min(self.looks, len(self.served)) - 1] == held

    def monotonic(self) -> float:
        """The time."""
        return 4.0 * self.looks


DRILL = Drill("drill", "kill db-1", rto_s=900.0, people_s=600.0, rpo_s=0.0, line=1)
SCENARIO = Scenario("page#drill", "drill", "Drill", (), drill=DRILL)


def verdict(patch: pytest.MonkeyPatch, users: Users) -> str:
    patch.setattr(control, "break_stack", lambda *_: (users, 0.0))
    patch.setattr("drillbook.control.time", users)
    told = Told("passed", 1.0)
    sandbox = cast(Sandbox, None)
    return control._watch(Path(), SCENARIO, DRILL, sandbox, lambda: told).verdict


def test_who_goes_on_to_be_served_has_recovered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(monkeypatch, Users(False, True, True)) == "recovered"


def test_a_lucky_moment_is_no_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(monkeypatch, Users(False, True, False, False)) == "stayed-down"


def test_nobody_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(monkeypatch, Users(False)) == "stayed-down"
