"""What results and reports come to: one state for a snippet, a drill, a page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drillbook.model import (
    DrillResult,
    Plan,
    Report,
    Result,
    Scenario,
    Status,
)
from drillbook.verification import State, last_verified, tally, verify, verify_drills
from tests.report_sample import (
    DRILL,
    TODAY,
    drill_plan,
    drill_result,
    main_of,
    plan_of,
    report_of,
    result,
    snippet,
)


def state_of(plan: Plan, *reports: Report, name: str = "a") -> tuple[State, str]:
    found = verify(plan, reports, TODAY)[f"page#{name}"]
    return found.state, found.reason


ONE = plan_of(main_of(snippet("a")))


@pytest.mark.parametrize(
    ("given", "state", "reason"),
    [
        (result("a"), "verified", ""),
        (result("a", "failed", reason="why\ndiff"), "failed", "why\ndiff"),
        (result("a", "error", reason="host-gone"), "error", "host-gone"),
        (result("a", "skipped", reason="no server"), "skipped", "no server"),
        (result("a", "not-run", reason="b failed"), "not-run", "b failed"),
        (result("a", digest="x"), "stale", "changed since its last run (passed on 2026-11-23)"),
        (
            result("a", "failed", digest="x"),
            "stale",
            "changed since its last run (failed on 2026-11-23)",
        ),
        (result("a", digest=""), "stale", "changed since its last run (passed on 2026-11-23)"),
        (result("z"), "not-run", "no run of `Page` on local is known"),
        (result("a", started=""), "stale", "its result says no time"),
        (
            result("a", started="2026-10-23T10:00:00Z"),
            "stale",
            "passed on 2026-10-23, longer ago than the 30 days of a monthly page",
        ),
        (result("a", started="2026-10-24T10:00:00Z"), "verified", ""),
    ],
)
def test_one_result(given: Result, state: State, reason: str) -> None:
    assert state_of(ONE, report_of(given)) == (state, reason)


def test_without_a_report_nothing_is_verified() -> None:
    assert state_of(ONE) == ("not-run", "no run is known")


def test_a_snippet_without_a_digest_is_never_verified() -> None:
    plan = plan_of(main_of(replace(snippet("a"), digest="")))
    assert state_of(plan, report_of(result("a", digest="")))[0] == "stale"


def test_a_snippet_that_speaks_to_a_simulated_service_shows_it() -> None:
    run = report_of(result("a", simulated=("stripe", "aws")), simulated=("stripe", "aws"))
    plan = plan_of(main_of(snippet("a")), stack=("db-1", "stripe"))
    assert state_of(plan, run) == ("simulated", "simulated here: aws, stripe")
    # That such a service was there is not enough.
    assert state_of(plan, report_of(result("a"), simulated=("stripe",)))[0] == "verified"
    assert state_of(plan, report_of(result("a", "failed", simulated=("aws",))))[0] == "failed"


def test_a_snippet_that_needs_a_fix_of_the_platform_is_simulated() -> None:
    plan = plan_of(main_of(snippet("a", needs_fix=("22", "30"))))
    assert state_of(plan, report_of(result("a"))) == (
        "simulated",
        "needs fix 22, 30 in the platform",
    )
    assert state_of(plan, report_of(result("a", "failed")))[0] == "failed"


def test_a_skip_on_the_page_stands_above_results_until_its_date() -> None:
    run = report_of(result("a"))
    plan = plan_of(main_of(snippet("a", skip="no account", until="2026-11-23")))
    found = verify(plan, [run], TODAY)["page#a"]
    assert (found.state, found.reason) == ("skipped", "no account (until 2026-11-23)")
    assert found.runs == ()
    plan = plan_of(main_of(snippet("a", skip="no account", until="2026-11-22")))
    assert state_of(plan, run) == (
        "stale",
        "left out until 2026-11-22, which has passed: no account",
    )


def in_two() -> Plan:
    one = main_of(snippet("a"))
    return plan_of(one, Scenario("page#lost", "drill", "Lost", (snippet("a", "d2"),), 1, DRILL))


def second(status: Status = "passed", digest: str = "d2", **fields: Any) -> Result:
    return result("a", status, scenario="page#lost", digest=digest, **fields)


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ((result("a"), second()), "verified"),
        ((result("a"), second("failed")), "failed"),
        ((result("a", "failed"), second()), "failed"),
        ((result("a", "failed"), second("error")), "failed"),
        ((result("a"), second(digest="old")), "stale"),
        ((result("a"),), "not-run"),
        ((result("a"), second("not-run")), "not-run"),
    ],
)
def test_over_scenarios_the_worst_counts(results: tuple[Result, ...], state: State) -> None:
    found = verify(in_two(), [report_of(*results)], TODAY)["page#a"]
    assert (found.state, found.scenarios) == (state, 2)


LOCAL = report_of(result("a", started="2026-11-23T09:00:00Z"))


@pytest.mark.parametrize(
    ("compose", "state", "backends"),
    [
        ((result("a"),), "verified", ("local", "compose")),
        ((result("a", "failed"),), "failed", ("compose",)),
        ((result("a", "not-run"),), "not-run", ("compose",)),
        ((result("a", digest="old"),), "verified", ("local",)),
        ((result("a", "failed", digest="old"),), "verified", ("local",)),
        ((result("a", "skipped"),), "verified", ("local",)),
        ((result("a", started="2026-01-01T00:00:00Z"),), "verified", ("local",)),
        ((), "verified", ("local",)),
    ],
)
def test_over_backends_the_worst_that_still_counts(
    compose: tuple[Result, ...], state: State, backends: tuple[str, ...]
) -> None:
    found = verify(ONE, [LOCAL, report_of(*compose, backend="compose")], TODAY)["page#a"]
    assert (found.state, found.backends) == (state, backends)


def test_two_halves_on_two_backends_are_no_whole() -> None:
    reports = [report_of(result("a")), report_of(second(), backend="compose")]
    assert verify(in_two(), reports, TODAY)["page#a"].state == "not-run"


def test_the_record_of_a_verified_snippet() -> None:
    reports = [
        report_of(
            result(
                "a",
                duration_s=0.2,
                evidence="local/a.json",
                started="2026-11-20T08:00:00Z",
                versions={"postgresql": "15.18"},
            ),
            second(duration_s=0.7, waited_s=3.0, evidence="local/b.json", commit="c0"),
        )
    ]
    found = verify(in_two(), reports, TODAY)["page#a"]
    run = found.deciding
    assert run is not None
    # The oldest of the two passes is what the mark rests on.
    assert (found.when, run.duration_s, run.waited_s) == ("2026-11-20T08:00:00Z", 0.7, 3.0)
    assert (run.versions, run.commit) == ({"postgresql": "15.18"}, "c1")
    assert run.evidence == ("local/a.json", "local/b.json")
    assert found.until == "2026-12-20"


def test_where_it_failed_is_told() -> None:
    given = result("a", "failed", path="source/page.md", line=14)
    found = verify(ONE, [report_of(given)], TODAY)["page#a"]
    assert found.deciding is not None
    assert found.deciding.where == ("source/page.md", 14)


@pytest.mark.parametrize(
    ("given", "state", "reason"),
    [
        (drill_result(), "verified", ""),
        (drill_result("failed", reason="too slow"), "failed", "too slow"),
        (drill_result(digest="old"), "stale", "changed since its last run (passed on 2026-11-23)"),
        (
            drill_result(control="recovered"),
            "failed",
            "the control run recovered without the write steps: the drill proves nothing",
        ),
        (drill_result(recovered_s=None), "failed", "it passed without a measured recovery"),
        (
            drill_result(recovered_s=301.0),
            "failed",
            "recovery and the people's budget exceed the RTO",
        ),
        (drill_result(lost=1, lost_s=0.5), "failed", "more was lost than the RPO allows"),
        (drill_result(doubled=1), "failed", "acknowledged writes were doubled"),
        (drill_result(control="not-run"), "verified", "without a control run"),
    ],
)
def test_one_drill(given: DrillResult, state: State, reason: str) -> None:
    found = verify_drills(drill_plan(), [report_of(drills=(given,))], TODAY)["page#lost"]
    assert (found.state, found.reason) == (state, reason)
    assert ("local" in found.results) == (state != "stale")


def test_a_drill_without_a_run() -> None:
    found = verify_drills(drill_plan(), [report_of()], TODAY)["page#lost"]
    assert (found.state, found.reason) == ("not-run", "no run of this drill on local is known")
    assert found.results == {}


def test_a_drill_on_two_backends_is_as_good_as_the_worse() -> None:
    reports = [
        report_of(drills=(drill_result(),)),
        report_of(drills=(drill_result("failed", reason="slow"),), backend="compose"),
    ]
    found = verify_drills(drill_plan(), reports, TODAY)["page#lost"]
    assert (found.state, tuple(found.results)) == ("failed", ("local", "compose"))


def test_a_page_is_verified_since_its_oldest_pass() -> None:
    plan = plan_of(main_of(snippet("a"), snippet("b"), snippet("c", skip="x", until="2026-12-01")))
    page = plan.pages[0]
    old = result("b", started="2026-11-19T00:00:00Z")
    good = verify(plan, [report_of(result("a"), old)], TODAY)
    assert last_verified(page, good) == "2026-11-19T00:00:00Z"
    bad = verify(plan, [report_of(result("a", "failed"), old)], TODAY)
    assert last_verified(page, bad) == ""
    assert tally(found.state for found in bad.values()) == {
        "verified": 1, "simulated": 0, "skipped": 1, "stale": 0, "not-run": 0, "error": 0,
        "failed": 1,
    }  # fmt: skip
