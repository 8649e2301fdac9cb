"""An address that was published stays, or leads to where its text is now."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from drillbook.site import anchors
from tests.conftest import ROOT
from tests.sphinx_book import DRILL, FRONT, Book, block

START = block("$ true", "name: start", "effect: write", "irreversible: it runs")
PAGE = f"{FRONT}\n# Down\n\n## Start it\n\n{DRILL}\n{START}\n## Start it\n\nTwice.\n"


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Two pages, one of them with a drill, whose addresses were all published."""
    made = Book(tmp_path)
    conf = (tmp_path / "conf.py").read_text()
    conf = conf.replace('.sphinx_ext"]', '.sphinx_ext", "drillbook.site.anchors"]')
    made.put(
        "conf.py",
        f'{conf}templates_path = ["{ROOT}/source/_templates"]\nmyst_heading_anchors = 3\n',
    )
    made.put("source/index.md", "# Book\n\n```{toctree}\ndown\n```\n")
    made.put("source/down.md", PAGE)
    made.build("html")
    assert made.warnings == ""
    assert publish(tmp_path) == 0
    return made


def publish(root: Path) -> int:
    return anchors.main(["--source", str(root / "source"), "--build", str(root / "build")])


def listed(book: Book) -> list[str]:
    return anchors.published(book.root / "source")


def test_pages_sections_and_drills_are_listed_by_names_that_stay(book: Book) -> None:
    assert listed(book) == [
        "down", "down#drill-primary-lost", "down#start-it", "down#start-it-1", "index",
    ]  # fmt: skip
    page = BeautifulSoup((book.root / "build/html/down.html").read_text(), "html.parser")
    for address in listed(book):
        anchor = address.partition("#")[2]
        assert not anchor or page.find(id=anchor) is not None


def test_a_list_only_grows(book: Book, capsys: pytest.CaptureFixture[str]) -> None:
    book.put("source/down.md", PAGE.replace("## Start it\n\nTwice", "## Look\n\nTwice"))
    book.put("source/moved.yaml", "down#start-it-1: down#look\n")
    book.build("html")
    assert book.warnings == ""
    capsys.readouterr()
    assert publish(book.root) == 0
    assert capsys.readouterr().out == "anchors.txt: 6 addresses, 1 of them new\n"
    assert {"down#start-it-1", "down#look"} <= set(listed(book))


@pytest.mark.parametrize("builder", ["html", "plan"])
def test_one_that_is_gone_without_a_word_is_an_error(book: Book, builder: str) -> None:
    book.put("source/down.md", PAGE.replace("## Start it\n\nTwice", "## Look\n\nTwice"))
    book.build(builder)
    assert "anchor-gone: `down#start-it-1` was published and no page has it." in re.sub(
        r"\s+", " ", book.warnings
    )
    assert "say in source/moved.yaml where readers find it now" in book.warnings


def test_a_drill_that_is_gone_is_an_error(book: Book) -> None:
    book.put("source/down.md", PAGE.replace("primary-lost", "primary-killed"))
    book.build("html")
    assert "`down#drill-primary-lost` was published" in book.warnings


def test_the_old_anchor_leads_to_the_new_place(book: Book) -> None:
    book.put("source/down.md", PAGE.replace("## Start it\n\nTwice", "## Look\n\nTwice"))
    book.put("source/moved.yaml", "down#start-it-1: index\n")
    book.build("html")
    assert book.warnings == ""
    page = BeautifulSoup((book.root / "build/html/down.html").read_text(), "html.parser")
    sign = page.find(id="start-it-1")
    assert sign is not None
    assert sign.get_text() == "This part has moved: Book"
    link = sign.find("a")
    assert link is not None
    assert link["href"] == "index.html"


def test_the_old_page_leads_to_the_new_one(book: Book) -> None:
    shutil.move(book.root / "source/down.md", book.root / "source/up.md")
    book.put("source/index.md", "# Book\n\n```{toctree}\nup\n```\n")
    lines = [f"{each}: {each.replace('down', 'up')}\n" for each in listed(book) if "down" in each]
    book.put("source/moved.yaml", "".join(lines))
    book.build("html")
    assert book.warnings == ""
    page = BeautifulSoup((book.root / "build/html/down.html").read_text(), "html.parser")
    refresh = page.select_one("meta[http-equiv=refresh]")
    assert refresh is not None
    assert refresh["content"] == "0; url=up.html"
    assert [link["href"] for link in page.select("a")] == ["up.html"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "down#gone: down#nowhere\n",
            "`down#gone` has moved to `down#nowhere`, which no page has.",
        ),
        ("down#start-it: index\n", "`down#start-it` is there, so it has not moved."),
        ("[a, b]\n", "each line says `old: new`, two addresses as in anchors.txt."),
        ("a: [\n", "this is no YAML"),
    ],
)
def test_a_move_that_cannot_be_is_an_error(book: Book, text: str, said: str) -> None:
    book.put("source/moved.yaml", text)
    book.build("html")
    assert f"source/moved.yaml: moved: {said}" in re.sub(r"\s+", " ", book.warnings)


def test_without_a_build_there_is_nothing_to_publish(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(tmp_path) == 3
    assert "no-anchors" in capsys.readouterr().err
