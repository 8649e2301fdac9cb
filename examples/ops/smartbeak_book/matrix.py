"""The matrix of triage: each fault against the branch that `sb triage` names.

Two sources: a run by this very `sb` (`build/triage-matrix.json`), and else the facts that were
captured from real runs (`observed.json`, kept with the project), read by the trees of this book.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from smartbeak_book.tables import table
from smartbeak_ops import data, identity, tree, triage

CASES = Path(__file__).parent.parent / "matrix.yaml"
OBSERVED = Path(__file__).parent.parent / "observed.json"
RESULTS = "build/triage-matrix.json"
NOT_RUN = "not run"

_MOST_S = 10


class Matrix(SphinxDirective):
    """`{sb-matrix}`: a row for each question of each case; what was not run says so."""

    def run(self) -> list[nodes.Node]:
        """A sentence with the counts, and the table."""
        file = Path(self.env.app.confdir) / RESULTS
        for each in (CASES, OBSERVED, file, *Path(str(data.triage())).glob("*.yaml")):
            self.env.note_dependency(str(each))
        cases = yaml.safe_load(CASES.read_text())["cases"]
        return shown(cases, read(file), read(OBSERVED), identity.full())


def read(file: Path) -> dict[str, Any]:
    """What runs found or saw, by `case @ host`; empty if there was none."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def made_of(case: Mapping[str, Any]) -> str:
    """What makes a case's fault, as one text: facts that were seen of another are stale."""
    typed = "; ".join(f"{step['at']}: {step['command']}" for step in case.get("typed", ()))
    return "; ".join(each for each in (case.get("fault", ""), typed) if each)


def branch_of(
    trees: Mapping[str, tree.Tree], ask: Mapping[str, Any], facts: Mapping[str, Any]
) -> str | None:
    """The branch that this book's trees name for facts; None if nothing is wrong.

    Args:
        trees: By subject.
        ask: With the `subject` that triage was asked for, if any.
        facts: What `sb` saw.
    """
    subjects = [ask["subject"]] if ask.get("subject") else list(tree.SUBJECTS)
    rows = triage.read([trees[each] for each in subjects], facts)
    return rows[0].branch if rows else None


def shown(
    cases: list[dict[str, Any]],
    results: Mapping[str, Any],
    observed: Mapping[str, Any],
    mine: str,
) -> list[nodes.Node]:
    """The counts and the table.

    Args:
        cases: Those of `matrix.yaml`.
        results: By `case @ host`: what was found, in how many seconds, by which `sb`.
        observed: By the same: the facts that were seen, on which day, of which fault.
        mine: The `sb` of this book; what another one found counts by its facts only.
    """
    trees = {subject: tree.load(subject) for subject in tree.SUBJECTS}
    rows = []
    right = asked = run = 0
    for case in cases:
        for ask in case["asks"]:
            asked += 1
            name = f"{case['name']} @ {ask['at']}"
            result, seen = results.get(name), observed.get(name)
            wanted = ask["branch"] or "nothing wrong"
            word, branch, took = NOT_RUN, "", ""
            if result is not None and result["sb"] == mine:
                run += 1
                word = _word(result["found"] == ask["branch"], result["took_s"])
                branch, took = result["found"] or "nothing wrong", f"{result['took_s']:.1f} s"
            elif seen is not None and seen["of"] == made_of(case):
                found = branch_of(trees, ask, seen["facts"])
                word = f"{_word(found == ask['branch'], seen['took_s'])}, seen {seen['on']}"
                branch, took = found or "nothing wrong", f"{seen['took_s']:.1f} s"
            elif seen is not None or result is not None:
                word = "stale"
            right += word.startswith("right")
            rows.append(
                (
                    case["name"],
                    nodes.literal("", ask["at"]),
                    nodes.literal("", wanted),
                    # Twice the same address makes the table wider than a page.
                    "the same" if branch == wanted else nodes.literal("", branch),
                    took,
                    word,
                )
            )
    text = f"{right} of {asked} right; {run} of them asked of this sb, {mine}."
    heads = ("Fault", "Typed on", "Branch", "Found", "In", "")
    return [nodes.paragraph("", text), table(heads, rows)]


def _word(good: bool, took_s: float) -> str:
    return "right" if good and took_s < _MOST_S else "WRONG"
