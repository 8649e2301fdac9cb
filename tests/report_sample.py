"""Plans, results and reports, each with what a test does not care about filled in."""

from __future__ import annotations

from datetime import date
from typing import Any

from drillbook.model import (
    Drill,
    DrillResult,
    Options,
    Page,
    Plan,
    Report,
    Result,
    Scenario,
    Snippet,
    Status,
)

TODAY = date(2026, 11, 23)


NOW = "2026-11-23T10:00:00Z"


def snippet(name: str, digest: str = "", **options: Any) -> Snippet:
    return Snippet(
        f"page#{name}", name, "console", "source/page.md", 10, "$ true\n",
        Options(**options), digest or f"digest of {name}",
    )  # fmt: skip


def plan_of(*scenarios: Scenario, cycle: str = "monthly", stack: tuple[str, ...] = ()) -> Plan:
    page = Page("page", "source/page.md", "owner", cycle, "2026-11-01", stack, scenarios)
    return Plan(1, {}, (page,))


def main_of(*snippets: Snippet) -> Scenario:
    return Scenario("page#page", "page", "Page", snippets)


def result(name: str, status: Status = "passed", **fields: Any) -> Result:
    values = {
        "id": f"page#{name}",
        "scenario": "page#page",
        "digest": f"digest of {name}",
        "status": status,
        "started": NOW,
        **fields,
    }
    return Result(**values)


def report_of(
    *results: Result,
    backend: str = "local",
    drills: tuple[DrillResult, ...] = (),
    simulated: tuple[str, ...] = (),
    commit: str = "c1",
    versions: dict[str, str] | None = None,
) -> Report:
    return Report(
        1,
        NOW,
        NOW,
        commit,
        backend,
        versions or {"postgresql": "15.18"},
        simulated,
        results,
        drills,
    )


DRILL = Drill("lost", "kill db-1", 900.0, 600.0, 0.0, 5)


def drill_plan() -> Plan:
    return plan_of(Scenario("page#lost", "drill", "Lost", (snippet("a"), snippet("b")), 1, DRILL))


def drill_result(status: Status = "passed", **fields: Any) -> DrillResult:
    values = {
        "id": "page#lost",
        "digest": "digest of b",
        "fault": "kill db-1",
        "status": status,
        "rto_s": 900.0,
        "people_s": 600.0,
        "recovered_s": 4.0,
        "acknowledged": 100,
        "control": "stayed-down",
        "started": NOW,
        **fields,
    }
    return DrillResult(**values)
