"""Every objective that is missed is named, and none other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from drillbook import report, run
from drillbook.drills.verdict import answers, figures, measured, unmeasured
from drillbook.drills.watch import Account, Kind, Watch
from drillbook.errors import HarnessError
from drillbook.model import Drill, DrillResult, Report, Scenario, Tally
from tests.fake_sandbox import FakeSandbox
from tests.test_watch import ACCOUNT, QUIET, state

DRILL = Drill("d", "kill db-1", rto_s=60, people_s=30, rpo_s=1, line=3)
GOOD = Account(
    acknowledged=100,
    lost=(),
    lost_s=0.0,
    doubled=0,
    gap_s=0.4,
    split_brain=False,
    counted=True,
    unwatched=(),
    held=True,
    held_since=105.0,
    errors=("connection refused",),
)


def judge(account: Account) -> DrillResult:
    blank = unmeasured(Scenario("p#d", "drill", "D", ()), DRILL, "2026-01-01T00:00:00Z")
    return measured(blank, account, 100.0, ("db-1",), "reads wait for the lock")


def test_what_was_measured_is_in_the_result() -> None:
    result = judge(GOOD)
    assert (result.status, result.reason) == ("passed", "")
    assert (result.recovered_s, result.gap_s, result.acknowledged) == (5.0, 0.4, 100)
    assert result.hosts_contacted == ("db-1",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"held": False, "held_since": None},
            "users were still not served after the last step: reads wait for the lock",
        ),
        (
            {"held_since": 131.0},
            "recovery took 31.0 s, and 30 s are set aside for people: more than the 60 s aimed at",
        ),
        (
            {"lost": (4, 5), "lost_s": 1.25},
            "2 confirmed writes over 1.25 s are lost: more than the 1 s aimed at",
        ),
        ({"doubled": 1}, "1 writes are there twice"),
        ({"split_brain": True}, "split brain: two nodes took writes at the same time"),
        (
            {"counted": False},
            "unknown: what is there could not be read, so nothing is known of what is lost",
        ),
        ({"unwatched": ("db-2",)}, "a split brain on db-2 would not have been seen"),
    ],
)
def test_what_is_missed_is_said(change: dict[str, object], said: str) -> None:
    result = judge(replace(GOOD, **change))  # type: ignore[arg-type]
    assert (result.status, result.reason) == ("failed", said)


def test_a_loss_within_the_objective_passes_and_is_stated() -> None:
    result = judge(replace(GOOD, lost=(4,), lost_s=0.5))
    assert (result.status, result.lost, result.lost_s) == ("passed", 1, 0.5)


KINDS = (
    Kind("content", 90, 0, 0, 0.4, True, (), 97, 3, 1, 2),
    Kind("publishing", 10, 1, 2, 1.0, True, (), 10),
    Kind("rows", 5, 0, 0, 1.0, False, (), 6),
)


def test_each_kind_has_its_figures_in_the_result_and_in_the_evidence() -> None:
    result = judge(replace(GOOD, kinds=KINDS))
    assert result.accounts == (
        Tally("content", 90, 0, 0, 97, 3, 1, 2),
        Tally("publishing", 10, 1, 2, 10),
        Tally("rows", 5, 0, 0, 6, counted=False),
    )
    assert (
        "  content: attempted 97, confirmed 90, lost 0, doubled 0, recovered 3, unexpected 1, "
        "stale reads 2\n"
        "  publishing: attempted 10, confirmed 10, lost 1, doubled 2, recovered unknown, "
        "unexpected unknown, stale reads 0\n"
        "  rows: attempted 6, confirmed 5, lost unknown, doubled unknown, recovered unknown, "
        "unexpected unknown, stale reads 0\n"
    ) in figures(result)


def test_how_long_answers_took_is_told_before_during_and_after_and_drawn() -> None:
    took = ((97.2, 0.004), (99.9, 0.02), (101.6, 2.0), (106.0, 0.1), (107.0, 0.006))
    assert answers(took, 100.0, 5.0) == (
        "answers took, in the middle: before 12 ms (slowest 20), during 2000 ms (slowest 2000), "
        "after 53 ms (slowest 100)\n"
        "slowest of each 0.5 s from 3 s before the fault, · none came: ▁····▃···█········▅·▂"
    )
    assert answers((), 100.0, 5.0) == ""
    assert ", after none\n" in answers(took[:3], 100.0, None)
    made = replace(GOOD, took=took)
    assert "\nslowest of each 0.5 s" in figures(judge(made))


def test_the_figures_of_each_kind_survive_the_report_file_and_old_files_have_none(
    tmp_path: Path,
) -> None:
    result = judge(replace(GOOD, kinds=KINDS))
    path = tmp_path / "report-local.json"
    report.write(
        Report(report.VERSION, "", "", "c", "local", {}, (), results=(), drills=(result,)), path
    )
    assert report.read(path).drills == (result,)
    data = json.loads(path.read_text())
    data["drills"][0]["accounts"] = [{"kind": "content", "acknowledged": 90}]
    path.write_text(json.dumps(data))
    with pytest.raises(HarnessError, match=r"lacks the field `doubled`"):
        report.read(path)
    del data["drills"][0]["accounts"]
    path.write_text(json.dumps(data))
    assert report.read(path).drills == (replace(result, accounts=()),)


@pytest.mark.parametrize(
    ("asked", "judged_by", "taking_part"),
    [
        (set(), {"db-1"}, set()),
        (set(), {"worker", "wordpress"}, {"wordpress"}),
        (set(), {"wordpress-wan"}, {"wordpress"}),
        ({"linkedin", "rows"}, {"redis-1"}, {"linkedin"}),
        (set(), {"wordpressx"}, set()),
    ],
)
def test_a_simulated_service_that_merely_stood_in_takes_no_part(
    asked: set[str], judged_by: set[str], taking_part: set[str]
) -> None:
    assert run._taking_part({"wordpress", "linkedin"}, asked, judged_by) == taking_part


@pytest.mark.parametrize(
    ("newest", "reason"),
    [
        (state(False, error="reads wait for the lock"), ": reads wait for the lock"),
        (state(False), ""),
    ],
)
def test_why_a_drill_is_red_is_what_was_judged_last_and_no_earlier_error(
    newest: dict[str, object],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "_SERVED_S", 0.0)
    sandbox = FakeSandbox()
    earlier = [state(False, error="connection refused"), state(True), state(False, error="away")]
    sandbox.host("app").answers["read"] = [*earlier, newest, QUIET]
    end = {**ACCOUNT, "held": False, "held_since": None, "watched": {}, "lost": [], "lost_s": 0.0}
    end |= {"doubled": 0, "errors": ["connection refused", "away"]}
    said = {"status": 0, "stderr": "", "stdout": json.dumps(end)}
    sandbox.host("app").answers["finish"] = [said]
    scenario = Scenario("p#d", "drill", "D", (), 0, DRILL)
    scene = run._Scene(scenario, "local", tmp_path, sandbox)
    blank = unmeasured(scenario, DRILL, "2026-01-01T00:00:00Z")
    watch = Watch(sandbox, "app", "some.prober", "redis")
    verdict = run._judge(scene, blank, watch, 0.0, frozenset())
    assert verdict.status == "failed"
    assert verdict.reason == f"users were still not served after the last step{reason}"
