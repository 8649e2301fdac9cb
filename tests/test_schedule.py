"""How many units run at once, and which of them first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drillbook.model import Drill, Plan, Scenario
from drillbook.runs import schedule

LOST = "page#lost"


@pytest.mark.parametrize(
    ("units", "cores", "busy", "memory", "fit"),
    [
        (100, 2, 0.0, 24_000, 4),  # quiet: two for each core
        (100, 2, 0.5, 24_000, 3),
        (100, 2, 1.0, 24_000, 2),  # busy: one
        (100, 8, 0.0, 24_000, 16),
        (3, 8, 0.0, 24_000, 3),  # no more than there are
        (100, 8, 0.0, 1_000, 3),  # memory is what is short
        (100, 2, 0.0, 100, 1),
    ],
)
def test_what_fits(units: int, cores: int, busy: float, memory: int, fit: int) -> None:
    assert schedule.fitting(units, cores, busy, memory) == fit


def test_how_busy_a_machine_is_now_is_read_from_the_kernel(tmp_path: Path) -> None:
    told = tmp_path / "cpu"
    assert schedule.pressure(told) == 0
    told.write_text("some avg10=18.50 avg60=33.63 avg300=23.43 total=1\nfull avg10=0.00\n")
    assert schedule.pressure(told) == 0.185


def test_a_drill_and_its_control_run_need_no_processes_of_their_own() -> None:
    assert (schedule.at_once(0), schedule.at_once(2)) == (0, 0)
    assert schedule.at_once(3) >= 1


@pytest.mark.parametrize(
    ("nodeid", "unit"),
    [
        ("build/plan.json::page#page::look", "page#page"),
        ("build/plan.json::page#lost::objectives", LOST),
        ("build/plan.json::page#lost::control", f"{LOST}::control"),
        ("build/plan.json::page#lost::without-promote", f"{LOST}::without-promote"),
    ],
)
def test_units(nodeid: str, unit: str) -> None:
    assert schedule.unit_of(nodeid) == unit


@dataclass
class Item:
    """What is known of an item."""

    nodeid: str


def test_the_longest_unit_comes_first_and_stays_whole() -> None:
    names = ["a#page::one", "b#page::one", "a#page::two", "c#lost::one", "c#lost::control"]
    items: list[Any] = [Item(f"build/plan.json::{name}") for name in names]
    known = {"a#page": 1.0, "b#page": 5.0, "c#lost": 9.0, "c#lost::control": 8.0}
    order = [item.nodeid.partition("::")[2] for item in schedule.longest_first(items, known)]
    assert order == ["c#lost::one", "c#lost::control", "b#page::one", "a#page::one", "a#page::two"]


def test_how_long_a_unit_took_is_kept_and_a_control_run_follows_its_drill(tmp_path: Path) -> None:
    drill = Drill("lost", "kill db-1", 900, 600, 0, 1)
    scenarios = (
        Scenario(LOST, "drill", "", (), drill=drill),
        Scenario("page#page", "page", "", ()),
    )
    plan = Plan(1, {}, ())
    assert (
        schedule.seconds(tmp_path, scenarios)[LOST]
        > schedule.seconds(tmp_path, scenarios)["page#page"]
    )
    (tmp_path / schedule.FILE).write_text("cut off")
    assert schedule.read(tmp_path) == {}
    (tmp_path / schedule.FILE).write_text(f'{{"{LOST}": 3, "{LOST}::control": 60}}')
    found = schedule.seconds(tmp_path, scenarios)
    assert found[LOST] == 3
    assert found[f"{LOST}::control"] < 3
    schedule.write(tmp_path, {LOST: 4.0}, plan)
    assert schedule.read(tmp_path) == {}  # the plan has no such drill
