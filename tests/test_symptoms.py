"""A text that a drill saw leads to the one branch that answers it."""

from __future__ import annotations

from pathlib import Path

from bs4 import BeautifulSoup

from drillbook.model import Drill, Options, Page, Scenario, Snippet
from drillbook.site import symptoms, tables
from drillbook.site.symptoms import Symptom

TREE = """\
rows:
  - {symptom: s, says: "redis: Connection refused", branch: runbooks/r/dead#act, severity: P0}
  - {symptom: s, says: "redis: Connection refused", branch: runbooks/r/other, severity: P0}
  - {symptom: s, says: "only the tree", branch: runbooks/r/other, severity: P0}
  - {symptom: s, branch: runbooks/r/silent, severity: P0}
"""


def page(docname: str, before: str, after: str = "all is well") -> Page:
    """A page with one drill: what it prints before and after the step that changes something."""
    texts = {"look": (before, "read"), "act": ("", "write"), "verify": (after, "read")}
    snippets = tuple(
        Snippet(
            f"{docname}#{name}", name, "console", f"source/{docname}.md", 1, f"$ x\n{printed}\n",
            Options(effect=effect),  # type: ignore[arg-type]
        )
        for name, (printed, effect) in texts.items()
    )  # fmt: skip
    drill = Drill("d", "kill x", 60, 30, 0, 1)
    scenario = Scenario(f"{docname}#d", "drill", "t", snippets, drill=drill)
    return Page(docname, f"source/{docname}.md", "", "", "", (), (scenario,))


def found(tmp_path: Path, *pages: Page) -> dict[str, str]:
    (tmp_path / "t.yaml").write_text(TREE, encoding="utf-8")
    return {each.text: each.docname for each in symptoms.of(pages, tmp_path) if each.drilled}


def test_what_is_printed_before_anything_is_changed_leads_to_the_page(tmp_path: Path) -> None:
    said = "redis: no answer in <duration>\n...\nbranch: runbooks/r/hangs"
    assert found(tmp_path, page("runbooks/r/hangs", said)) == {
        "redis: no answer in ...": "runbooks/r/hangs"
    }


def test_what_two_branches_print_leads_nowhere(tmp_path: Path) -> None:
    one, two = page("runbooks/r/a", "same words"), page("runbooks/r/b", "same words\nown words")
    assert found(tmp_path, one, two) == {"own words": "runbooks/r/b"}


def test_what_is_printed_once_all_is_well_leads_nowhere(tmp_path: Path) -> None:
    one, two = page("runbooks/r/a", "db-1: primary"), page("runbooks/r/b", "x", "db-1: primary")
    assert found(tmp_path, one, two) == {}


def test_pages_that_are_no_runbook_do_not_count(tmp_path: Path) -> None:
    assert found(tmp_path, page("reliability/alerting", "firing ApiDown")) == {}


def test_texts_of_the_trees_lead_to_their_first_branch(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(TREE, encoding="utf-8")
    assert symptoms.of([], tmp_path) == [
        Symptom("runbooks/r/dead", "redis: Connection refused", False),
        Symptom("runbooks/r/other", "only the tree", False),
    ]


def test_a_runbooks_texts_stand_under_its_title(tmp_path: Path) -> None:
    rows = [Symptom("runbooks/r/dead", "<none>", True), Symptom("runbooks/alone", "text", True)]
    by_hub = symptoms.of_runbooks(rows, {"runbooks/r", "runbooks/alone"})
    assert list(by_hub) == ["runbooks/r", "runbooks/alone"]
    titles = {"runbooks/r": "Redis", "runbooks/r/dead": "It is dead"}
    html = tables.symptom_tables(by_hub, [], titles, lambda name: f"{name}.html")
    soup = BeautifulSoup(html, "html.parser")
    assert [h.get_text() for h in soup.select("h2")] == ["Redis#", "runbooks/alone#"]
    row = soup.select_one("tbody tr")
    assert row is not None
    assert row.get_text(" ") == "<none> It is dead no drill"
    link = row.select_one("a")
    assert link is not None
    assert link["href"] == "runbooks/r/dead.html"
