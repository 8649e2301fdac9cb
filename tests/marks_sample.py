"""Reports and evidence for the sample book in `roots/marks`: one block of each state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from drillbook import evidence, report, seals
from drillbook.evidence import Evidence, Step
from drillbook.model import DrillResult, Plan, Report, Result, Status, Tally

WHEN = "2026-11-23T14:05:31Z"
DIFF = (
    "it printed something else\n"
    "    $ psql -h db-1 -c 'select 1'\n"
    "      -failed\n      +psql: error: connection refused"
)


REASONS = {
    "failed": DIFF,
    "error": "host-gone: app is no longer there",
    "not-run": "an earlier block, stale, failed",
}


def results(plan: Plan, when: str = WHEN) -> tuple[Result, ...]:
    """A result for every snippet of the plan; the snippet's name says of what state."""
    found = []
    for page in plan.pages:
        for scenario in page.scenarios:
            for snippet in scenario.snippets:
                status: Status = "passed"
                reason, digest = "", snippet.digest
                if snippet.options.skip:
                    status, reason = "skipped", snippet.options.skip
                elif snippet.name in ("failed", "error", "not-run"):
                    status = cast("Status", snippet.name)
                    reason = REASONS[snippet.name]
                elif snippet.name == "stale":
                    digest = "0" * 32
                found.append(
                    Result(
                        snippet.id,
                        scenario.id,
                        digest,
                        status,
                        reason,
                        exit_code=0,
                        duration_s=0.3123,
                        started=when,
                        path=snippet.path,
                        line=snippet.line,
                        simulated=("stripe",) if snippet.name == "simulated" else (),
                        versions={"postgresql": "15.18"},
                    )
                )
    return tuple(found)


def drills(plan: Plan, when: str = WHEN) -> tuple[DrillResult, ...]:
    """The primary was lost and came back; the other drill missed its objective."""
    found = []
    for page in plan.pages:
        for scenario in page.scenarios:
            if scenario.drill is None:
                continue
            good = scenario.drill.name == "primary-lost"
            found.append(
                DrillResult(
                    scenario.id,
                    scenario.snippets[-1].digest,
                    scenario.drill.fault,
                    "passed" if good else "failed",
                    "" if good else "recovery took 131.0 s: more than the 120 s aimed at",
                    rto_s=scenario.drill.rto_s,
                    people_s=scenario.drill.people_s,
                    recovered_s=4.213 if good else 131.0,
                    acknowledged=412,
                    accounts=(Tally("rows", 380, 0, 0), Tally("content", 32, 0, 0)) if good else (),
                    gap_s=4.4,
                    control="stayed-down" if good else "not-run",
                    started=when,
                    versions={"postgresql": "15.18"},
                    stood_in=("wordpress",) if good else (),
                )
            )
    return tuple(found)


def report_of(plan: Plan, backend: str = "local", when: str = WHEN) -> Report:
    """A report over the whole plan."""
    return Report(
        report.VERSION,
        when,
        when,
        "3f9c2d1e8a7b6c5d",
        backend,
        # Of other scenarios too: no mark may show it.
        {"postgresql": "15.18", "redis": "7.0.15"},
        ("stripe",),
        results(plan, when),
        drills(plan, when),
    )


def write(build: Path, plan: Plan, backends: Mapping[str, str] | None = None) -> None:
    """Writes the reports and their evidence under a build folder."""
    for backend, when in (backends or {"local": WHEN}).items():
        known = report_of(plan, backend, when)
        snippets = {s.id: s for p in plan.pages for c in p.scenarios for s in c.snippets}
        written = tuple(
            replace(
                result,
                evidence=evidence.write(
                    build / "evidence",
                    Evidence(
                        result.id,
                        result.scenario,
                        backend,
                        result.status,
                        host="ops",
                        path=result.path,
                        line=result.line,
                        reason=result.reason,
                        started=result.started,
                        duration_s=result.duration_s,
                        versions=known.versions,
                        steps=(Step("echo out", "out\nsecret-value\n", "err\n", 0, 0.01, 7, "x"),),
                    ),
                    ["secret-value"],
                ),
            )
            for result in known.results
            if result.id in snippets
        )
        folder = build / "evidence"
        measured = tuple(
            replace(
                drill,
                evidence=evidence.write(
                    folder, Evidence(drill.id, drill.id, backend, drill.status)
                ),
            )
            for drill in known.drills
        )
        known = replace(
            known,
            results=tuple(seals.sealed(result, folder) for result in written),
            drills=tuple(seals.sealed(drill, folder) for drill in measured),
        )
        report.write(known, report.path_of(build, backend))
