"""Reports: their files, and what a run leaves of the former one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drillbook import report
from drillbook.errors import HarnessError
from drillbook.model import (
    Result,
    Status,
)
from tests.report_sample import (
    drill_result,
    main_of,
    plan_of,
    report_of,
    result,
    snippet,
)


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
from tests.report_sample import report_of, result
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
