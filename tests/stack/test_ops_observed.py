"""What `sb` saw of each fault, read by every tree: each leads to its branch still.

The facts were captured from sandboxes with the fault (`nox -s triage`), each with its day. So a
change of a tree, or of the order of trees, is held against all faults in milliseconds; whether
`sb` still sees the same is for the matrix and the drills to say.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

import pytest
from docutils import nodes

from smartbeak_book import matrix as shown
from smartbeak_ops import tree
from smartbeak_ops.facts import FACTS, FLAG, NUMBER
from tests.stack import matrix

CASES = {f"{case.name} @ {ask.at}": (case, ask) for case in matrix.cases() for ask in case.asks}
OBSERVED = shown.read(shown.OBSERVED)
TREES = {subject: tree.load(subject) for subject in tree.SUBJECTS}


@pytest.mark.parametrize("name", OBSERVED)
def test_what_was_seen_of_a_fault_leads_to_its_branch(name: str) -> None:
    ask = asdict(CASES[name][1])
    assert shown.branch_of(TREES, ask, OBSERVED[name]["facts"]) == ask["branch"]


@pytest.mark.parametrize("name", OBSERVED)
def test_what_was_seen_are_values_that_trees_know(name: str) -> None:
    assert date.fromisoformat(OBSERVED[name]["on"]) >= date(2026, 11, 27)
    for fact, value in OBSERVED[name]["facts"].items():
        # What no tree asks for may be a name, like that of a host; a tree that asks is refused.
        known = FACTS.get(fact)
        if known is None:
            continue
        if known == NUMBER:
            assert isinstance(value, int | float), fact
        elif known == FLAG:
            # A server that is primary in the replica's place counts who streams from it.
            assert value in (False, True), fact
        else:
            assert value in known, fact


def test_every_fault_of_the_matrix_was_observed_as_it_is_made_today() -> None:
    made = {name: shown.made_of(asdict(case)) for name, (case, _) in CASES.items()}
    assert made == {name: seen["of"] for name, seen in OBSERVED.items()}


CASE = {"name": "x", "fault": "kill a", "asks": [{"at": "ops", "branch": None}]}
SEEN = {"on": "2026-11-27", "of": "kill a", "took_s": 1.25, "facts": {}}
RUN = {"sb": "1", "found": None, "took_s": 2.0}


def _last(results: dict[str, object], observed: dict[str, object]) -> tuple[str, str]:
    said, body = shown.shown([CASE], results, observed, "1")
    return said.astext(), list(body.findall(nodes.entry))[-1].astext()


@pytest.mark.parametrize(
    ("results", "observed", "word"),
    [
        pytest.param({}, {}, "not run", id="nobody asked"),
        pytest.param({"x @ ops": RUN}, {}, "right", id="this sb was asked"),
        pytest.param({"x @ ops": {**RUN, "found": "y"}}, {}, "WRONG", id="another branch"),
        pytest.param({"x @ ops": {**RUN, "took_s": 11.0}}, {}, "WRONG", id="too late"),
        pytest.param({"x @ ops": {**RUN, "sb": "2"}}, {}, "stale", id="another sb, facts unknown"),
        pytest.param({}, {"x @ ops": {**SEEN, "of": "kill b"}}, "stale", id="another fault"),
    ],
)
def test_the_page_says_what_is_known(
    results: dict[str, object], observed: dict[str, object], word: str
) -> None:
    said, last = _last(results, observed)
    assert last == word
    assert said.startswith("1 of 1 right" if word == "right" else "0 of 1 right")


def test_the_page_reads_what_was_seen_with_the_trees_of_today() -> None:
    healthy = next(name for name, (case, ask) in CASES.items() if not ask.branch and not case.stack)
    said, last = _last({}, {"x @ ops": {**SEEN, "facts": OBSERVED[healthy]["facts"]}})
    assert (said, last) == (
        "1 of 1 right; 0 of them asked of this sb, 1.",
        "right, seen 2026-11-27",
    )
