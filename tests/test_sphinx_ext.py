"""The Sphinx front: domain data, the plan builder, and what HTML shows."""

from __future__ import annotations

import json
import os
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from docutils import nodes

from drillbook import plan
from drillbook.pages.blocks import ID
from drillbook.pages.options import DRILL_OPTIONS, SNIPPET_OPTIONS
from tests.sphinx_book import DRILL, FRONT, Book, block, snippets_of

ORPHAN = FRONT.replace("---\n", "---\norphan: true\n", 1)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def many(book: Book, count: int = 12) -> None:
    book.page("Start.\n")
    for number in range(count):
        book.page(f"## Part\n\n{block(f'$ echo {number}')}", f"part-{number}", front=ORPHAN)


def test_two_reading_processes_make_the_same_plan(tmp_path: Path) -> None:
    written: list[bytes] = []
    for parallel in (1, 2):
        book = Book(tmp_path / "book")
        many(book)
        assert book.build(parallel=parallel) == 0, book.warnings
        written.append((book.root / plan.FILE).read_bytes())
        (tmp_path / "book").rename(tmp_path / f"book-{parallel}")
    assert written[0] == written[1]
    assert len(json.loads(written[0])["pages"]) == 13


def test_an_unchanged_page_is_not_read_again(book: Book) -> None:
    many(book, 3)
    before = book.plan()
    book.page(block("$ echo new"), "part-1", front=ORPHAN)
    doctrees = {
        path: path.stat().st_mtime_ns for path in book.root.glob("build/doctrees/*.doctree")
    }
    after = book.plan()
    read = [path.stem for path, age in doctrees.items() if path.stat().st_mtime_ns != age]
    assert read == ["part-1"]
    changed = [
        new.docname for old, new in zip(before.pages, after.pages, strict=True) if old != new
    ]
    assert changed == ["part-1"]


def test_a_page_that_goes_takes_its_snippets_along(book: Book) -> None:
    many(book, 3)
    book.plan()
    (book.root / "source/part-1.md").unlink()
    assert [page.docname for page in book.plan().pages] == ["index", "part-0", "part-2"]


def test_a_page_without_snippets_needs_no_front_matter(book: Book) -> None:
    book.page("Text, `code` and\n\n```toml\na = 1\n```\n", front="")
    assert book.plan().pages == ()


def test_a_page_without_snippets_may_have_an_owner(book: Book) -> None:
    book.page("Text.\n")
    (page,) = book.plan().pages
    assert (page.owner, page.scenarios) == ("docs", ())


def test_a_page_with_snippets_needs_all_of_it(book: Book) -> None:
    book.page(block("$ true"), front="")
    assert book.codes() == [("front-matter", 1)] * 4


def test_front_matter_that_does_not_parse(book: Book) -> None:
    book.page("Text.\n", front="---\nowner: a: b\n---\n")
    assert book.codes() == [("front-matter", 2)]
    assert "source/index.md:2: WARNING: front-matter: The front matter is not YAML" in book.warnings


def test_unknown_services_and_hosts(book: Book) -> None:
    front = FRONT.replace("[db-1]", "[db-1, db-9]")
    book.page(block("$ true", "on: db-8") + "\n" + block("$ true", "on: redis-1"), front=front)
    assert book.codes() == [("unknown-service", 5), ("unknown-host", 10), ("unknown-host", 16)]


def test_the_stack_is_looked_at_without_reading_pages_again(book: Book) -> None:
    book.page(block("$ true", "on: db-1"))
    book.plan()
    book.put("examples/compose.yaml", "services: {ops: {}}\n")
    assert book.codes() == [("unknown-service", 5)]


def test_a_stack_that_cannot_be_read_is_one_error_and_not_one_of_each_page(book: Book) -> None:
    book.page(block("$ true", "on: db-1"))
    book.put("examples/compose.yaml", "services:\n  db-1: {x-drillbook: {logs: /x}}\n")
    book.build()
    (error,) = book.errors
    assert str(error).startswith(
        "examples/compose.yaml: bad-stack: ValueError: x-drillbook of db-1 has no `logs`: its keys "
    )


def test_errors_are_said_in_every_build_until_they_are_mended(book: Book) -> None:
    page = book.page("```sh\nls\n```\n")
    for _ in range(2):
        assert book.build() == 1
        assert book.warnings.splitlines() == [
            f"{page}:10: WARNING: hidden-executable: A block labelled `sh` would not be run.",
            "  hint: Label it `console` (commands after `$ `), `bash` (a script) or `python`. "
            "[drillbook.hidden-executable]",
            "ERROR: no plan: errors in the pages: 1 [drillbook]",
        ]
        assert not (book.root / plan.FILE).exists()
    assert book.build("html") == 0
    assert "[drillbook.hidden-executable]" in book.warnings
    book.page("```bash\nls\n```\n")
    assert book.build() == 0
    assert book.warnings == ""
    assert book.errors == []


def test_a_wrong_page_leaves_no_new_plan(book: Book) -> None:
    book.page(block("$ true"))
    book.plan()
    before = (book.root / plan.FILE).read_bytes()
    book.page("```sh\nls\n```\n")
    assert book.build() == 1
    assert (book.root / plan.FILE).read_bytes() == before
    assert plan.load_current(book.root) is None


def test_every_rendered_block_carries_the_id_of_its_snippet(tmp_path: Path) -> None:
    book = Book.copy("shapes", tmp_path)
    found = {snippet.id for snippet in snippets_of(book.plan()).values()}
    doctree = book.app.env.get_doctree("index")
    rendered = [node[ID] for node in doctree.findall(nodes.literal_block) if node.get(ID)]
    assert sorted(rendered) == sorted(found)
    assert len(rendered) == 32


LATE = """
from docutils import nodes

def late(app, document):
    if CONDITION:
        block = nodes.literal_block("ls", "ls", language="bash")
        CHANGE

def setup(app):
    app.connect(EVENT)
"""
ADD = "document.children[0] += block"
REMOVE = "next(document.findall(nodes.literal_block)).replace_self([])"


@pytest.mark.parametrize("change", [ADD, REMOVE])
def test_a_block_that_is_lost_after_reading_fails_the_plan(book: Book, change: str) -> None:
    book.page(block("$ true"))
    conf = (book.root / "conf.py").read_text("utf-8")
    late = LATE.replace("CONDITION", "True").replace("CHANGE", change)
    book.put("conf.py", conf + late.replace("EVENT", '"doctree-read", late, priority=900'))
    for _ in range(2):
        assert book.build() == 1
        (error,) = book.errors
        assert error.code == "lost-block"
        assert error.message.startswith("The page shows")


@pytest.mark.parametrize("change", [ADD, REMOVE])
def test_a_block_that_is_lost_while_writing_is_said(book: Book, change: str) -> None:
    book.page(block("$ true"))
    conf = (book.root / "conf.py").read_text("utf-8")
    late = LATE.replace("(app, document)", "(app, document, docname)")
    late = late.replace("CONDITION", "True").replace("CHANGE", change)
    book.put("conf.py", conf + late.replace("EVENT", '"doctree-resolved", late, priority=100'))
    book.build("html")
    assert "[drillbook.lost-block]" in book.warnings


def test_html_shows_what_the_plan_has_read(book: Book) -> None:
    """An include that changed before the plan was made must change in the HTML too."""
    part = book.put("source/fragments/part.md", "```bash\necho old\n```\n")
    book.page("```{include} fragments/part.md\n```\n")
    book.page("Other.\n", "other", front=ORPHAN)
    html = book.root / "build/html/index.html"
    assert book.build("html") == 0
    other = (book.root / "build/html/other.html").stat().st_mtime_ns
    part.write_text("```bash\necho new\n```\n", "utf-8")
    _later(part)
    assert snippets_of(book.plan())["title-1"].text == "echo new\n"
    assert "new" not in html.read_text("utf-8")
    assert book.build("html") == 0
    assert "new" in html.read_text("utf-8")
    assert (book.root / "build/html/other.html").stat().st_mtime_ns == other


def test_html_reads_nothing_after_the_plan(book: Book) -> None:
    many(book, 3)
    book.plan()
    doctrees = {
        path: path.stat().st_mtime_ns for path in book.root.glob("build/doctrees/*.doctree")
    }
    assert book.build("html") == 0, book.warnings
    assert all(path.stat().st_mtime_ns == age for path, age in doctrees.items())
    written = {path: path.stat().st_mtime_ns for path in book.root.glob("build/html/part-*.html")}
    assert len(written) == 3
    assert book.build("html") == 0
    assert all(path.stat().st_mtime_ns == age for path, age in written.items())


def _later(path: Path) -> None:
    # The clock of a file system may be coarser than two steps of a test.
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 2_000_000_000))


@pytest.mark.parametrize("builder", ["html", "singlehtml", "text"])
def test_a_drill_shows_nothing_by_itself_in_any_format(book: Book, builder: str) -> None:
    book.page(f"## Lost\n\n{DRILL}\n" + block("$ true", "name: a", "effect: read"))
    assert book.build(builder) == 0, book.warnings
    assert book.warnings == ""


@pytest.mark.parametrize(
    ("argument", "table"),
    [("", SNIPPET_OPTIONS), ("snippet", SNIPPET_OPTIONS), ("drill", DRILL_OPTIONS)],
)
def test_the_options_reference_is_the_table(book: Book, argument: str, table: Any) -> None:
    book.page(f"```{{drillbook-options}} {argument}\n```\n", front="")
    assert book.build("html") == 0, book.warnings
    html = (book.root / "build/html/index.html").read_text("utf-8")
    (found,) = re.findall(r'<table class="drillbook-options.*?</table>', html, re.DOTALL)
    rows = re.findall(r"<tr.*?</tr>", found, re.DOTALL)[1:]
    shown = [[_text(cell) for cell in re.findall(r"<td>.*?</td>", row, re.DOTALL)] for row in rows]
    assert [cells[0] for cells in shown] == [option.name for option in table]
    assert [cells[3] for cells in shown] == [option.help.replace("`", "") for option in table]
    assert [cells[4] for cells in shown] == [option.example for option in table]


def _text(cell: str) -> str:
    # Sphinx makes quotes typographic.
    return unescape(re.sub(r"<[^>]+>", "", cell)).strip().replace("\u2019", "'")


def test_the_options_reference_of_something_else(book: Book) -> None:
    book.page("```{drillbook-options} nothing\n```\n", front="")
    book.build("html")
    assert "options are those of a snippet or a drill, not 'nothing'" in book.warnings


def test_sphinxs_own_options_still_work(book: Book) -> None:
    book.page(block("$ true", "caption: A caption", "emphasize-lines: 1", "class: wide"))
    assert book.build("html") == 0
    assert book.warnings == ""
    html = (book.root / "build/html/index.html").read_text("utf-8")
    assert "A caption" in html
    assert "wide" in html


def test_a_snippets_name_can_be_linked_to(book: Book) -> None:
    book.page("See [it](#context).\n\n" + block("$ true", "name: context"))
    assert book.build("html") == 0
    assert book.warnings == ""
    html = (book.root / "build/html/index.html").read_text("utf-8")
    assert 'href="#context"' in html
    assert 'id="context"' in html
