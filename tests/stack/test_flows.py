"""The flows of the book, held against the facts and the stack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drillbook.site import flows
from smartbeak import drawn
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
    assert set(flows.participants(FOLDER, ROOT)) <= seen


def test_a_route_that_a_flow_calls_is_an_endpoint() -> None:
    known = {
        f"{method} {path}" for path, about in FACTS["endpoints"].items() for method in about
    } | {f"POST {path}" for path in FACTS["web"]}
    for path in FILES:
        for step, _ in flows.walk(flows.read(path, ROOT).steps):
            if step.compared and step.call.split(" ")[0] in ("GET", "POST", "PATCH", "DELETE"):
                assert step.call in known, (path.name, step.call)


def test_what_was_not_seen_and_what_is_not_drawn_are_named_with_the_flows_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spans = tmp_path / "api.jsonl"
    everything, cases = drawn.drawn(FOLDER / "media.yaml")
    assert cases == set()
    spans.write_text("".join(f"{span(each.arrow)}\n" for each in everything))
    assert drawn.main(["media", str(spans)]) == 0
    assert capsys.readouterr().out == "media: 5 arrows drawn, all seen, no other\n"
    other = span("api -> redis : SET lock:*")
    spans.write_text(
        other
        + "\n"
        + "".join(f"{span(each.arrow)}\n" for each in everything if "MGET" in each.arrow)
    )
    assert drawn.main(["media", str(spans)]) == 1
    said = capsys.readouterr().err.splitlines()
    line = next(each.line for each in everything if "INSERT" in each.arrow)
    flow = "examples/platform/flows/media.yaml"
    assert f"{flow}:{line}: not seen: api -> postgresql : INSERT media_assets" in said
    assert said[-1] == f"{flow}: not drawn: api -> redis : SET lock:*"


def test_a_case_counts_only_where_it_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    everything, cases = drawn.drawn(FOLDER / "publishing.yaml")
    assert cases == {"the attempt fails"}
    letters = {each.arrow: each.case for each in everything if "dlq" in each.arrow}
    assert set(letters.values()) == {"the attempt fails"}
    with pytest.raises(SystemExit) as ended:
        drawn.main(["publishing", "--case", "it rains", "no-file"])
    assert ended.value.code == 2
    assert "no-file" in capsys.readouterr().err


def test_each_step_of_the_program_and_of_the_book_stands_on_the_same_line() -> None:
    for path in FILES:
        lines = flows.lines(path, ROOT)
        steps = [step for step, _ in flows.walk(flows.read(path, ROOT).steps)]
        book = [(arrow, lines[at]) for at, step in enumerate(steps) for arrow in step.seen]
        assert [(each.arrow, each.line) for each in drawn.drawn(path)[0]] == book


def span(arrow: str) -> str:
    """A line of spans that shows an arrow."""
    ends, _, what = arrow.partition(" : ")
    caller, _, called = ends.partition(" -> ")
    about, kind, name = {}, 3, what
    if called == "redis":
        name, _, keys = what.partition(" ")
        about = {"db.system": "redis", "smartbeak.redis.keys": keys}
    elif called == "postgresql":
        command, _, table = what.partition(" ")
        words = {"INSERT": "INSERT INTO", "UPDATE": "UPDATE", "SELECT": "SELECT 1 FROM"}
        about = {"db.system": "postgresql", "db.statement": f"{words[command]} {table} x"}
    else:
        kind, caller = 2, called
    said = [{"key": key, "value": {"stringValue": value}} for key, value in about.items()]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": caller}}]}
    scope = {"spans": [{"name": name, "kind": kind, "attributes": said}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]})
