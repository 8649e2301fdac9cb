"""A report that was edited, or whose evidence was, verifies nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from drillbook import evidence, report, seals
from drillbook.evidence import Evidence
from drillbook.model import Page, Plan, Report, Result, Scenario, Snippet
from drillbook.verification import verify

SNIPPET = Snippet("p#a", "a", "console", "source/p.md", 1, "$ true\n", digest="d")
PLAN = Plan(
    1,
    {},
    (
        Page(
            "p", "source/p.md", "docs", "monthly", "2026-01-01", (),
            (Scenario("p#page", "page", "P", (SNIPPET,)),),
        ),
    ),
)  # fmt: skip
DAY = date(2026, 1, 2)


def written(build: Path, status: Any = "passed", started: str = "2026-01-01T10:00:00Z") -> Path:
    """A report of one result, as a run writes it."""
    folder = build / "evidence"
    name = evidence.write(folder, Evidence("p#a", "p#page", "local", status, started=started))
    result = Result("p#a", "p#page", "d", status, "" if status == "passed" else "it is red",
                    duration_s=0.25, started=started, evidence=name, waited_s=1.0)  # fmt: skip
    known = Report(1, started, started, "c", "local", {}, (), (seals.sealed(result, folder),), ())
    path = report.path_of(build, "local")
    report.write(known, path)
    return path


def state(build: Path) -> tuple[str, str]:
    """What a reader is told, and the beginning of the reason."""
    mark = verify(PLAN, report.read_all(build), DAY)["p#a"]
    return mark.state, mark.reason.partition(":")[0]


def edit(path: Path, **fields: Any) -> None:
    """Changes fields of the report's only result, as an editor would."""
    data = json.loads(path.read_text())
    data["results"][0].update(fields)
    path.write_text(json.dumps(data))


def test_what_a_run_wrote_stands(tmp_path: Path) -> None:
    written(tmp_path)
    assert state(tmp_path) == ("verified", "")


@pytest.mark.parametrize(
    "change",
    [
        {"started": "2026-01-02T10:00:00Z"},
        {"started": "2099-01-01T00:00:00Z"},
        {"duration_s": 0.1},
        {"versions": {"postgresql": "99"}},
        {"simulated": ["stripe"]},
        {"seal": ""},
    ],
)
def test_an_edited_pass_is_an_error(tmp_path: Path, change: dict[str, Any]) -> None:
    edit(written(tmp_path), **change)
    assert state(tmp_path) == ("error", "altered-report")


def test_a_failure_that_is_called_a_pass_is_an_error(tmp_path: Path) -> None:
    edit(written(tmp_path, "failed"), status="passed", reason="")
    assert state(tmp_path) == ("error", "altered-report")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Path.unlink, "missing-evidence"),
        (
            lambda file: file.write_text(file.read_text().replace("passed", "failed")),
            "altered-report",
        ),
        (lambda file: file.write_text(""), "altered-report"),
    ],
)
def test_evidence_that_is_lost_or_edited_is_an_error(
    tmp_path: Path, change: Callable[[Path], object], code: str
) -> None:
    written(tmp_path)
    (file,) = (tmp_path / "evidence").rglob("*.json")
    change(file)
    assert state(tmp_path) == ("error", code)


def test_a_pass_without_evidence_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path)
    edit(path, evidence="")
    assert state(tmp_path) == ("error", "missing-evidence")


def test_a_date_that_is_yet_to_come_is_an_error(tmp_path: Path) -> None:
    written(tmp_path, started="2099-01-01T00:00:00Z")
    assert state(tmp_path) == ("error", "its result is dated 2099-01-01, which is yet to come")


def test_a_later_commit_stamp_breaks_no_seal(tmp_path: Path) -> None:
    path = written(tmp_path)
    edit(path, commit="c0")
    assert state(tmp_path) == ("verified", "")
    assert replace(report.read(path).results[0], seal="").commit == "c0"
