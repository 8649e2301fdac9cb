"""Each runbook also stands on one page: its parts' own text, under anchors of their own."""

from __future__ import annotations

from pathlib import Path

from bs4 import BeautifulSoup

from drillbook.site import whole
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


def test_a_runbook_of_the_book_is_written_whole_and_its_hub_leads_there(tmp_path: Path) -> None:
    book = Book(tmp_path)
    conf = (tmp_path / "conf.py").read_text()
    extension = '"drillbook.sphinx_ext", "drillbook.site.whole"]\nhtml_theme = "furo"'
    book.put("conf.py", conf.replace('"drillbook.sphinx_ext"]', extension))
    book.put("source/index.md", "# T\n\n```{toctree}\nrunbooks/db\n```\n")
    book.put("source/runbooks/db.md", "# Database\n\n```{toctree}\n:glob:\n\ndb/*\n```\n")
    book.put("source/runbooks/db/dead.md", "# It is dead\n\nStart it.\n")
    book.put("source/runbooks/db/slow.md", "# It is slow\n\nSee [dead](dead.md).\n")
    assert book.build("html") == 0, book.warnings
    assert book.warnings == ""
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
