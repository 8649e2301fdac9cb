"""What a reader may believe of a snippet and of a drill: the only such logic.

The rules, for each snippet:

1.  On one backend and in one scenario a result counts when its digest is the
    plan's. A result with another digest is *stale*. No result is *not run*.
2.  A passed result is *verified*; *simulated* when it speaks to a service that only
    stands in for the real one, or needs a defect of the platform mended (a drill: when
    such a service was part of its fault, of a step or of what was judged, or one of its
    steps is like that; one that merely stood in the sandbox is named); *stale* when
    it is older than the page's review cycle allows (`MAX_AGE_DAYS`).
3.  On one backend a snippet is as good as the worst of its scenarios.
4.  Over the backends it is the worst of those where something ran that still
    counts; a backend that is stale, has no result, or skipped because the machine
    lacks a server neither lends nor takes. Where nothing counts: stale, skipped,
    not run, in this order.
5.  A skip written on the page is *skipped*, whatever ran before; past its date
    nothing excuses it any longer and it is *stale*.

So a mark is never better than what ran. The same rules hold for a drill, of which
there is one result for each backend.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, get_args

from drillbook.model import Drill, DrillResult, Page, Plan, Report, Result, Scenario, Snippet

State = Literal["verified", "simulated", "skipped", "stale", "not-run", "error", "failed"]

STATES: tuple[State, ...] = get_args(State)
"""From the best to the worst."""

MAX_AGE_DAYS: Mapping[str, int] = {
    "weekly": 7,
    "monthly": 30,
    "quarterly": 90,
    "after-incident": 90,
}
"""Days for which a pass counts, by the page's review cycle."""

_RANK: Mapping[State, int] = {state: rank for rank, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Run:
    """What one backend says of a snippet or of a drill."""

    backend: str
    state: State
    counts: bool
    """Whether something ran whose digest is still the plan's."""

    reason: str = ""
    """Why it is not verified: one line first, details after."""

    when: str = ""
    """UTC, ISO 8601: the oldest of the results that make the state."""

    duration_s: float = 0.0
    """The longest of the results that make the state."""

    waited_s: float = 0.0
    """The longest that an `eventually` block took until it held."""

    versions: Mapping[str, str] | None = None
    commit: str = ""
    evidence: tuple[str, ...] = ()
    """Files under `build/evidence/`, the deciding result's first."""

    where: tuple[str, int] = ("", 0)
    """Source path and line of the deciding result."""

    stood_in: tuple[str, ...] = ()
    """Simulated services that merely stood in a drill's sandbox."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a reader may believe of one snippet."""

    id: str
    state: State
    reason: str
    runs: tuple[Run, ...]
    """One for each backend that has a report, in the order of the reports."""

    scenarios: int
    """Number of scenarios that run the snippet."""

    until: str = ""
    """ISO date of the last day on which the state holds; empty where no day ends it."""

    @property
    def deciding(self) -> Run | None:
        """The run that makes the state; the latest where several do."""
        return _latest([run for run in self.runs if run.state == self.state])

    @property
    def backends(self) -> tuple[str, ...]:
        """The backends whose runs make the state."""
        return tuple(run.backend for run in self.runs if run.state == self.state)

    @property
    def when(self) -> str:
        """UTC, ISO 8601, of the deciding run; empty when nothing ran."""
        return self.deciding.when if self.deciding else ""


@dataclass(frozen=True, slots=True)
class DrillVerification:
    """What a reader may believe of one drill, with what was measured."""

    id: str
    """The scenario's id."""

    title: str
    docname: str
    drill: Drill
    state: State
    reason: str
    runs: tuple[Run, ...]
    results: Mapping[str, DrillResult]
    """What was measured, by backend; only results whose digest is the plan's."""

    until: str = ""

    @property
    def deciding(self) -> Run | None:
        """The run that makes the state; the latest where several do."""
        return _latest([run for run in self.runs if run.state == self.state])


def verify(plan: Plan, reports: Sequence[Report], today: date) -> Mapping[str, Verification]:
    """The verification of every snippet of the plan, by snippet id."""
    known = [{(result.scenario, result.id): result for result in r.results} for r in reports]
    found: dict[str, Verification] = {}
    for page in plan.pages:
        places: dict[str, list[tuple[Scenario, Snippet]]] = {}
        for scenario in page.scenarios:
            for snippet in scenario.snippets:
                places.setdefault(snippet.id, []).append((scenario, snippet))
        for id_, where in places.items():
            runs = tuple(
                _worst([_of_result(s, n, r, results, page, today) for s, n in where])
                for r, results in zip(reports, known, strict=True)
            )
            found[id_] = _snippet(id_, where, runs, page, today)
    return found


def verify_drills(
    plan: Plan, reports: Sequence[Report], today: date
) -> Mapping[str, DrillVerification]:
    """The verification of every drill of the plan, by scenario id."""
    known = [{drill.id: drill for drill in report.drills} for report in reports]
    found: dict[str, DrillVerification] = {}
    for page in plan.pages:
        for scenario in page.scenarios:
            if scenario.drill is None:
                continue
            runs, results = [], {}
            for report, drills in zip(reports, known, strict=True):
                result = drills.get(scenario.id)
                runs.append(_of_drill(scenario, result, report, page, today))
                if result and runs[-1].counts:
                    results[report.backend] = result
            state, reason = _over_backends(runs)
            found[scenario.id] = DrillVerification(
                scenario.id, scenario.title, page.docname, scenario.drill, state, reason,
                tuple(runs), results, _until(runs, state, page),
            )  # fmt: skip
    return found


def tally(states: Iterable[State]) -> Mapping[State, int]:
    """How many there are of each state, best first, all states named."""
    counts = dict.fromkeys(STATES, 0)
    for state in states:
        counts[state] += 1
    return counts


def last_verified(page: Page, verifications: Mapping[str, Verification]) -> str:
    """UTC time of the oldest pass that the page rests on.

    Empty when any block that is meant to run is not verified (or simulated) now,
    and when the page has none.
    """
    ids = {snippet.id for scenario in page.scenarios for snippet in scenario.snippets}
    marks = [verifications[id_] for id_ in ids if verifications[id_].state != "skipped"]
    if any(mark.state not in ("verified", "simulated") for mark in marks):
        return ""
    return min((mark.when for mark in marks), default="")


def _snippet(
    id_: str,
    where: Sequence[tuple[Scenario, Snippet]],
    runs: tuple[Run, ...],
    page: Page,
    today: date,
) -> Verification:
    options = where[0][1].options
    if options.skip:
        expired = bool(options.until) and today.isoformat() > options.until
        state: State = "stale" if expired else "skipped"
        reason = f"{options.skip} (until {options.until})" if options.until else options.skip
        if expired:
            reason = f"left out until {options.until}, which has passed: {options.skip}"
        # Runs of the time before the skip say nothing of the page as it is.
        return Verification(id_, state, reason, (), len(where), "" if expired else options.until)
    state, reason = _over_backends(runs)
    return Verification(id_, state, reason, runs, len(where), _until(runs, state, page))


def _of_result(
    scenario: Scenario,
    snippet: Snippet,
    report: Report,
    results: Mapping[tuple[str, str], Result],
    page: Page,
    today: date,
) -> Run:
    result = results.get((scenario.id, snippet.id))
    if result is None:
        reason = f"no run of `{scenario.title or scenario.id}` on {report.backend} is known"
        return Run(report.backend, "not-run", False, reason)
    run = _base(result, report, page, today, snippet.digest, snippet.options.needs_fix)
    return replace(
        run,
        duration_s=result.duration_s,
        waited_s=result.waited_s,
        where=(result.path or snippet.path, result.line or snippet.line),
    )


def _of_drill(
    scenario: Scenario, result: DrillResult | None, report: Report, page: Page, today: date
) -> Run:
    if result is None:
        reason = f"no run of this drill on {report.backend} is known"
        return Run(report.backend, "not-run", False, reason)
    digest = scenario.snippets[-1].digest if scenario.snippets else ""
    fixes = {number for each in scenario.snippets for number in each.options.needs_fix}
    needs_fix = sorted(fixes, key=int)
    run = _base(result, report, page, today, digest, needs_fix)
    run = replace(run, stood_in=result.stood_in)
    if run.state in ("verified", "simulated") and (objection := _objection(result)):
        return replace(run, state="failed", reason=objection)
    if run.state in ("verified", "simulated") and result.control == "not-run":
        # Whatever control there was before, it was not made for this result.
        told = [run.reason] if run.reason else []
        return replace(run, reason="; ".join([*told, "without a control run"]))
    return run


def _base(
    result: Result | DrillResult,
    report: Report,
    page: Page,
    today: date,
    digest: str,
    needs_fix: Sequence[str],
) -> Run:
    """State, reason and origin of one result, measured against the plan's digest."""
    run = Run(
        report.backend,
        "not-run",
        True,
        result.reason,
        result.started,
        # The report's own are those of all its scenarios together.
        versions=result.versions,
        commit=result.commit or report.commit,
        evidence=(result.evidence,) if result.evidence else (),
    )
    if not digest or result.digest != digest:
        reason = f"changed since its last run ({result.status} on {_day(result.started)})"
        return replace(run, state="stale", counts=False, reason=reason)
    if result.status == "skipped":
        return replace(run, state="skipped", counts=False)
    if result.status != "passed":
        return replace(run, state=result.status)
    age = _age(result.started, today)
    limit = MAX_AGE_DAYS.get(page.review_cycle)
    if age is None:
        reason = "its result says no time"
        return replace(run, state="stale", counts=False, reason=reason)
    if age < 0:
        reason = f"its result is dated {_day(result.started)}, which is yet to come"
        return replace(run, state="error", counts=True, reason=reason)
    if limit is not None and age > limit:
        reason = (
            f"passed on {_day(result.started)}, longer ago than the {limit} days of a"
            f" {page.review_cycle} page"
        )
        return replace(run, state="stale", counts=False, reason=reason)
    why = []
    if result.simulated:
        why.append(f"simulated here: {', '.join(sorted(result.simulated))}")
    if needs_fix:
        why.append(f"needs fix {', '.join(needs_fix)} in the platform")
    if why:
        return replace(run, state="simulated", reason="; ".join(why))
    return replace(run, state="verified", reason="")


def _objection(result: DrillResult) -> str:
    """Why a drill that calls itself passed is not, by its own figures; else empty."""
    if result.control == "recovered":
        return "the control run recovered without the write steps: the drill proves nothing"
    if result.recovered_s is None:
        return "it passed without a measured recovery"
    if not result.back_in_time:
        return "recovery and the people's budget exceed the RTO"
    if not result.loss_allowed:
        return "more was lost than the RPO allows"
    if result.doubled:
        return "acknowledged writes were doubled"
    return ""


def _worst(runs: Sequence[Run]) -> Run:
    """One backend's word on a snippet: its worst scenario's, with all evidence."""
    worst = max(runs, key=lambda run: _RANK[run.state])
    same = [run for run in runs if run.state == worst.state]
    deciding = min(same, key=lambda run: run.when)
    rest = [file for run in runs if run is not deciding for file in run.evidence]
    return replace(
        deciding,
        counts=any(run.counts for run in same),
        duration_s=max(run.duration_s for run in same),
        waited_s=max(run.waited_s for run in same),
        evidence=tuple(dict.fromkeys((*deciding.evidence, *rest))),
    )


def _over_backends(runs: Sequence[Run]) -> tuple[State, str]:
    counting = [run for run in runs if run.counts]
    if counting:
        worst = max(counting, key=lambda run: _RANK[run.state])
        return worst.state, worst.reason
    for state in ("stale", "skipped"):
        for run in runs:
            if run.state == state:
                return run.state, run.reason
    return "not-run", runs[0].reason if runs else "no run is known"


def _until(runs: Sequence[Run], state: State, page: Page) -> str:
    limit = MAX_AGE_DAYS.get(page.review_cycle)
    if state not in ("verified", "simulated") or limit is None:
        return ""
    newest = max(run.when for run in runs if run.counts and run.state == state)
    return date.fromordinal(date.fromisoformat(newest[:10]).toordinal() + limit).isoformat()


def _latest(runs: Sequence[Run]) -> Run | None:
    return max(runs, key=lambda run: run.when, default=None)


def _day(started: str) -> str:
    return started[:10] or "an unknown day"


def _age(started: str, today: date) -> int | None:
    try:
        return (today - date.fromisoformat(started[:10])).days
    except ValueError:
        return None
