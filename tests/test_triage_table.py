"""The table of a hub: a line for each branch, and below it every row as it is read."""

from __future__ import annotations

from typing import Any

from drillbook.site import triage


def row(symptom: str, branch: str, severity: str = "P0", says: str = "no") -> dict[str, Any]:
    return {"symptom": symptom, "branch": branch, "severity": severity, "says": says}


ROWS = [
    row("It is dead", "a/dead"),
    row("It hangs", "a/hangs", "P1"),
    row("It is dead here", "a/dead", "P2", says="yes"),
    row("It is dead here", "a/dead", "P2", says="yes"),
    row("Move it", "a/move#plan", "none"),
]


def test_a_branch_has_one_line_with_every_level_of_its_rows() -> None:
    assert triage.branches(ROWS).splitlines()[3:] == [
        "| [It is dead](/a/dead.md) | P0, P2 | `branch a/dead` |",
        "| [It hangs](/a/hangs.md) | P1 | `branch a/hangs` |",
        "| [Move it](/a/move.md#plan) | plan | `branch a/move` |",
    ]


def test_every_row_is_there_once_in_the_order_in_which_it_is_read() -> None:
    assert triage._rows(ROWS, "sb triage").splitlines() == [
        "| What users see | `sb triage` says | Branch |",
        "|---|---|---|",
        "| It is dead | `no` | [dead](/a/dead.md) |",
        "| It hangs | `no` | [hangs](/a/hangs.md) |",
        "| It is dead here | `yes` | [dead](/a/dead.md) |",
        "| Move it | `no` | [move#plan](/a/move.md#plan) |",
    ]
