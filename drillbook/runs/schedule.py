"""What runs at once, and in which order: units of work, how long each takes, how many fit.

A unit is what one process plays in one go: a scenario, a drill's control run, a drill
without one of its steps. A unit mostly waits, so that more of them than there are
cores go on at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from xdist.scheduler import LoadScopeScheduling

from drillbook import files
from drillbook.model import Plan, Scenario

FILE = "durations.json"
"""In `build/`: seconds that each unit took when it last ran."""

CONTROL, WITHOUT = "control", "without-"
"""Names of the items that are units by themselves."""

_RUN_MB = 300
"""Memory that a unit may need: a process of the runner's and the largest stack."""

_QUIET, _BUSY = 2, 1
"""Units for each core of a machine that does nothing else, and of one that is busy."""

_FEW = 2
"""So many units, a drill and its control run, this process plays by itself: it shows each
step as it ends."""

_PRESSURE = Path("/proc/pressure/cpu")

_DRILL_S, _PAGE_S, _SNIPPET_S = 20.0, 3.0, 0.3
"""What a unit is taken for that never ran: of a drill, of a page, and for each snippet more."""

_Item = TypeVar("_Item", bound=pytest.Item)


class ByUnit(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Deals out whole units, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """The unit that an item belongs to, e.g. `docs/x#lost` or `docs/x#lost::control`."""
    scenario, _, name = nodeid.partition("::")[2].rpartition("::")
    return f"{scenario}::{name}" if name == CONTROL or name.startswith(WITHOUT) else scenario


def at_once(units: int) -> int:
    """How many of so many units to run at once on this machine, as it is now; 0 for a few."""
    if units <= _FEW:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return fitting(units, cores or 1, pressure(), _available_mb())


def fitting(units: int, cores: int, busy: float, available_mb: int) -> int:
    """How many units a machine can take on.

    Args:
        units: How many there are.
        cores: Of the machine.
        busy: Share of the time in which something waits for a core, 0 to 1.
        available_mb: Memory that is left.
    """
    by_load = cores * (_QUIET - busy * (_QUIET - _BUSY))
    return max(1, min(units, round(by_load), available_mb // _RUN_MB))


def seconds(build: Path, scenarios: Iterable[Scenario]) -> dict[str, float]:
    """How long each unit of these scenarios takes, as far as is known.

    Args:
        build: The build folder.
        scenarios: What may be run.
    """
    known = read(build)
    found = {}
    for scenario in scenarios:
        guess = (_DRILL_S if scenario.drill else _PAGE_S) + _SNIPPET_S * len(scenario.snippets)
        found[scenario.id] = own = known.get(scenario.id, guess)
        if scenario.drill:
            control = f"{scenario.id}::{CONTROL}"
            # It cannot end before the drill's own run does, and so must not begin before it.
            found[control] = min(known.get(control, own), own - 0.001)
    return found


def longest_first(items: Sequence[_Item], known: Mapping[str, float]) -> list[_Item]:
    """The items, unit by unit, the units that take longest first."""
    units: dict[str, list[_Item]] = {}
    for item in items:
        units.setdefault(unit_of(item.nodeid), []).append(item)
    order = sorted(units, key=lambda unit: -known.get(unit, 0.0))
    return [item for unit in order for item in units[unit]]


def read(build: Path) -> dict[str, float]:
    """Seconds by unit as they were last written; nothing when there is no such file."""
    try:
        found: dict[str, float] = json.loads((build / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return found


def write(build: Path, took: Mapping[str, float], plan: Plan) -> None:
    """Keeps how long units took; of those that the plan no longer has nothing is kept."""
    scenarios = {scenario.id for page in plan.pages for scenario in page.scenarios}
    both = {**read(build), **{unit: round(taken, 2) for unit, taken in took.items()}}
    kept = {unit: both[unit] for unit in sorted(both) if unit.partition("::")[0] in scenarios}
    files.replace(build / FILE, json.dumps(kept, indent=0) + "\n")


def pressure(told: Path = _PRESSURE) -> float:
    """Share of the last ten seconds in which something waited for a core; 0 if nothing tells.

    The load average would still count, minutes later, what ran before: a run after
    another one would be given one core's work.

    Args:
        told: Linux' file of it (Documentation/accounting/psi.rst).
    """
    try:
        # `some avg10=18.59 avg60=...`: percent
        some = told.read_text().split()[1]
        return float(some.partition("=")[2]) / 100
    except (OSError, ValueError, IndexError):
        return 0.0


def _available_mb() -> int:
    """Memory that is left, of the machine or of the control group that this runs in."""
    left = list(_group_mb())
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            left.append(int(value.split()[0]) // 1024)
    return min(left, default=_RUN_MB)


def _group_mb() -> Iterator[int]:
    group = Path("/sys/fs/cgroup")
    try:
        most, used = ((group / f"memory.{name}").read_text() for name in ("max", "current"))
        if most.strip() != "max":
            yield (int(most) - int(used)) >> 20
    except (OSError, ValueError):
        return
