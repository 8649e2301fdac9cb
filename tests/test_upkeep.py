"""Upkeep: reviews, owners, touched pages, coverage, history and figures."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest

from drillbook.errors import PageError
from drillbook.model import DrillResult, Page, Plan, Report, Result, Scenario, ScenarioKind, Snippet
from drillbook.site.plots import recovery_plot
from drillbook.upkeep import __main__, coverage, history, measured, metrics, review, touched
from drillbook.upkeep.counts import Counts

HEAD = "---\nowner: {}\nreview-cycle: {}\nlast-reviewed: 2026-11-01\nstack: []\n---\n\n# T\n"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Two pages with an owner, one without, and one that only others include."""
    source = tmp_path / "source"
    (source / "runbooks").mkdir(parents=True)
    (source / "_shared").mkdir()
    (source / "runbooks/a.md").write_text(HEAD.format("team-a", "monthly"))
    (source / "b.md").write_text(HEAD.format("team-b", "weekly") + "\n`users` GET /v1/x/7/y\n")
    (source / "c.md").write_text("# C\n")
    (source / "_shared/d.md").write_text("# D\n")
    return tmp_path


def test_each_page_is_due_after_its_cycle(book: Path) -> None:
    found = review.calendar(book / "source")
    assert [(r.docname, r.owner, r.due.isoformat()) for r in found] == [
        ("b", "team-b", "2026-11-08"),
        ("runbooks/a", "team-a", "2026-12-01"),
    ]
    assert [r.overdue(date(2026, 11, 8)) for r in found] == [False, False]
    assert [r.overdue(date(2026, 11, 9)) for r in found] == [True, False]
    assert review.unowned(book / "source") == ("c",)


def test_owners_stand_in_codeowners_as_in_the_pages(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(book)
    (book / ".github").mkdir()
    assert __main__.main(["owners", "org", "--check"]) == 1
    assert __main__.main(["owners", "org"]) == 0
    text = (book / ".github/CODEOWNERS").read_text()
    assert text.splitlines()[1:] == [
        "/source/b.md          @org/team-b",
        "/source/runbooks/a.md @org/team-a",
    ]
    assert __main__.main(["owners", "org", "--check"]) == 0
    page = book / "source/b.md"
    page.write_text(page.read_text().replace("team-b", "team-c"))
    assert __main__.main(["owners", "org", "--check"]) == 1


COMPOSE = """
services:
  db: {command: [/opt/stack/postgres/bin/run]}
  app: {command: [/opt/stack/platform/bin/run], depends_on: {db: {condition: started}}}
  mail: {command: [/opt/stack/mail/run]}
"""


def _page(docname: str, *stack: str, drill: bool = False) -> Page:
    snippet = Snippet(
        f"{docname}#s", "s", "console", f"source/{docname}.md", 1, "$ true\n", digest="1"
    )
    kind: ScenarioKind = "drill" if drill else "page"
    scenario = Scenario(f"{docname}#page", kind, "", (snippet,), services=stack)
    return Page(docname, f"source/{docname}.md", "o", "monthly", "2026-11-01", stack, (scenario,))


def test_a_changed_file_of_the_stack_names_the_pages_that_use_it(book: Path) -> None:
    (book / "examples").mkdir()
    (book / "examples/compose.yaml").write_text(COMPOSE)
    plan = Plan(1, {}, (_page("a", "app"), _page("m", "mail"), _page("none")))
    changed = ("examples/postgres/seed.sql", "examples/mail/run", "source/none.md", "README.md")
    assert touched.pages(book, plan, changed) == {
        "a": ("examples/postgres/seed.sql",),
        "m": ("examples/mail/run",),
        "none": ("source/none.md",),
    }
    everybody = touched.pages(book, plan, ["examples/compose.yaml"])
    assert set(everybody) == {"a", "m", "none"}


def test_a_name_is_covered_when_a_page_that_somebody_wrote_has_it(book: Path) -> None:
    (book / "examples").mkdir()
    (book / "examples/facts.yaml").write_text(
        "tables: {users: {}, user: {}, gone: {here: false}}\n"
        "routes: {'/v1/x/{id}/y': {}, /v1/z: {}}\n"
    )
    (book / coverage.FILE).write_text(
        "- {name: tables, file: examples/facts.yaml, at: tables, unless: here}\n"
        "- {name: routes, file: examples/facts.yaml, at: routes}\n"
    )
    (book / "source/reference").mkdir()
    (book / "source/reference/made.md").write_text("user /v1/z")
    found = {each.kind: each for each in coverage.measure(book)}
    assert (found["tables"].names, found["tables"].missing) == (("users", "user"), ("user",))
    assert (found["routes"].missing, found["routes"].share) == (("/v1/z",), 0.5)
    (book / "examples/rules.yaml").write_text(
        "groups: [{rules: [{alert: users}, {alert: gone}]}, {rules: [{alert: other}]}]\n"
    )
    (book / coverage.FILE).write_text(
        "- {name: alerts, file: examples/rules.yaml, at: groups.rules, by: alert}\n"
    )
    (rules,) = coverage.measure(book)
    assert (rules.names, rules.missing) == (("users", "gone", "other"), ("gone", "other"))
    (book / coverage.FILE).write_text("- {name: t, file: examples/facts.yaml, at: nothing}\n")
    with pytest.raises(PageError, match="coverage: t: 'nothing'"):
        coverage.measure(book)


DRILL = DrillResult("p#d", "1", "kill x", "passed", started="2026-11-01T00:00:00Z", recovered_s=4.0)


def _report(*drills: DrillResult, results: tuple[Result, ...] = ()) -> Report:
    return Report(1, "", "", "abc", "local", {}, (), results, drills)


def test_the_history_only_grows_and_holds_a_run_once(tmp_path: Path) -> None:
    path = tmp_path / "about/history.jsonl"
    assert history.read(path) == ()
    first = history.of_report(_report(DRILL, replace(DRILL, id="p#e", status="not-run")))
    assert [(r.drill, r.commit) for r in first] == [("p#d", "abc")]
    assert history.append(path, first) == 1
    assert history.append(path, first) == 0
    later = replace(DRILL, started="2026-11-02T00:00:00Z", recovered_s=2.0)
    failed = replace(DRILL, started="2026-11-03T00:00:00Z", status="failed", recovered_s=1.0)
    assert history.append(path, history.of_report(_report(later, failed))) == 2
    known = history.read(path)
    assert history.recoveries(known) == {
        "p#d": [("2026-11-01T00:00:00Z", 4.0), ("2026-11-02T00:00:00Z", 2.0)]
    }
    assert history.first_and_last(known) == (4.0, 2.0)
    assert history.first_and_last(known[:1]) is None
    path.write_text(path.read_text() + '{"drill": "p#d"\n')
    with pytest.raises(PageError, match=r"history\.jsonl:4: history: this line is no record"):
        history.read(path)


def test_a_page_counts_for_its_kind_only_with_what_the_kind_must_have() -> None:
    full, bare = Counts(1, 1, 1, 1, 1, 9, acts=True), Counts(0, 0, 0, 0, 0, 9, acts=True)
    found = {
        f.name: f for f in metrics.quality({"runbooks/a": full, "runbooks/b": bare, "x": full})
    }
    steps = found["runbook pages with steps"]
    assert (steps.value, steps.met, steps.detail) == (50, False, "1 of 2; without: runbooks/b")
    assert found["architecture pages with a diagram"].value is None
    assert found["architecture pages with a diagram"].met is None
    assert round(found["pages with a table"].value or 0) == 67
    assert [each.name for each in metrics.below(found.values())] == [
        "runbook pages with steps",
        "runbook pages with commands",
        "pages with a table",
        "pages that lead to other pages",
    ]


def test_a_page_that_needs_none_is_not_counted_and_one_that_acts_is() -> None:
    nothing = Counts(0, 0, 0, 0, 0, 9)
    pages = {
        "runbooks/a/never": nothing,
        "runbooks/a/branch": replace(nothing, steps=1, blocks=1, drilled=True),
        "runbooks/a": replace(nothing, tables=1),
    }
    found = {each.name: each for each in metrics.quality(pages)}
    steps, tables = found["runbook pages with steps"], found["pages with a table"]
    assert (steps.value, steps.detail) == (100, "1 of 1; 2 need none")
    assert (tables.value, tables.detail) == (50, "1 of 2; 1 need none; without: runbooks/a/never")
    pages["runbooks/a/branch"] = replace(nothing, drilled=True)
    pages["runbooks/a/never"] = replace(nothing, acts=True)
    found = {each.name: each for each in metrics.quality(pages)}
    assert found["runbook pages with steps"].detail == (
        "0 of 2; 1 need none; without: runbooks/a/branch, runbooks/a/never"
    )
    assert all(each.gate for each in found.values())


def test_what_was_not_run_is_not_measured(book: Path) -> None:
    (book / "source/postmortems").mkdir()
    plan = Plan(1, {}, (_page("runbooks/a"),))
    found = {f.name.partition(":")[0]: f for f in metrics.success(book, plan, (), date.today())}
    assert found["runbook accuracy"].value is None
    assert found["drills that pass"].value is None
    assert found["post-mortems that are complete"].detail == "no incident is recorded here"
    passed = Result(
        "runbooks/a#s", "runbooks/a#page", "1", "failed", started=f"{date.today()}T00:00:00Z"
    )
    report = _report(results=(passed,))
    found = {
        f.name.partition(":")[0]: f for f in metrics.success(book, plan, [report], date.today())
    }
    assert (found["runbook accuracy"].value, found["runbook accuracy"].met) == (0, False)


def test_a_failure_mode_is_covered_when_the_page_of_its_row_has_a_drill(book: Path) -> None:
    def figure(*pages: Page) -> metrics.Figure:
        found = metrics.success(book, Plan(1, {}, pages), (), date.today())
        (one,) = (each for each in found if each.name == "coverage: failure modes")
        return one

    (book / "source/postmortems").mkdir()
    assert (figure().value, figure().detail) == (None, "there is no decision tree")
    (book / "examples/trees").mkdir(parents=True)
    (book / "examples/compose.yaml").write_text(
        "x-drillbook: {triage: trees}\nservices: {ops: {image: x}}\n"
    )
    (book / "examples/trees/a.yaml").write_text(
        "rows: [{branch: runbooks/a}, {branch: runbooks/a#s}, {branch: runbooks/b, says: b},"
        " {branch: runbooks/c, says: 'c: ..., none of the above'}]\n"
    )
    one = figure(_page("runbooks/a", drill=True), _page("runbooks/b"))
    assert (one.met, one.detail) == (False, "2 of 3 situations; not drilled: runbooks/b")
    both = figure(_page("runbooks/a", drill=True), _page("runbooks/b", drill=True))
    assert (both.value, both.met) == (100, True)


def test_the_slowest_blocks_are_those_that_passed_as_they_stand_now() -> None:
    plan = Plan(1, {}, tuple(_page(name) for name in "abcd"))
    a, b, c, d = (page.scenarios[0].snippets[0] for page in plan.pages)
    ran = Result("", "p", a.digest, "passed", versions={"postgresql": "15.18"})
    results = (
        replace(ran, id=a.id, duration_s=2.0),
        replace(ran, id=b.id, duration_s=1.0, waited_s=5.0),
        replace(ran, id=c.id, duration_s=9.0, digest="old"),
        replace(ran, id=d.id, duration_s=9.0, status="failed"),
    )
    report = _report(results=results)
    found = measured.slowest(plan, [report], 2)
    assert [(each.id, each.whole_s) for each in found] == [("b#s", 6.0), ("a#s", 2.0)]
    assert len(measured.slowest(plan, [report], 1)) == 1
    other = replace(
        report, backend="compose", results=(replace(results[0], versions={"postgresql": "15.20"}),)
    )
    assert measured.versions([report, other]) == {
        "postgresql": {"compose": "15.20", "local": "15.18"}
    }


def test_a_plot_is_told_in_words_and_the_same_at_every_build() -> None:
    times = [("2026-11-01T00:00:00Z", 4.0), ("2026-11-02T00:00:00Z", 2.0)]
    drawn = recovery_plot("p#d", times, "from 4 to 2")
    assert drawn == recovery_plot("p#d", times, "from 4 to 2")
    assert (
        'aria-label="from 4 to 2"' in drawn and "<script" not in drawn and "http://p" not in drawn
    )


@pytest.mark.parametrize(
    ("gate", "value", "status", "word"),
    [(True, 90, 1, "BELOW ITS GATE"), (False, 90, 0, "BELOW"), (True, 100, 0, "")],
)
def test_only_a_gate_makes_the_check_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    gate: bool, value: float, status: int, word: str,
) -> None:  # fmt: skip
    figure = metrics.Figure("drills", "", 100, value, gate=gate)
    (tmp_path / "build").mkdir()
    (tmp_path / __main__.METRICS).write_text(
        json.dumps({"success": [asdict(figure) | {"met": figure.met}]}), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    assert __main__.main(["metrics", "--check"]) == status
    assert capsys.readouterr().out.splitlines()[1].endswith(f"aim 100  {word}".rstrip())
    assert __main__.main(["metrics"]) == 0
