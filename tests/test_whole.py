"""Each runbook also stands on one page: its parts' own text, under anchors of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from drillbook.errors import HarnessError
from drillbook.site import offered, whole
from tests.sphinx_book import Book

BODIES = {
    "runbooks/db": '<section id="db"><h1>Database</h1><a href="db/dead.html#act">dead</a>'
    '<a href="../index.html">start</a><img src="../_images/x.png"></section>',
    "runbooks/db/dead": '<section id="dead"><h2 id="act">Act</h2><a href="#act">here</a>'
    '<a href="../db.html">hub</a><a href="https://example.org/a">out</a>'
    '<label for="tab" aria-labelledby="act dead">t</label><input id="tab" name="tabs">'
    '<svg id="dg-1"><path id="p"/><use href="#p"/><a xlink:href="slow.html#act">s</a></svg>'
    "</section>",
    "runbooks/db/slow": '<h2 id="act">Act</h2><a href="../../reference/hosts.html#a">hosts</a>',
}


def test_names_are_each_parts_own_and_links_stay_on_the_page() -> None:
    text = whole.compose("runbooks/db", BODIES)
    soup = BeautifulSoup(text, "html.parser")
    ids = [str(each["id"]) for each in soup.select("[id]")]
    assert len(ids) == len(set(ids))
    links = {each.get_text(): each.get("href") for each in soup.select("a")}
    assert links == {
        "dead": "#dead--act",
        "start": "../../index.html",
        "here": "#dead--act",
        "hub": "#db",
        "out": "https://example.org/a",
        "s": None,
        "hosts": "../../reference/hosts.html#a",
    }
    assert 'xlink:href="#slow--act"' in text
    assert '<use href="#p"/>' in text
    assert 'src="../../_images/x.png"' in text
    assert 'for="dead--tab" aria-labelledby="dead--act dead--dead"' in text
    assert '<input id="dead--tab" name="dead--tabs">' in text


def runbook(tmp_path: Path) -> Book:
    book = Book(tmp_path)
    conf = (tmp_path / "conf.py").read_text()
    extension = '"drillbook.sphinx_ext", "drillbook.site.whole"]\nhtml_theme = "furo"'
    book.put("conf.py", conf.replace('"drillbook.sphinx_ext"]', extension))
    book.put("source/index.md", "# T\n\n```{toctree}\nrunbooks/db\nrunbooks/unknown\n```\n")
    book.put("source/runbooks/db.md", "# Database\n\n```{toctree}\n:glob:\n\ndb/*\n```\n")
    book.put("source/runbooks/db/dead.md", "# It is dead\n\nStart it.\n")
    book.put("source/runbooks/db/slow.md", "# It is slow\n\nSee [dead](dead.md).\n")
    book.put("source/runbooks/unknown.md", "# Nobody knows\n\nAsk.\n")
    assert book.build("html") == 0, book.warnings
    assert book.warnings == ""
    return book


def test_a_runbook_of_the_book_is_written_whole_and_its_hub_leads_there(tmp_path: Path) -> None:
    runbook(tmp_path)
    html = tmp_path / "build/html/runbooks"
    assert 'href="db/whole.html"' in (html / "db.html").read_text()
    page = BeautifulSoup((html / "db/whole.html").read_text(), "html.parser")
    article = page.select_one("article")
    assert article is not None
    assert [each.get_text().strip("¶") for each in article.select("h1")] == [
        "Database", "It is dead", "It is slow",
    ]  # fmt: skip
    assert [str(each["href"]) for each in page.select(".toc-tree ul ul a")] == [
        "#db", "#dead", "#slow",
    ]  # fmt: skip


def links_of(html: Path) -> dict[str, list[str]]:
    """Where each page's links lead that end in .pdf, seen from the site's folder."""
    found = {}
    for page in sorted(html.rglob("*.html")):
        soup = BeautifulSoup(page.read_text(), "html.parser")
        links = [str(a["href"]) for a in soup.select("a[href$='.pdf']")]
        targets = [(page.parent / link).resolve() for link in links]
        assert [target for target in targets if not target.is_file()] == []
        found[page.relative_to(html).as_posix()] = [
            target.relative_to(html.resolve()).as_posix() for target in targets
        ]
    return {page: links for page, links in found.items() if links}


def test_a_hub_leads_to_its_pdf_once_it_is_printed_and_never_elsewhere(tmp_path: Path) -> None:
    book = runbook(tmp_path)
    html, printed = tmp_path / "build/html", tmp_path / "build/pdf"
    assert links_of(html) == {}
    (printed / "runbooks").mkdir(parents=True)
    (printed / "book.pdf").write_bytes(b"%PDF" * 600)
    (printed / "runbooks/db.pdf").write_bytes(b"%PDF")
    (printed / "runbooks/new.pdf").write_bytes(b"%PDF")
    (printed / "runbooks/unknown.pdf").write_bytes(b"%PDF")
    wanted = [
        ("", printed / "book.pdf"),
        ("runbooks/db", printed / "runbooks/db.pdf"),
        ("runbooks/new", printed / "runbooks/new.pdf"),
        ("runbooks/unknown", printed / "runbooks/unknown.pdf"),
    ]
    told = {
        "index.html": ["_pdf/book.pdf"],
        "runbooks/db.html": ["_pdf/runbooks/db.pdf"],
        "runbooks/unknown.html": ["_pdf/runbooks/unknown.pdf"],
    }
    assert offered.offer(html, wanted) == list(told)
    assert links_of(html) == told
    assert "(3 kB)" in (html / "index.html").read_text()
    # Printed again: one link, the new file.
    (printed / "book.pdf").write_bytes(b"%PDF" * 1000)
    offered.offer(html, wanted)
    assert links_of(html) == told
    assert (html / "_pdf/book.pdf").read_bytes() == b"%PDF" * 1000
    assert "(4 kB)" in (html / "index.html").read_text()
    # A page that is written anew leads nowhere until the next time.
    book.put(
        "source/runbooks/db.md", (tmp_path / "source/runbooks/db.md").read_text() + "\nMore.\n"
    )
    assert book.build("html") == 0, book.warnings
    assert "runbooks/db.html" not in links_of(html)


def test_without_a_site_or_a_place_nothing_is_linked(tmp_path: Path) -> None:
    file = tmp_path / "book.pdf"
    file.write_bytes(b"%PDF")
    assert offered.offer(tmp_path / "html", [("", file)]) == []
    assert not (tmp_path / "html").exists()
    (tmp_path / "html").mkdir()
    (tmp_path / "html/index.html").write_text("<p>old</p>")
    with pytest.raises(HarnessError) as caught:
        offered.offer(tmp_path / "html", [("", file)])
    assert str(caught.value) == (
        "no-place: index.html keeps no place for the link to its PDF.\n"
        "  hint: Build the site again: nox -s docs"
    )
    assert [path.name for path in (tmp_path / "html").iterdir()] == ["index.html"]
