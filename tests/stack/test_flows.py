"""The flows of the book, held against the facts and the stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.site import flows
from tests.stack.box import FACTS, PLATFORM

ROOT = PLATFORM.parent.parent
FOLDER = PLATFORM / "flows"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != flows.PARTICIPANTS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_states_of_a_flow_are_those_of_the_facts(path: Path) -> None:
    flow = flows.read(path, ROOT)
    if flow.states is None or not flow.states.facts:
        return
    drawn: dict[str, set[str]] = {}
    for move in flow.states.moves:
        if not move.absent or move.absent == "production's worker only":
            drawn.setdefault(move.source, set()).add(move.target)
    known = FACTS[flow.states.facts]["leads-to"]
    assert drawn == {state: set(leads) for state, leads in known.items() if leads}


def test_every_list_of_states_is_drawn_by_one_flow() -> None:
    found = [flows.read(path, ROOT).states for path in FILES]
    drawn = sorted(states.facts for states in found if states and states.facts)
    assert drawn == sorted(name for name in FACTS if name.endswith("-states"))


def test_everybody_who_takes_part_is_in_a_flow() -> None:
    steps = [step for path in FILES for step, _ in flows.walk(flows.read(path, ROOT).steps)]
    seen = {name for step in steps for name in (step.source, step.target) if name}
    assert seen <= set(flows.participants(FOLDER, ROOT))
    assert set(flows.participants(FOLDER, ROOT)) - seen == {"browser", "paddle"}


def test_a_route_that_a_flow_calls_is_an_endpoint() -> None:
    known = {
        f"{method} {path}" for path, about in FACTS["endpoints"].items() for method in about
    } | {f"POST {path}" for path in FACTS["web"]}
    for path in FILES:
        for step, _ in flows.walk(flows.read(path, ROOT).steps):
            if step.compared and step.call.split(" ")[0] in ("GET", "POST", "PATCH", "DELETE"):
                assert step.call in known, (path.name, step.call)
