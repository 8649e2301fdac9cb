"""Burn-rate alerts of all objectives: `python3 -m reliability.burn` writes burn.yaml.

Two windows each, as in https://sre.google/workbook/alerting-on-slos/: the long one says that
enough of the budget is gone, the short one that it is still going.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from reliability import objectives
from reliability.objectives import FOLDER, Objective

FILE = FOLDER / "burn.yaml"
BOOK = "https://docs.smartbeak.com/"

_HEAD = """\
# Made from slo.yaml by `python3 -m reliability.burn`: change that file, not this one.
"""


@dataclass(frozen=True, slots=True)
class Burn:
    """One speed at which a budget may burn.

    Attributes:
        word: Ends the alert's name.
        rate: How many times faster than allowed.
        long: The long window.
        short: The short one.
        severity: P0 to P3.
        action: `page` or `notify`.
        share: Of the 30 days' budget, gone when it is raised.
    """

    word: str
    rate: float
    long: str
    short: str
    severity: str
    action: str
    share: str


BURNS = (
    Burn("Fast", 14.4, "1h", "5m", "P1", "page", "2 % in 1 h; all of it in 2 days"),
    Burn("Steady", 6, "6h", "30m", "P1", "page", "5 % in 6 h; all of it in 5 days"),
    Burn("Slow", 1, "3d", "6h", "P3", "notify", "10 % in 3 days; all of it at the window's end"),
)
WINDOWS = tuple(dict.fromkeys(w for burn in BURNS for w in (burn.short, burn.long)))


def series(window: str) -> str:
    """Name of the recorded share of bad events."""
    return f"slo:errors:ratio_{window}"


def rules(found: tuple[Objective, ...]) -> dict[str, Any]:
    """The file: what is recorded, then what is raised."""
    recorded = [
        {"record": series(window), "expr": each.errors(window), "labels": {"slo": each.name}}
        for each in found
        for window in WINDOWS
    ]
    raised = [_alert(each, burn) for each in found for burn in BURNS]
    return {
        "groups": [
            {"name": "objectives", "rules": recorded},
            {"name": "burn", "rules": raised},
        ]
    }


def text(found: tuple[Objective, ...]) -> str:
    """The file as text."""
    return _HEAD + yaml.safe_dump(rules(found), sort_keys=False, width=100, allow_unicode=True)


def _alert(each: Objective, burn: Burn) -> dict[str, Any]:
    name = "".join(word.capitalize() for word in each.name.split("-"))
    most = f'{{slo="{each.name}"}} > {burn.rate:g} * {each.budget:g}'
    return {
        "alert": f"{name}Burns{burn.word}",
        "expr": f"{series(burn.long)}{most} and {series(burn.short)}{most}",
        "labels": {"severity": burn.severity, "action": burn.action, "slo": each.name},
        "annotations": {
            "summary": f"{each.title}: the budget burns {burn.rate:g} times too fast",
            "why": burn.share,
            "no_data": "no events, no alert: MetricsMissing and TrafficGone watch that",
            "runbook_url": f"{BOOK}{each.notes['runbook']}.html",
        },
    }


if __name__ == "__main__":
    FILE.write_text(text(objectives.load()), encoding="utf-8")
