from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from bs4 import BeautifulSoup, Tag

from drillbook import clock, report
from drillbook.errors import HarnessError, PageError
from drillbook.site import pagination, paper, pdf, symptoms
from drillbook.site.wording import SYMBOLS, WORDS
from drillbook.verification import STATES
from tests import marks_sample
from tests.conftest import ROOT
from tests.test_marks import sample

try:
    import weasyprint
except OSError:  # no Pango
    weasyprint = None

needs_pango = pytest.mark.skipif(
    weasyprint is None and not os.environ.get("CI"), reason=f"needs {pdf.PACKAGES}"
)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder of the sample book, with its single-file HTML."""
    book = sample(tmp_path_factory.mktemp("pdf") / "book")
    marks_sample.write(book.root / "build", book.plan())
    assert book.build("singlehtml") == 0
    return book.root / "build"


@pytest.fixture
def epoch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795000000")
    yield


def text_of(boxes: Any) -> str:
    """All text that stands on laid-out pages."""
    found = []
    for page in boxes.pages:
        for box in page._page_box.descendants():
            if text := getattr(box, "text", ""):
                found.append(text)
    return re.sub(r"\s+(?=,)", "", re.sub(r"\s+", " ", " ".join(found)))


@pytest.fixture(scope="module")
def laid_out(build: Path) -> Any:
    """The sample book as WeasyPrint has laid it out."""
    html = build / "singlehtml"
    parts = paper.compose(html, report.read_all(build))
    with pagination.at_once(weasyprint):
        return pagination.lay_out(weasyprint, html, parts)


@pytest.fixture(scope="module")
def printed(laid_out: Any) -> str:
    """Its text."""
    return text_of(laid_out)


@needs_pango
def test_the_text_of_every_tab_is_on_paper_under_its_name(printed: str) -> None:
    for text in (
        "First way (alternative 1 of 2)", "echo first", "Second way (alternative 2 of 2)",
        "echo second",
    ):  # fmt: skip
        assert text in printed


@needs_pango
def test_every_state_is_on_paper(printed: str) -> None:
    for state in STATES:
        assert f"{SYMBOLS[state]} {WORDS[state]}" in printed
    for text in (
        "23 Nov 2026 14:05 UTC on local",
        "it printed something else",
        "+psql: error: connection refused",
        "point of no return:",
        "undo: point-back",
        "Fault: kill db-1",
        "✓ 4.2 s",
        "of 412 confirmed",
        "stayed down",
        "owner database-on-call",
    ):
        assert text in printed


@needs_pango
def test_long_code_is_wrapped_and_whole(printed: str) -> None:
    plain = printed.replace(" ", "")
    assert "replay_lagfrompg_stat_replicationwhereapplication_nameisnotnull" in plain


def test_a_link_to_another_page_and_a_long_word_are_known_on_paper(build: Path) -> None:
    soup = BeautifulSoup("".join(paper.compose(build / "singlehtml", ())), "html.parser")
    links = soup.select("a.internal")
    assert links
    for link in links:
        # To another chapter: its ids begin with another number.
        chapter = link.find_parent(class_="part")
        assert chapter is not None
        assert chapter.find(id=str(link["href"])[1:]) is None
    cell = BeautifulSoup(
        "<td><code><span>short</span> <span>a/b/c</span></code></td>", "html.parser"
    )
    cell.span.string = "x" * 27  # type: ignore[union-attr]
    paper._long_words(cell, cell)
    assert [each.has_attr("class") for each in cell.select("code, span")] == [False, True, False]


def test_what_paper_shows_like_its_surroundings_is_no_element_of_its_own() -> None:
    soup = BeautifulSoup(
        '<div><pre><span></span><span class="gp">$ </span>a<span class="w"> </span>b</pre>'
        "<table><tr><td><p>one <code><span class='pre'>two</span></code></p></td>"
        "<td><p>first</p><p>second</p></td></tr></table>"
        "<p><time>now</time><span class='db-sep'> · </span>"
        "<span class='std' id='x'>done</span></p></div>",
        "html.parser",
    )
    said = soup.get_text()
    paper._plain(soup, soup)
    assert soup.get_text() == said
    assert str(soup) == (
        '<div><pre><span class="gp">$ </span>a b</pre>'
        "<table><tr><td>one <code>two</code></td>"
        "<td><p>first</p><p>second</p></td></tr></table>"
        '<p>now · <span class="std" id="x">done</span></p></div>'
    )


@needs_pango
def test_a_former_address_does_not_part_a_heading_from_the_one_above() -> None:
    text = (
        "<section><h2>Act</h2><section><span id='1-look'></span><span id='look-first'></span>"
        "<h3>1. Look</h3><p>At it.</p></section></section>"
    )
    soup = BeautifulSoup(text, "html.parser")
    paper._headings(soup, cast("Tag", soup.section))
    assert str(soup) == (
        '<section><h1>Act</h1><section><h2><span id="1-look"></span><span id="look-first"></span>'
        "1. Look</h2><p>At it.</p></section></section>"
    )


def test_a_word_of_a_cell_is_broken_only_where_it_must() -> None:
    words = "append-only file is not there, the other host is a replica"
    spans = " ".join(f'<span class="pre">{word}</span>' for word in words.split())
    table = (
        f'<table style="width: 300px"><tr><td>Redis is gone, and another host is its master</td>'
        f"<td><code>{spans}</code></td></tr></table>"
    )
    style = weasyprint.CSS(filename=str(ROOT / "source/_static/print.css"))
    said = text_of(weasyprint.HTML(string=table).render(stylesheets=[style]))
    for word in words.split():
        assert f" {word}" in f" {said}"
    assert "fil e" not in said
    assert "replic a" not in said


@needs_pango
def test_cover_heads_and_page_numbers(printed: str) -> None:
    for text in (
        "Edition of 23 Nov 2026",
        "Run at commit 3f9c2d1e8a",
        "Blocks 7 ✓ verified, 1 ≈ simulated, 2 – skipped, 1 ≠ stale, 1 ? not run, 1 ! error,",
        "Drills 1 ✓ verified, 1 × failed",
        "Last run on local 2026-11-23 14:05 UTC, postgresql 15.18",
        "Sample, 23 Nov 2026, commit 3f9c2d1e8a",
    ):
        assert text in printed


def _number_behind(box: Any) -> int:
    return int(re.sub(r"\D", "", box.text))


@needs_pango
def test_contents_links_and_feet_name_the_page_that_it_is(laid_out: Any) -> None:
    where: dict[str, int] = {}
    for number, page in enumerate(laid_out.pages, 1):
        for anchor in page.anchors:
            where.setdefault(anchor, number)
    seen = {"contents": 0, "internal": 0}
    for number, page in enumerate(laid_out.pages, 1):
        feet = {
            margin.at_keyword: re.sub(r"\s+", " ", box.pango_layout.text).strip()
            for margin in page._page_box.children
            if getattr(margin, "at_keyword", "").startswith("@bottom")
            for box in margin.descendants()
            if getattr(box, "text", "")
        }
        # None on the cover.
        assert feet == (
            {}
            if number == 1
            else {
                "@bottom-left": "Sample, 23 Nov 2026, commit 3f9c2d1e8a",
                "@bottom-right": f"{number} of {len(laid_out.pages)}",
            }
        )
        for box in page._page_box.descendants():
            if not getattr(box, "text", "") or box.element_tag != "a::after":
                continue
            assert box.text == box.pango_layout.text
            href = box.element.get("href", "")
            if href.startswith("#") and re.search(r"\d", box.text):
                assert _number_behind(box) == where[href[1:]]
                inside = box.element.get("class") == "internal"
                assert re.fullmatch(r"\s*\(p\. \d+\)" if inside else r"\s*\d+", box.text)
                seen["internal" if inside else "contents"] += 1
    assert seen["contents"] > 5
    assert seen["internal"] > 1


@needs_pango
def test_numbers_get_a_digit_more_when_the_pages_need_it(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = build / "singlehtml"
    parts = paper.compose(html, ())
    monkeypatch.setattr(pagination, "_A_PAGE", 10**9)
    sheet = '<p style="break-after: page">a sheet</p>'
    with pagination.at_once(weasyprint):
        parts = [*parts, parts[-1].replace("</body>", f"{sheet * 9}</body>")]
        document = pagination.lay_out(weasyprint, html, [parts[0], parts[-1]])
    assert len(document.pages) > 9
    text = text_of(document)
    assert f"{len(document.pages)} of {len(document.pages)}" in text
    assert f" 2 of {len(document.pages)}" in text


@needs_pango
def test_the_file_is_whole_tagged_and_the_same_each_time(
    build: Path, tmp_path: Path, epoch: None
) -> None:
    one, two = (
        pdf.make(build / "singlehtml", tmp_path / name, build=build).read_bytes()
        for name in ("one.pdf", "two.pdf")
    )
    assert one.startswith(b"%PDF-")
    assert one == two
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.pdf", "two.pdf"]
    if tool := shutil.which("pdftotext"):
        run = subprocess.run(
            [tool, "-layout", str(tmp_path / "one.pdf"), "-"], capture_output=True, check=True
        )
        text = run.stdout.decode()
        for expected in ("echo first", "echo second", "Second way", "× FAILED", "≠ stale"):
            assert expected in text


@needs_pango
def test_bookmarks_follow_chapters_and_sections(laid_out: Any) -> None:
    tree = laid_out.make_bookmark_tree()
    assert [mark[0] for mark in tree] == [
        "Contents", "Sample book", "Database failover", "Payments", "Other page",
    ]  # fmt: skip
    assert [mark[0] for mark in tree[2][2]] == [
        "Look first", "Primary lost", "Connections exhausted",
    ]  # fmt: skip


def test_one_page_alone(build: Path) -> None:
    text = "".join(paper.compose(build / "singlehtml", (), only="runbooks/failover"))
    assert "<title>Database failover</title>" in text
    assert "echo simulated" not in text
    assert "Second way" in text
    with pytest.raises(PageError) as caught:
        paper.compose(build / "singlehtml", (), only="runbooks/none")
    assert str(caught.value) == (
        "unknown-page: the book has no page `runbooks/none`.\n  hint: It has index,"
        " runbooks/failover, runbooks/payments, other."
    )


def test_a_page_alone_is_what_it_is_in_the_whole(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = build / "singlehtml"
    assert paper.docnames(html) == ["runbooks/failover", "runbooks/payments", "other"]
    monkeypatch.setattr(clock, "text", lambda *_: "now")
    everything = (html / "index.html").read_text(encoding="utf-8")
    cut = {}
    for only in paper.docnames(html):
        assert len(paper._part(everything, only)) < len(everything) * 0.7
        cut[only] = re.sub(r"c\d+-", "c-", "".join(paper.compose(html, (), only=only)))
    monkeypatch.setattr(paper, "_part", lambda text, only: text)
    for only, text in cut.items():
        assert re.sub(r"c\d+-", "c-", "".join(paper.compose(html, (), only=only))) == text


def test_links_lead_to_places_that_are_printed_or_out(build: Path) -> None:
    for only in ("", "other", "runbooks/failover"):
        text = "".join(paper.compose(build / "singlehtml", (), only=only))
        ids = re.findall(r'\bid="([^"]+)"', text)
        assert len(ids) == len(set(ids))
        for address in re.findall(r'href="([^"]*)"', text):
            assert address.startswith("https://") or address.removeprefix("#") in ids, address
    whole = "".join(paper.compose(build / "singlehtml", ()))
    assert 'href="https://www.postgresql.org"' in whole


def test_nothing_of_the_screen_is_left(build: Path) -> None:
    text = "".join(paper.compose(build / "singlehtml", report.read_all(build)))
    for gone in ("<input", "<details", "<script", "headerlink", "sd-tab-label", "<button"):
        assert gone not in text
    assert text.count('class="box"') == 2


def test_a_book_that_is_not_built_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as caught:
        paper.compose(tmp_path, ())
    assert str(caught.value) == (
        f"{tmp_path.as_posix()}/index.html: no-single-html: there is no single-file HTML to print."
        "\n  hint: Build it first: python -m sphinx -c . -b singlehtml source build/singlehtml"
    )


@needs_pango
def test_a_link_that_leads_nowhere_is_an_error(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *parts, last = paper.compose(build / "singlehtml", ())
    last = last.replace("</body>", '<a href="#gone">x</a></body>')
    monkeypatch.setattr(paper, "compose", lambda *_, **__: [*parts, last])
    with pytest.raises(PageError) as caught:
        pdf.make(build / "singlehtml", tmp_path / "x.pdf", build=build)
    assert str(caught.value) == (
        "dead-anchor: the printed book is not whole:\nNo anchor #gone for internal URI reference"
    )
    assert list(tmp_path.iterdir()) == []


def test_without_pango_the_packages_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = __import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'\nAdditionally, ...")
        return real(name, *rest)

    monkeypatch.setattr("builtins.__import__", refuse)
    assert pdf.main(["--check"]) == 1
    monkeypatch.undo()
    assert capsys.readouterr().err == (
        "no-pango: WeasyPrint cannot load Pango, with which the PDF's text is set: cannot load"
        " library 'libpango-1.0-0'.\n  hint: On Debian and Ubuntu: sudo apt-get install"
        " libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0\n"
    )


def test_runbooks_are_known_by_their_folder() -> None:
    assert symptoms.is_runbook("runbooks/failover")
    assert symptoms.is_runbook("reliability/runbooks/publishing")
    assert not symptoms.is_runbook("docs/runbooks")


@needs_pango
def test_the_command_line_prints_the_book_and_each_runbook(
    build: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert pdf.main(["--check"]) == 0

    where = ["--html", str(build / "singlehtml"), "--build", str(build)]
    assert pdf.main([*where, "--out", str(tmp_path / "pdf")]) == 0
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.pdf")]
    assert sorted(files) == [
        "pdf/book.pdf", "pdf/runbooks/failover.pdf", "pdf/runbooks/payments.pdf",
    ]  # fmt: skip
    one = tmp_path / "one.pdf"
    assert pdf.main([*where, "--out", str(one), "--only", "runbooks/failover"]) == 0
    assert one.exists()
    capsys.readouterr()
    assert pdf.main([*where, "--out", str(one), "--only", "none"]) == 1
    assert "unknown-page" in capsys.readouterr().err
