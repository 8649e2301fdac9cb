from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from drillbook import report
from drillbook.errors import HarnessError
from drillbook.model import Report
from drillbook.site import evidence_pages, panels, tables
from drillbook.site.wording import SYMBOLS, WORDS, day, seconds
from drillbook.snippets.masks import MASKS
from drillbook.verification import STATES, Verification
from tests import marks_sample
from tests.sphinx_book import Book, in_days

ROOT = Path(__file__).parent.parent
FAILOVER = "runbooks/failover"


UNTIL = in_days(60)
"""How long the sample book's skips last."""


def sample(folder: Path) -> Book:
    """A copy of the sample book that uses the real book's configuration."""
    book = Book.copy("marks", folder)
    page = book.root / "source/runbooks/failover.md"
    page.write_text(page.read_text().replace(":until: 2026-12-31\n", f":until: {UNTIL}\n"))
    conf = book.root / "conf.py"
    text = conf.read_text().replace("Path(__file__).resolve().parents[3]", f"Path({str(ROOT)!r})")
    conf.write_text(text)
    return book


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = sample(tmp_path / "book")
    marks_sample.write(made.root / "build", made.plan())
    return made


def page(book: Book, name: str = FAILOVER, builder: str = "html") -> BeautifulSoup:
    text = (book.root / "build" / builder / f"{name}.html").read_text(encoding="utf-8")
    return BeautifulSoup(text, "html.parser")


def block(soup: BeautifulSoup, name: str) -> Tag:
    found = soup.select_one(f"#snippet-{name}")
    assert found is not None, name
    return found


def text_of(tag: Tag | None) -> str:
    assert tag is not None
    # A reader does not see what waits for a later day.
    seen = BeautifulSoup(str(tag), "html.parser")
    for hidden in seen.select("[hidden]"):
        hidden.decompose()
    return " ".join(seen.get_text().split())


def html(book: Book) -> None:
    assert book.build("html") == 0
    assert book.warnings == ""


def test_each_state_is_told_by_a_symbol_and_a_word(book: Book) -> None:
    html(book)
    names = {
        "context": "verified", "skipped": "skipped", "stale": "stale", "not-run": "not-run",
        "error": "error", "failed": "failed",
    }  # fmt: skip
    for name, state in names.items():
        found = block(page(book), name)
        mark = found.select_one(".db-mark")
        assert mark is not None
        assert mark["data-state"] == state
        assert text_of(mark).startswith(f"{SYMBOLS[state]} {WORDS[state]}")  # type: ignore[index]
        assert f"db-is-{state}" in found["class"]
    simulated = block(page(book, "runbooks/payments"), "simulated")
    assert text_of(simulated.select_one(".db-mark")).startswith("≈ simulated")
    assert len(set(SYMBOLS.values())) == len(set(WORDS.values())) == len(STATES)


def test_the_line_of_a_verified_block(book: Book) -> None:
    html(book)
    mark = block(page(book), "context").select_one(".db-mark")
    assert text_of(mark) == (
        "✓ verified 23 Nov 2026 14:05 UTC on local · 0.31 s · postgresql 15.18"
        " · in 4 scenarios · output"
    )
    assert mark is not None
    assert mark["data-until"] == "2026-12-23"
    time = mark.select_one("time")
    assert time is not None
    assert time["datetime"] == marks_sample.WHEN


def test_two_backends_are_both_named_each_with_its_day(book: Book) -> None:
    later = {"local": marks_sample.WHEN, "compose": "2026-11-22T02:11:00Z"}
    marks_sample.write(book.root / "build", book.plan(), later)
    html(book)
    assert text_of(block(page(book), "context").select_one(".db-mark")) == (
        "✓ verified 23 Nov 2026 14:05 UTC on local, 22 Nov 2026 02:11 UTC on compose · 0.31 s"
        " · postgresql 15.18 · in 4 scenarios · output on local and compose"
    )
    panel = page(book).select_one("#drill-primary-lost")
    assert panel is not None
    assert [text_of(th) for th in panel.select("thead th")] == [
        "Measure",
        "objective",
        "local",
        "compose",
    ]


def test_the_lines_of_blocks_that_are_not_verified(book: Book) -> None:
    html(book)
    soup = page(book)
    lines = {
        name: text_of(block(soup, name).select_one(".db-mark"))
        for name in ("failed", "error", "not-run", "stale", "skipped")
    }
    where = f"source/{FAILOVER}.md"
    assert re.sub(r":\d+", ":N", lines["failed"]) == (
        f"× failed · 23 Nov 2026 14:N UTC on local · {where}:N · it printed something else · output"
    )
    assert re.sub(r":\d+", ":N", lines["error"]) == (
        f"! error · 23 Nov 2026 14:N UTC on local · {where}:N"
        " · host-gone: app is no longer there · output"
    )
    assert lines["not-run"] == "? not run · an earlier block, stale, failed · output"
    assert lines["stale"] == (
        "≠ stale · changed since its last run (passed on 2026-11-23) · output"
    )
    assert lines["skipped"] == (
        f"– skipped · needs an account that the sandbox has not (until {UNTIL})"
    )
    why = block(soup, "failed").select_one("details")
    assert text_of(why) == (
        "why $ psql -h db-1 -c 'select 1' -failed +psql: error: connection refused"
    )


def test_the_line_above_a_block(book: Book) -> None:
    html(book)
    soup = page(book)
    heads = {
        name: text_of(block(soup, name).select_one(".db-head"))
        for name in ("context", "confirm", "promote", "repoint", "failed")
    }
    assert heads["context"] == "on ops"
    assert heads["confirm"] == "on db-2 as postgresread"
    assert heads["promote"] == (
        "on db-2 as postgresdestructivepoint of no return:"
        " the old primary can only come back as a replica"
    )
    assert heads["repoint"] == "on appwriteundo: point-back"
    assert heads["failed"] == "on opsreadre-run until it matches, at most 20 s"
    link = block(soup, "repoint").select_one(".db-undo a")
    assert link is not None
    assert link["href"] == "#snippet-point-back"
    assert block(soup, "point-back")


def test_the_panel_of_a_drill(book: Book) -> None:
    html(book)
    soup = page(book)
    good, bad = soup.select(".db-drill")
    assert [text_of(row) for row in good.select("tr")] == [
        "Measureobjectivelocal",
        "Recovery time (RTO)15 minincludes 10 min for people✓ 4.2 s",
        "Writes lost (RPO)none✓ noneof 412 confirmed",
        "Duplicate writesnonenone",
        "Confirmed workrows 380, content 32",
        "Longest gap between writes4.4 s",
        "Control: without the write stepsstays down✓ stayed down",
    ]
    assert text_of(good.select_one(".db-drill-head")) == "Drill ✓ verified"
    assert text_of(good.select_one(".db-drill-fault")) == "Fault: kill db-1"
    assert text_of(good.select_one(".db-drill-run")) == (
        "local: 23 Nov 2026 14:05 UTC · commit 3f9c2d1e8a · postgresql 15.18"
        " · replaced by a stand-in: wordpress · measurements"
    )
    assert text_of(bad.select_one(".db-drill-head")) == (
        "Drill × failed recovery took 131.0 s: more than the 120 s aimed at"
    )
    assert "× 2 min 11 s" in text_of(bad)
    assert "not tried" in text_of(bad)


def test_the_line_of_a_page(book: Book) -> None:
    html(book)
    assert text_of(page(book).select_one("h1 + .db-page")) == (
        "owner database-on-call · last reviewed 20 Nov 2026; next due 20 Dec 2026 · 7 ✓ verified,"
        " 2 – skipped, 1 ≠ stale, 1 ? not run, 1 ! error, 1 × failed"
        " · drills: 1 ✓ verified, 1 × failed"
    )
    assert text_of(page(book, "runbooks/payments").select_one(".db-page")) == (
        "owner payments-on-call · last reviewed 20 Nov 2026; next due 20 Dec 2026 · 1 ≈ simulated"
    )
    assert text_of(page(book, "other").select_one(".db-page")) == (
        "owner editors · last reviewed 20 Nov 2026; next due 18 Feb 2027"
    )
    assert page(book, "index").select_one(".db-page") is None


def test_what_passed_on_a_simulated_service_is_not_called_verified() -> None:
    def line(*states: str) -> str:
        snippets = [SimpleNamespace(id=str(number)) for number, _ in enumerate(states)]
        marks: Any = {
            snippet.id: SimpleNamespace(
                state=state, when="2026-11-23T14:05:00Z", until="2026-12-23"
            )
            for snippet, state in zip(snippets, states, strict=True)
        }
        written: Any = SimpleNamespace(
            docname="page", owner="", last_reviewed="", review_cycle="",
            scenarios=[SimpleNamespace(snippets=snippets)],
        )  # fmt: skip
        return text_of(BeautifulSoup(panels.page_line(written, marks, {}), "html.parser"))

    when = "verified since 23 Nov 2026 14:05 UTC"
    assert line("verified", "verified") == f"all blocks {when}"
    assert line("verified", "simulated") == f"1 block {when} · 1 ≈ simulated"
    assert line("simulated") == "1 ≈ simulated"


def test_tables_over_the_whole_book(book: Book) -> None:
    html(book)
    drills, pages = page(book, "index").select(".db-table")
    assert [text_of(row) for row in drills.select("tbody tr")] == [
        "Primary lostkill db-1✓ verified5 min4.2 snonenone23 Nov 2026 14:05 UTClocal",
        "Connections exhaustedexhaust db-1× failed2 min2 min 11 snonenone"
        "23 Nov 2026 14:05 UTClocal",
    ]
    link = drills.select_one("tbody a")
    assert link is not None
    assert link["href"] == f"{FAILOVER}.html#drill-primary-lost"
    assert [text_of(row) for row in pages.select("tbody tr")] == [
        "Database failover7·21111–",
        "Payments·1·····23 Nov 2026 14:05 UTC",
        "All pages7121111",
    ]
    legend, masks, faults, oracles = page(book, "other").select(".db-table")
    assert len(legend.select("tbody tr")) == len(STATES)
    assert len(masks.select("tbody tr")) == len(MASKS)
    assert "kill HOST" in text_of(faults)
    assert [text_of(row) for row in oracles.select("tbody tr")] == [
        "writesA write is taken.db-1", "replicaA replica follows.db-2",
    ]  # fmt: skip


def test_the_drills_of_each_runbook_at_a_glance(book: Book) -> None:
    index = book.root / "source/index.md"
    text = index.read_text(encoding="utf-8")
    index.write_text(
        text.replace("```{drillbook-summary}\n", "```{drillbook-summary} glance\n"),
        encoding="utf-8",
    )
    html(book)
    (table,) = page(book, "index").select(".db-table")
    assert [text_of(row) for row in table.select("tbody tr")] == [
        "Database failover1·····12 min 11 s",
        "All drills1·····1",
        "All commands7121111",
    ]
    link = table.select_one("tbody a")
    assert link is not None
    assert link["href"] == f"{FAILOVER}.html"


def test_a_table_that_does_not_exist_is_an_error(book: Book) -> None:
    index = book.root / "source/index.md"
    index.write_text(index.read_text().replace("{drillbook-summary}", "{drillbook-summary} pages"))
    book.build("html")
    assert (
        "there is no table `pages`: write glance, drills, blocks, marks, catalogue" in book.warnings
    )


def test_every_evidence_link_leads_to_a_page_without_secrets(book: Book) -> None:
    html(book)
    out = book.root / "build/html"
    links = [(out / FAILOVER).parent / str(a["href"]) for a in page(book).select(".db-mark a")]
    assert len(links) == 11
    for link in links:
        text = link.resolve().read_text(encoding="utf-8")
        assert "[redacted]" in text
        soup = BeautifulSoup(text, "html.parser")
        back = soup.select_one("main > p > a")
        assert back is not None
        file, _, anchor = str(back["href"]).partition("#")
        assert (link.resolve().parent / file).resolve() == out / f"{FAILOVER}.html"
        assert page(book).find(id=anchor) is not None
        assert all(pre.get("tabindex") == "0" for pre in soup.select("pre"))
    assert not any("secret-value" in path.read_text() for path in out.rglob("*.html"))


def test_evidence_that_is_not_there_is_not_linked_and_counted(book: Book) -> None:
    gone = book.root / "build/evidence/local/runbooks/payments/page/simulated.json"
    gone.unlink()
    assert book.build("html") == 0
    assert "missing-evidence: 1 of 14 evidence files that the reports name are not in evidence" in (
        book.warnings
    )
    assert page(book, "runbooks/payments").select(".db-mark a") == []


def written(book: Book) -> dict[str, int]:
    return {
        name: (book.root / f"build/html/{name}.html").stat().st_mtime_ns
        for name in ("index", "other", FAILOVER, "runbooks/payments")
    }


def changed(book: Book, before: dict[str, int]) -> set[str]:
    """The pages that a build writes again; it must read none."""
    doctrees = sorted((book.root / "build/doctrees").rglob("*.doctree"))
    read = [path.stat().st_mtime_ns for path in doctrees]
    html(book)
    assert [path.stat().st_mtime_ns for path in doctrees] == read
    return {name for name, at in written(book).items() if at != before[name]}


def edit(book: Book, change: object) -> None:
    path = report.path_of(book.root / "build", "local")
    assert callable(change)
    report.write(change(report.read(path)), path)


def fail_payments(found: Report) -> Report:
    return replace(
        found,
        results=tuple(
            replace(r, status="failed", reason="no") if r.id.startswith("runbooks/payments") else r
            for r in found.results
        ),
    )


def test_only_pages_whose_marks_change_are_written_again_and_none_is_read(book: Book) -> None:
    html(book)
    before = written(book)
    assert changed(book, before) == set()
    edit(book, fail_payments)
    # The index has the table over all pages.
    assert changed(book, before) == {"runbooks/payments", "index"}
    payments = block(page(book, "runbooks/payments"), "simulated").select_one(".db-mark")
    assert text_of(payments).startswith("× failed")
    before = written(book)
    report.path_of(book.root / "build", "local").unlink()
    assert changed(book, before) == {FAILOVER, "runbooks/payments", "index"}
    assert text_of(block(page(book), "context").select_one(".db-mark")) == (
        "? not run · no run is known"
    )


def test_each_output_folder_knows_what_it_shows(book: Book) -> None:
    html(book)
    edit(book, fail_payments)
    assert book.build("html", outdir="second") == 0
    before = written(book)
    assert changed(book, before) == {"runbooks/payments", "index"}


def test_a_changed_page_loses_its_mark_before_any_new_run(book: Book) -> None:
    html(book)
    source = book.root / f"source/{FAILOVER}.md"
    source.write_text(source.read_text().replace("echo first", "echo  first"))
    html(book)
    assert text_of(block(page(book), "first-way").select_one(".db-mark")).startswith("≠ stale")
    assert text_of(block(page(book), "context").select_one(".db-mark")).startswith("✓ verified")


def test_two_processes_write_the_same_pages(book: Book) -> None:
    html(book)
    alone = {name: page(book, name).prettify() for name in ("index", FAILOVER)}
    assert book.build("html", parallel=2, outdir="html2") == 0
    assert {name: page(book, name, "html2").prettify() for name in alone} == alone


def test_one_file_has_the_marks_of_all_pages(book: Book) -> None:
    html(book)
    apart = [
        mark["data-state"]
        for name in ("index", FAILOVER, "runbooks/payments", "other")
        for mark in page(book, name).select(".db-mark, .db-drill")
    ]
    assert book.build("singlehtml") == 0
    one = page(book, "index", "singlehtml")
    assert [mark["data-state"] for mark in one.select(".db-mark, .db-drill")] == apart
    assert len(one.select(".db-page")) == 3
    ids = {str(tag["id"]) for tag in one.select("[id]")}
    undo = one.select_one(".db-undo a")
    assert undo is not None
    assert str(undo["href"]).removeprefix("#") in ids
    assert one.select(".db-mark a") == []


def test_a_block_of_a_page_with_errors_is_not_run(book: Book) -> None:
    source = book.root / "source/runbooks/payments.md"
    source.write_text(source.read_text().replace(":name: simulated", ":name: simulated\n:on: mars"))
    book.build("html")
    assert "unknown-host" in book.warnings
    source.write_text(source.read_text().replace(":on: mars", ":nonsense: 1"))
    book.build("html")
    mark = page(book, "runbooks/payments").select_one(".db-mark")
    assert text_of(mark) == "? not run · the page has errors, so nothing on it is run"


def test_other_builders_are_left_alone(book: Book) -> None:
    assert book.build("text") == 0
    text = (book.root / "build/text/runbooks/failover.txt").read_text()
    assert "psql" in text
    assert "verified" not in text


def test_a_damaged_report_stops_the_build(book: Book) -> None:
    path = report.path_of(book.root / "build", "local")
    path.write_text(path.read_text()[:1000])
    with pytest.raises(Exception, match="unreadable-report") as caught:
        book.build("html")
    assert isinstance(caught.value.__cause__ or caught.value, HarnessError)


def test_nothing_is_fetched_and_no_script_is_a_module(book: Book) -> None:
    html(book)
    for path in sorted((book.root / "build/html").rglob("*.html")):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for tag in soup.select("script, link[rel=stylesheet], img, iframe, object"):
            address = str(tag.get("src") or tag.get("href") or tag.get("data") or "")
            assert not re.match(r"(https?:)?//", address), address
            assert tag.get("type") != "module"
    for css in (book.root / "build/html/_static").rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", css.read_text()), css


def test_small_faults_of_theme_and_parser_are_mended(book: Book) -> None:
    html(book)
    for name in ("index", "other"):
        for heading in page(book, name).select("[role=heading]"):
            assert heading["aria-level"] == "2"
        labels = [str(aside["aria-label"]) for aside in page(book, name).select("aside")]
        assert labels == ["All pages", "On this page"]
    boxes = page(book, "other").select("input.task-list-item-checkbox")
    assert [box["aria-label"] for box in boxes] == ["done", "done"]


def test_what_is_written_is_noted_in_the_output_folder(book: Book) -> None:
    html(book)
    noted = json.loads((book.root / "build/html/.drillbook-marks.json").read_text())
    assert {name for name, digest in noted.items() if digest} == {
        FAILOVER, "runbooks/payments", "index", "other",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"), (0.004, "0.00 s"), (0.3123, "0.31 s"), (0.996, "1 s"), (4.213, "4.2 s"),
        (30, "30 s"), (59.96, "1 min"), (90, "1 min 30 s"), (900, "15 min"), (3600, "1 h"),
        (5400, "1 h 30 min"),
    ],
)  # fmt: skip
def test_durations_as_people_read_them(value: float, text: str) -> None:
    assert seconds(value) == text


def test_days_do_not_follow_the_machines_language() -> None:
    assert day("2026-03-01") == "1 Mar 2026"
    assert day("<soon>") == "&lt;soon&gt;"


def test_empty_tables_say_so() -> None:
    assert "has a drill yet" in tables.drill_table((), str)
    assert "blocks that are run yet" in tables.page_table((), {}, {}, str)


def test_of_a_long_difference_the_page_shows_both_ends() -> None:
    reason = "it printed something else\n  first\n" + "+line\n" * 20_000 + "  last\n"
    shown = panels.mark(Verification("a#b", "failed", reason, (), 0), lambda file: "")
    assert len(shown) < 10_000
    assert [word for word in ("first", "bytes left out", "last") if word not in shown] == []


def test_evidence_pages_are_beside_their_names() -> None:
    assert evidence_pages.page_of("local/a/b.json") == "local/a/b.html"
