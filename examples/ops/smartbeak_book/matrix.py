"""The matrix of triage: each fault against the branch that `sb triage` named, as last run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from smartbeak_book.tables import table
from smartbeak_ops import identity

CASES = Path(__file__).parent.parent / "matrix.yaml"
RESULTS = "build/triage-matrix.json"
NOT_RUN = "not run"


class Matrix(SphinxDirective):
    """`{sb-matrix}`: a row for each question of each case; what was not run says so."""

    def run(self) -> list[nodes.Node]:
        """A sentence with the counts, and the table."""
        file = Path(self.env.app.confdir) / RESULTS
        self.env.note_dependency(str(CASES))
        self.env.note_dependency(str(file))
        return shown(yaml.safe_load(CASES.read_text())["cases"], found(file), identity.full())


def found(file: Path) -> dict[str, Any]:
    """What the last runs found; empty if there was none."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def shown(cases: list[dict[str, Any]], results: dict[str, Any], mine: str) -> list[nodes.Node]:
    """The counts and the table.

    Args:
        cases: Those of `matrix.yaml`.
        results: By `case @ host`: what was found, in how many seconds, by which `sb`.
        mine: The `sb` of this book; what another one found does not count.
    """
    rows = []
    right = asked = 0
    for case in cases:
        for ask in case["asks"]:
            asked += 1
            result = results.get(f"{case['name']} @ {ask['at']}")
            word, branch, took = NOT_RUN, "", ""
            if result is not None:
                good = result["found"] == ask["branch"] and result["took_s"] < 10
                word = "right" if good else "WRONG"
                if result["sb"] != mine:
                    word = f"stale ({word})"
                right += word == "right"
                branch, took = result["found"] or "nothing wrong", f"{result['took_s']:.1f} s"
            rows.append(
                (
                    case["name"],
                    nodes.literal("", ask["at"]),
                    nodes.literal("", ask["branch"] or "nothing wrong"),
                    nodes.literal("", branch),
                    took,
                    word,
                )
            )
    text = f"{right} of {asked} right, by sb {mine}."
    heads = ("Fault", "Typed on", "Branch", "Found", "In", "")
    return [nodes.paragraph("", text), table(heads, rows)]
