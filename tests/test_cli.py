"""The command line: what it prints, and with which status it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drillbook import cli, evidence, report, seals
from drillbook import plan as plans
from drillbook.errors import HarnessError, PageError, Where
from drillbook.evidence import Evidence, Step
from drillbook.model import DrillResult, Plan, Report, Result
from tests import fake_book

NOW = datetime.now(UTC).isoformat(timespec="seconds")


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project folder, with the fake book's plan."""
    (tmp_path / "source").mkdir()
    (tmp_path / "conf.py").touch()
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/compose.yaml").write_text("services: {db-1: {}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setattr(plans, "build", lambda root: fake_book.plan())
    yield tmp_path


def _shown(root: Path, scenario: str, id_: str) -> str:
    """Evidence of a pass; its file's name."""
    return evidence.write(root / "build/evidence", Evidence(id_, scenario, "local", "passed"))


def _know(root: Path, plan: Plan) -> None:
    """Writes a report in which `look` failed, `context` passed and the drill held."""
    main, drill = plan.pages[0].scenarios
    context, look, _ = main.snippets
    results = tuple(
        Result(
            s.id,
            scenario.id,
            s.digest,
            "passed",
            started=NOW,
            evidence=_shown(root, scenario.id, s.id),
        )
        for scenario, s in ((main, context), *((drill, s) for s in drill.snippets))
    )
    seen = Evidence(
        look.id, main.id, "local", "failed", steps=(Step("look --second", "2nd\n", "", 0, 0.5),)
    )
    name = evidence.write(root / "build" / "evidence", seen)
    failed = Result(
        look.id, main.id, look.digest, "failed", "it printed something else", 0, 0.5, NOW,
        look.path, 22, name, versions={"postgresql": "17.10"},
    )  # fmt: skip
    verdict = DrillResult(
        drill.id, drill.snippets[-1].digest, "kill db-1", "passed", rto_s=900, people_s=600,
        recovered_s=0.5, acknowledged=40, control="stayed-down", started=NOW,
        versions={"postgresql": "17.10"}, evidence=_shown(root, drill.id, drill.id),
    )  # fmt: skip
    folder = root / "build" / "evidence"
    known = Report(
        report.VERSION, NOW, NOW, "abc123", "local", {"postgresql": "17.10"}, (),
        tuple(seals.sealed(result, folder) for result in (*results, failed)),
        (seals.sealed(verdict, folder),),
    )  # fmt: skip
    report.write(known, report.path_of(root / "build", "local"))


def test_plan_counts(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan"]) == 0
    assert capsys.readouterr().out == (
        "build/plan.json: 1 pages, 2 scenarios (1 drills), 6 snippets (0 skipped with a reason)\n"
    )


def test_list_shows_each_state_and_place(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _know(book, fake_book.plan())
    assert cli.main(["list"]) == 0
    assert capsys.readouterr().out == (
        "guide   source/guide.md   sre, last reviewed 2026-11-01\n"
        "  guide#page (page)\n"
        "    verified   context   source/guide.md:10\n"
        "    failed     look   source/guide.md:20\n"
        "    not-run    tidy   source/guide.md:30\n"
        "  guide#primary-lost (drill)   kill db-1, RTO 900 s   verified\n"
        "    verified   context   source/guide.md:10   (again)\n"
        "    verified   confirm   source/guide.md:50\n"
        "    verified   promote   source/guide.md:60\n"
        "    verified   extra   source/guide.md:70\n"
        "\n"
        "6 snippets: 4 verified, 1 not-run, 1 failed; 1 drill: 1 verified\n"
    )


def test_list_counts_is_one_line(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--counts"]) == 0
    assert capsys.readouterr().out == "6 snippets: 6 not-run; 1 drill: 1 not-run\n"


def test_list_from_a_folder_below(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(book / "source")
    assert cli.main(["list", "--counts"]) == 0


def test_show_a_snippet_with_its_evidence(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _know(book, fake_book.plan())
    assert cli.main(["show", "look"]) == 0
    assert capsys.readouterr().out == (
        "guide#look   source/guide.md:20   on ops   failed\n"
        "  it printed something else\n"
        "  | $ look --first\n"
        "  | first\n"
        "  | $ look --second\n"
        "  | second\n"
        f"  local   failed   {NOW}   0.50 s   postgresql 17.10   abc123\n"
        "  evidence: build/evidence/local/guide/page/look.json\n"
        "    $ look --second\n"
        "    2nd\n"
        "    (status 0, 0.50 s)\n"
    )


def test_show_a_drill_with_its_figures(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _know(book, fake_book.plan())
    assert cli.main(["show", "primary-lost"]) == 0
    assert capsys.readouterr().out == (
        "guide#primary-lost   source/guide.md:40   verified\n"
        "  fault: kill db-1\n"
        "  aimed at: RTO 900 s (600 s of it people), RPO 0 s\n"
        "  local: recovered in 0.5 s, lost 0 of 40 writes (0 s), doubled 0, control stayed-down\n"
        f"  local   verified   {NOW}   0.00 s   postgresql 17.10   abc123\n"
        "  evidence: build/evidence/local/guide/primary-lost/_drill.json\n"
    )


def test_show_of_something_unknown_is_status_5(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["show", "nothing"]) == 5
    assert capsys.readouterr().err == (
        "nothing-selected: no snippet and no drill is called 'nothing'\n"
        "  hint: `drillbook list` names all\n"
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PageError("unknown-host", "no host", where=Where("source/guide.md", 7), hint="h"), 1),
        (HarnessError("plan-failed", "Sphinx", where=Where("source/guide.md", 7), hint="h"), 3),
    ],
)
def test_errors_show_code_place_and_hint(
    book: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: PageError | HarnessError,
    status: int,
) -> None:
    def build(root: Path) -> Plan:
        raise error

    monkeypatch.setattr(plans, "build", build)
    assert cli.main(["run"]) == status
    assert capsys.readouterr().err == (
        f"source/guide.md:7: {error.code}: {error.message}\n  hint: h\n"
    )


def test_every_error_of_the_pages_is_annotated(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(root: Path) -> Plan:
        places = (Where("source/a.md", 1), Where("source/b.md", 2))
        raise plans.InvalidPages([PageError("bad", "wrong", where=where) for where in places])

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(plans, "build", build)
    assert cli.main(["plan"]) == 1
    assert capsys.readouterr().out == (
        "::error file=source/a.md,line=1,title=bad::wrong\n"
        "::error file=source/b.md,line=2,title=bad::wrong\n"
    )


def test_ctrl_c_is_status_2(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(root: Path) -> Plan:
        raise KeyboardInterrupt

    monkeypatch.setattr(plans, "build", build)
    assert cli.main(["plan"]) == 2


@pytest.mark.parametrize("arguments", [[], ["dance"], ["list", "--wrong"], ["show"]])
def test_wrong_usage_is_status_4(book: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 4


def test_outside_of_a_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["list"]) == 3
    assert capsys.readouterr().err == (
        f"no-book: neither {tmp_path} nor a folder above it has a conf.py and a source folder\n"
        "  hint: go to the project's folder\n"
    )


def test_a_skip_is_counted(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = fake_book.plan()
    page = plan.pages[0]
    main = page.scenarios[0]
    skipped = replace(
        main.snippets[2], options=replace(main.snippets[2].options, skip="needs an account")
    )
    scenario = replace(main, snippets=(*main.snippets[:2], skipped))
    plan = replace(plan, pages=(replace(page, scenarios=(scenario,)),))
    monkeypatch.setattr(plans, "build", lambda root: plan)
    assert cli.main(["plan"]) == 0
    assert capsys.readouterr().out.endswith("3 snippets (1 skipped with a reason)\n")


def test_run_hands_the_rest_to_pytest(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[list[str]] = []

    def run(arguments: list[str]) -> int:
        handed.append(arguments)
        return 5

    monkeypatch.setattr(pytest, "main", run)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert cli.main(["run", "--drill", "primary-lost", "-n2", "-k", "a or b"]) == 5
    assert handed == [
        [
            "--disable-plugin-autoload", "-p", "xdist", "-p", "xdist.looponfail",
            "-p", "drillbook.pytest_plugin", "--rootdir", str(book), "build/plan.json",
            "--drill", "primary-lost", "-n2", "-k", "a or b",
        ]
    ]  # fmt: skip


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    """`drillbook list | head -1` ends quietly."""
    (tmp_path / "source").mkdir()
    (tmp_path / "conf.py").touch()
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/compose.yaml").write_text("services: {db-1: {}}\n")
    code = (
        "import sys; from drillbook import cli, plan; from tests import fake_book\n"
        "plan.build = lambda root: fake_book.plan()\n"
        "sys.exit(cli.main(['list']))"
    )
    root = Path(__file__).parent.parent
    listing = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert listing.stdout is not None and listing.stderr is not None
    listing.stdout.close()
    said = listing.stderr.read()
    listing.stderr.close()
    assert (listing.wait(), said) == (0, b"")
