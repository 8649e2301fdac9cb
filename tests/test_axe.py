"""Pages are looked at in a browser as readers have it set; what is wrong is named by its page."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from drillbook.report import read_all, verify, verify_drills
from drillbook.site import axe, tables
from drillbook.site.symptoms import Symptom
from drillbook.verification import STATES
from tests import marks_sample
from tests.conftest import ROOT
from tests.sphinx_book import Book
from tests.test_marks import sample
from tests.test_reading import chromium

GOOD = '<!doctype html><html lang="en"><title>t</title><main><h1>t</h1>%s</main></html>'
PAGES = {
    "good.html": GOOD % "<p>text</p>",
    "nameless.html": GOOD % '<img src="x.svg">',
    # As good as any by day.
    "dim.html": GOOD % '<p style="color:light-dark(#000,#333)">text</p>'
    + "<style>:root{color-scheme:light dark;background:light-dark(#fff,#000)}</style>",
    "narrow.html": GOOD % "<p>text</p>"
    + "<style>@media(max-width:500px){p{color:#bbb;background:#fff}}</style>",
    # A button that only a phone has; what looks like much else, but before another background.
    "phone.html": GOOD % '<button class="m"></button>'
    + "<style>.m{display:none}@media(max-width:500px){.m{display:block}}</style>",
    "code.html": GOOD
    % (
        "<pre>" + "<i>as</i> " * 9 + '<i style="color:#bbb">dim</i>' + "</pre>"
        '<pre style="background:#444">' + "<i>as</i> " * 9 + "</pre>"
    ),
    "lost.html": '<!doctype html><html lang="en"><title>t</title><p>text</p></html>',
    "link.html": GOOD
    % '<p><a href="#t">alone</a></p><p>text, more than the link has <a href="#t">in text</a></p>'
    + "<style>a{color:#333;text-decoration:none}</style>",
    "asks.html": GOOD % '<img alt="" src="http://127.0.0.1:9/x.png">',
}
EVERYWHERE = tuple(f"{theme}, {width}" for width in (1300, 390) for theme in ("light", "dark"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium()
    folder = tmp_path_factory.mktemp("site") / "html"
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_what_breaks_a_rule_is_named_with_how_it_was_seen(site: Path) -> None:
    found = axe.look(site, list(PAGES), ROOT)
    assert [(each.page, each.rule, each.seen) for each in found] == [
        ("asks.html", "no-network", ()),
        *[("code.html", "color-contrast", EVERYWHERE)] * 10,
        ("dim.html", "color-contrast", ("dark, 1300", "dark, 390")),
        ("link.html", "link-in-text-block", EVERYWHERE),
        *(
            ("lost.html", rule, ("light, 1300", "light, 390"))
            for rule in ("landmark-one-main", "page-has-heading-one", "region")
        ),
        ("nameless.html", "image-alt", ("light, 1300", "light, 390")),
        ("narrow.html", "color-contrast", ("light, 390", "dark, 390")),
        ("phone.html", "button-name", ("light, 390",)),
    ]
    assert found[0].at == "http://127.0.0.1:9/x.png"


def test_a_branch_prints_on_three_sheets_and_one_that_failed_on_what_it_needs(
    tmp_path: Path,
) -> None:
    chromium()
    drill = '<div class="db-drill" id="d" data-state="%s"></div>'
    sheet = '<p style="break-after:page">text</p>'
    long, short = sheet * 3 + "<p>text</p>", sheet * 2 + "<p>text</p>"
    written = {
        "db/whole.html": drill % "verified" + long,
        "db/long.html": drill % "verified" + long,
        "db/short.html": drill % "simulated" + short,
        "db/red.html": drill % "failed" + long,
        "db/never.html": long,
        "other/long.html": drill % "verified" + long,
    }
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(GOOD % text, encoding="utf-8")
    assert axe.branches(tmp_path, sorted(written)) == ["db/long.html", "db/short.html"]
    found = axe.look(tmp_path, ["db/long.html", "db/short.html", "db/red.html"], ROOT)
    assert [(each.page, each.rule, each.help) for each in found] == [
        ("db/long.html", "printed-pages", "prints on 4 pages, at most 3")
    ]


def test_the_command_says_what_and_where(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert axe.main(["--html", str(site), "nameless.html"]) == 1
    assert capsys.readouterr().out == (
        "nameless.html: image-alt: Element does not have an alt attribute\n"
        "  at img (light, 1300; light, 390)\n"
        "axe: 1 pages, 1 findings\n"
    )


def test_a_page_too_large_for_a_phone_is_a_finding(tmp_path: Path) -> None:
    large = GOOD % ("<p>text</p>" * 23_000)
    for name in ("large.html", "small.html", "hub/whole.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(GOOD if name == "small.html" else large)
    found = axe.heavy(tmp_path, ["large.html", "small.html", "hub/whole.html"])
    assert [str(each) for each in found] == [
        f"large.html: page-weight: {len(large)} bytes, at most 250000\n  at html (any)"
    ]


def test_of_the_evidence_every_tenth_page_is_looked_at_unless_all_are_asked_for(
    tmp_path: Path,
) -> None:
    names = ["a.html", "b/c.html", *(f"evidence/local/{n:02}.html" for n in range(25))]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert axe.wanted(tmp_path, every=1) == names
    assert axe.wanted(tmp_path, every=10) == [*names[:2], *names[2::10]]


def test_what_is_red_can_be_read_wherever_it_is_shown(tmp_path: Path) -> None:
    """Each state of blocks and drills, in each table that shows one, on page and evidence."""
    chromium()
    book = sample(tmp_path / "book")
    plan = book.plan()
    marks_sample.write(book.root / "build", plan)
    reports = read_all(book.root / "build")
    first = next(iter(verify_drills(plan, reports, date(2026, 11, 24)).values()))
    drills = [replace(first, id=f"branch-{state}#lost", state=state) for state in STATES]
    marks = verify(plan, reports, date(2026, 11, 24))
    assert {mark.state for mark in marks.values()} == set(STATES)

    def top(name: str) -> str:
        return f"#{name}"

    texts = [Symptom(drill.docname, "FATAL: it ends", drilled=True) for drill in drills]
    shown = [
        tables.drill_table(drills, top),
        tables.catalogue(drills, top, top),
        tables.symptom_tables({"hub": texts}, drills, {}, top),
        "".join(f"<p>{tables.branch_cell([drill])}</p>" for drill in drills),
        "".join(f"<p>{tables.check_cell(id_, mark, top(id_))}</p>" for id_, mark in marks.items()),
        tables.page_table(plan.pages, marks, {}, top),
    ]
    raw = "\n".join(f"```{{raw}} html\n{each}\n```\n" for each in shown)
    book.put("source/other.md", f"# Tables\n\n## Marks\n\n{raw}")
    assert book.build("html") == 0, book.warnings
    html = book.root / "build/html"
    evidence = sorted(path.relative_to(html).as_posix() for path in html.glob("evidence/**/*.html"))
    red = [page for page in evidence if page.endswith(("/failed.html", "/error.html"))]
    assert len(red) == 2
    pages = ["index.html", "other.html", "runbooks/failover.html", *red]
    assert [str(each) for each in axe.look(html, pages, ROOT)] == []


def test_a_folder_without_pages_is_not_clean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chromium()
    assert axe.main(["--html", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "axe: 0 pages, 0 findings\n"


def test_a_header_without_text_is_none(tmp_path: Path) -> None:
    book = Book(tmp_path)
    conf = (tmp_path / "conf.py").read_text()
    book.put("conf.py", conf.replace('"drillbook.sphinx_ext"', '"drillbook.site.table_heads"'))
    book.put(
        "source/index.md", "# T\n\n| | a |\n|---|---|\n| b | c |\n\n| | |\n|---|---|\n| d | e |\n"
    )
    assert book.build("html") == 0, book.warnings
    text = (tmp_path / "build/html/index.html").read_text(encoding="utf-8")
    assert text.count("<thead") == 1
    assert text.count("<th ") == 1
    assert text.count("<td") == 5
