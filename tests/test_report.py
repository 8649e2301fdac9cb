from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from drillbook import report
from drillbook.errors import HarnessError
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
from drillbook.verification import State, last_verified, tally, verify, verify_drills

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


# Files


def test_a_report_comes_back_as_it_was_written(tmp_path: Path) -> None:
    given = report_of(
        result("a", versions={"redis": "7"}, commit="c0", waited_s=1.5, exit_code=0),
        result("b", "failed", reason="one\ntwo", exit_code=3, path="source/x.md", line=7),
        drills=(drill_result(hosts_contacted=("db-1", "db-2")), drill_result(recovered_s=None)),
        simulated=("stripe",),
    )
    report.write(given, tmp_path / "deep" / "report-local.json")
    assert report.read(tmp_path / "deep" / "report-local.json") == given
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["report-local.json"]


def test_the_file_has_the_fields_of_the_public_contract(tmp_path: Path) -> None:
    report.write(report_of(result("a"), drills=(drill_result(),)), tmp_path / "r.json")
    data = json.loads((tmp_path / "r.json").read_text())
    top = {"version", "started", "finished", "commit", "backend", "versions", "simulated"}
    assert data.keys() == top | {"results", "drills"}
    contract = {"id", "scenario", "digest", "status", "reason", "exit_code", "duration_s"}
    contract |= {"started", "path", "line", "evidence"}
    assert contract <= data["results"][0].keys()
    contract = {"id", "fault", "status", "rto_s", "recovered_s", "acknowledged", "lost"}
    contract |= {"doubled", "control", "hosts_contacted"}
    assert contract <= data["drills"][0].keys()


HINT = "\n  hint: Delete the file and run `nox -s doctest` again; results are made anew."


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: text[: len(text) // 2], "it is not JSON or cut short: "),
        (lambda text: "", "it is not JSON or cut short: Expecting value."),
        (lambda text: "[]", "the report is not an object."),
        (lambda text: text.replace('"version": 1', '"version": 2'), "its version is 2, and this "),
        (lambda text: text.replace('"passed"', '"verified"'), 'results[0] has "verified" as `st'),
        (
            lambda text: text.replace('"status": "passed",', ""),
            "results[0] lacks the field `status`",
        ),
        (
            lambda text: text.replace('"waited_s"', '"waited"'),
            "results[0] has the unknown field `w",
        ),
        (lambda text: text.replace('"line": 0', '"line": "0"'), 'results[0] has "0" as `line`.'),
        (lambda text: text.replace('"line": 0', '"line": true'), "results[0] has true as `line`."),
        (
            lambda text: text.replace('"stayed-down"', '"down"'),
            'drills[0] has "down" as `control`.',
        ),
        (
            lambda text: text.replace('"simulated": []', '"simulated": [1]'),
            "the report has [1] as `simulated`.",
        ),
    ],
)
def test_a_damaged_report_is_refused(tmp_path: Path, change: Any, fault: str) -> None:
    path = tmp_path / "report-local.json"
    report.write(report_of(result("a"), drills=(drill_result(),)), path)
    path.write_text(change(path.read_text()))
    with pytest.raises(HarnessError) as caught:
        report.read(path)
    assert caught.value.code == "unreadable-report"
    assert f": unreadable-report: this is not a whole report: {fault}"[:60] in str(caught.value)
    assert fault in str(caught.value)
    assert str(caught.value).endswith(HINT)


def test_the_whole_text_of_the_error(tmp_path: Path) -> None:
    path = tmp_path / "report-local.json"
    path.write_bytes(b'{"version": \xff}')
    with pytest.raises(HarnessError) as caught:
        report.read(path)
    assert str(caught.value) == (
        f"{path.as_posix()}: unreadable-report: this is not a whole report: it is not UTF-8 at"
        f" byte 12.{HINT}"
    )
    with pytest.raises(HarnessError, match=r"it cannot be read \(No such file or directory\)"):
        report.read(tmp_path / "none.json")


def test_all_reports_local_first(tmp_path: Path) -> None:
    assert report.read_all(tmp_path) == ()
    for backend in ("compose", "local"):
        report.write(report_of(backend=backend), report.path_of(tmp_path, backend))
    assert [found.backend for found in report.read_all(tmp_path)] == ["local", "compose"]


# Merging


def other(name: str, status: Status = "passed", **fields: Any) -> Result:
    return result(name, status, scenario="page#other", **fields)


def test_what_ran_replaces_and_the_rest_is_kept() -> None:
    before = report_of(result("a", "failed"), result("b"), other("c"), drills=(drill_result(),))
    merged = report.merge(before, report_of(result("a"), commit="c2"))
    assert [(r.id, r.scenario, r.status) for r in merged.results] == [
        ("page#a", "page#page", "passed"),
        ("page#b", "page#page", "passed"),
        ("page#c", "page#other", "passed"),
    ]
    assert merged.drills[0].id == "page#lost"
    assert merged.commit == "c2"


def test_what_is_kept_carries_the_commit_of_its_own_run_and_only_its_own_versions() -> None:
    old = other("c", versions={"postgresql": "15.17"})
    before = report_of(
        old, drills=(drill_result(),), versions={"postgresql": "15.17", "redis": "7"}
    )
    merged = report.merge(before, report_of(result("a"), commit="c2"))
    new, kept = merged.results
    assert (new.commit, new.versions) == ("", None)
    assert (kept.commit, kept.versions) == ("c1", {"postgresql": "15.17"})
    assert (merged.drills[0].commit, merged.drills[0].versions) == ("c1", None)
    again = report.merge(merged, report_of(result("a"), commit="c3"))
    assert [(r.id, r.commit) for r in again.results] == [("page#a", ""), ("page#c", "c1")]


def test_a_failure_lets_go_of_what_came_after_it_in_its_scenario() -> None:
    before = report_of(result("a"), result("b"), other("c"), drills=(drill_result(),))
    merged = report.merge(before, report_of(result("a", "failed")))
    assert [r.id for r in merged.results] == ["page#a", "page#c"]
    broken = report.merge(
        before, report_of(result("a", "error", scenario="page#lost", id="page#z"))
    )
    assert broken.drills == ()


def test_a_kept_pass_keeps_its_simulator() -> None:
    before = report_of(other("c"), simulated=("stripe",))
    assert report.merge(before, report_of(result("a"))).simulated == ("stripe",)
    assert report.merge(before, report_of(other("c"))).simulated == ()


def test_results_of_snippets_that_are_gone_are_let_go() -> None:
    before = report_of(result("gone"), result("b"), drills=(drill_result(),))
    merged = report.merge(
        before, report_of(result("a")), plan=plan_of(main_of(snippet("a"), snippet("b")))
    )
    assert [r.id for r in merged.results] == ["page#a", "page#b"]
    assert merged.drills == ()


_RUN = """
import sys
from pathlib import Path
from tests.test_report import report_of, result
from drillbook import report
for number in range(20):
    name = f"{sys.argv[2]}-{number}"
    report.update(Path(sys.argv[1]), report_of(result(name, scenario=name)))
"""


def test_two_runs_at_the_same_time_lose_nothing(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "report-local.json"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", _RUN, str(path), name],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        for name in ("one", "two")
    ]
    assert [run.wait() for run in runs] == [0, 0]
    found = {result.scenario for result in report.read(path).results}
    assert found == {f"{name}-{number}" for name in ("one", "two") for number in range(20)}


def test_a_failed_write_leaves_the_old_report_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report-local.json"
    report.write(report_of(result("a")), path)

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        report.write(report_of(), path)
    assert [r.id for r in report.read(path).results] == ["page#a"]
    assert [found.name for found in tmp_path.iterdir()] == ["report-local.json"]


def test_a_run_is_not_lost_to_a_damaged_report(tmp_path: Path) -> None:
    path = tmp_path / "report-local.json"
    path.write_text('{"version": 1, "resu')
    report.update(path, report_of(result("a")))
    assert [r.id for r in report.read(path).results] == ["page#a"]
    assert (tmp_path / "report-local.json.damaged").read_text() == '{"version": 1, "resu'


# Verification


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
