"""A copy of the book on a disk says of itself, later, what a book built on that day would say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from drillbook.model import Page, Plan, Report
from drillbook.sandboxes import npm
from drillbook.site import panels, tables
from drillbook.verification import DrillVerification, Verification, verify, verify_drills
from tests import marks_sample
from tests.conftest import ROOT
from tests.test_marks import sample

TODAY = datetime.now(UTC).date()
SCRIPT = (ROOT / "source/_static/drillbook.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def plan_and_report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Report]:
    """The sample book, run today; one page is read through every week, another each quarter."""
    book = sample(tmp_path_factory.mktemp("old") / "book")
    plan = book.plan()
    cycles = ("weekly", "monthly", "quarterly")
    pages = tuple(
        replace(page, review_cycle=cycles[number % 3]) for number, page in enumerate(plan.pages)
    )
    plan = replace(plan, pages=pages)
    return plan, marks_sample.report_of(plan, when=f"{TODAY.isoformat()}T01:02:03Z")


class Shown:
    """What a built book shows, made on one day and looked at on another."""

    def __init__(self, plan: Plan, known: Report, built: date, looked_at: date) -> None:
        marks = verify(plan, [known], built)
        drills = verify_drills(plan, [known], built)
        self.html = "".join(
            f"<section>{_page(page, marks, drills)}</section>" for page in plan.pages
        )
        self.html += tables.page_table(plan.pages, marks, {}, str)
        self.html += tables.drill_table(drills.values(), str)
        done = subprocess.run(
            [npm.programs(ROOT) / "node", Path(__file__).with_name("page.mjs")],
            input=json.dumps(
                {
                    "script": SCRIPT,
                    "day": looked_at.isoformat(),
                    "page": _nested(BeautifulSoup(f"<body>{self.html}</body>", "html.parser").body),
                }
            ),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        self.said: dict[str, Any] = json.loads(done.stdout)


def _page(
    page: Page, marks: Mapping[str, Verification], drills: Mapping[str, DrillVerification]
) -> str:
    line = panels.page_line(page, marks, drills)
    ids = dict.fromkeys(s.id for scenario in page.scenarios for s in scenario.snippets)
    blocks = "".join(
        f'<div class="db-snippet db-is-{marks[id_].state}">'
        f"{panels.mark(marks[id_], lambda file: '')}</div>"
        for id_ in ids
    )
    shown = [panels.drill_panel(d, str, d.id) for d in drills.values() if d.docname == page.docname]
    return line + blocks + "".join(shown)


def _nested(tag: Tag | None) -> list[Any]:
    assert tag is not None
    attributes = {
        name: " ".join(value) if isinstance(value, list) else value
        for name, value in tag.attrs.items()
    }
    children = [_nested(each) if isinstance(each, Tag) else str(each) for each in tag.children]
    return [tag.name, attributes, children]


@pytest.mark.parametrize("days", [0, 6, 8, 31, 60, 91, 400])
def test_an_old_copy_says_what_a_new_book_would(
    plan_and_report: tuple[Plan, Report], days: int
) -> None:
    plan, known = plan_and_report
    later = TODAY + timedelta(days=days)
    old = Shown(plan, known, TODAY, later).said
    new = Shown(plan, known, later, later).said
    for kind in ("marks", "drills", "boxes", "badges"):
        assert old[kind] == new[kind], kind
    assert old["head"] == new["head"]
    assert _numbers(old["counts"]) == _numbers(new["counts"])


def _numbers(groups: Sequence[Sequence[str]]) -> list[list[str]]:
    return [list(cells) for cells in groups if cells]


def test_60_days_later_nothing_of_a_monthly_page_is_verified(
    plan_and_report: tuple[Plan, Report],
) -> None:
    plan, known = plan_and_report
    monthly = replace(plan, pages=tuple(replace(p, review_cycle="monthly") for p in plan.pages))
    old = Shown(monthly, known, TODAY, TODAY + timedelta(days=60)).said
    assert "verified" not in old["marks"]
    assert "verified" not in " ".join(old["head"])
    assert "verified" not in " ".join(old["badges"])
