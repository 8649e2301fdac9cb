"""The Markdown beside each page says what the page says, marks included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from drillbook import clock
from drillbook.site import twins
from tests import marks_sample
from tests.test_marks import FAILOVER, sample


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sample book's site: a block of each state."""
    book = sample(tmp_path_factory.mktemp("twins") / "book")
    marks_sample.write(book.root / "build", book.plan(), {"local": clock.stamp()})
    assert book.build("html") == 0, book.warnings
    return book.root / "build/html"


def test_every_page_has_a_twin_and_says_so(html: Path) -> None:
    pages = sorted(
        path for path in html.rglob("*.html")
        if path.stem not in ("404", "search") and "evidence" not in path.parts
    )  # fmt: skip
    assert pages
    for path in pages:
        assert path.with_suffix(".md").is_file(), path
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        link = soup.select_one("link[rel=alternate][type='text/markdown']")
        assert link is not None
        assert link["href"] == f"{path.stem}.md"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("verified", r"✓ verified \(until \d+ \w+ \d{4}, then stale\)"),
        ("failed", "× failed"),
        ("stale", "≠ stale"),
        ("error", "! error"),
        ("skipped", r"– skipped \(until \d+ \w+ \d{4}, then stale\)"),
        ("not-run", r"\? not run"),
    ],
)
def test_a_mark_says_there_what_it_says_on_the_page(html: Path, name: str, said: str) -> None:
    text = (html / f"{FAILOVER}.md").read_text(encoding="utf-8")
    assert re.search(rf"^\*\*{said}\*\*", text, re.MULTILINE), name


def test_a_block_is_fenced_with_its_language_and_its_line_above(html: Path) -> None:
    text = (html / f"{FAILOVER}.md").read_text(encoding="utf-8")
    assert "```console\n$ " in text
    assert "<span" not in text


def test_content_becomes_markdown() -> None:
    body = (
        '<section><h2>Start<a class="headerlink" href="#start">#</a></h2>'
        '<p class="db-head"><span>on <b>db-1</b></span><span>write</span></p>'
        '<div class="highlight-console notranslate"><div class="highlight"><pre>'
        '<span></span><span class="gp">$ </span>echo <span class="s1">`x`</span>\n</pre>'
        "</div></div>"
        '<p hidden>later</p><p>See <a href="../a.html#b">a</a>, <a href="https://x.org/a.html">x</a>'
        '</p><div class="dg" role="img" aria-label="Two boxes."><svg><text>noise</text></svg></div>'
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>5 s<small>of 6</small></td></tr>"
        "</tbody></table></section>"
    )
    assert twins.of(body) == (
        "## Start\n\non **db-1**; write\n\n```console\n$ echo `x`\n```\n\n"
        "See [a](../a.md#b), [x](https://x.org/a.html)\n\n[Diagram: Two boxes.]\n\n"
        "| a |\n| --- |\n| 5 s (of 6) |\n"
    )


def test_the_list_names_every_page_once(html: Path) -> None:
    text = (html / twins.LIST).read_text(encoding="utf-8")
    twins_there = {path.relative_to(html).as_posix() for path in html.rglob("*.md")}
    listed = [line.split("](")[1].split(")")[0] for line in text.splitlines() if "](" in line]
    assert len(listed) == len(set(listed))
    assert {*listed, "index.md"} == {each for each in twins_there if "_sources" not in each}
