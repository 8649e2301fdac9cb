from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from drillbook.errors import HarnessError, PageError
from drillbook.site import diagrams, drawing_size
from tests.sphinx_book import Book
from tests.test_marks import page, sample

FONT = Path(__file__).parent.parent / "source/_static" / diagrams.FONT
FLOW = "flowchart TD\n  A[Do writes fail?] -->|yes| B{Does db-1 answer?}\n"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("merman") is None, reason="no merman for this platform"
)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return sample(tmp_path / "book")


def put(book: Book, text: str) -> str:
    path = book.root / "source/other.md"
    path.write_text(f"# Other page\n\n## Marks\n\n{text}\n")
    book.build("html")
    return book.warnings


def test_a_diagram_is_drawn_in_the_page_in_the_themes_colours(book: Book) -> None:
    assert book.build("html") == 0
    assert book.warnings == ""
    drawing = page(book, "runbooks/failover").select_one('.dg[role="img"]')
    assert drawing is not None
    assert drawing["aria-label"] == "Which recovery to take"
    svg = drawing.select_one("svg")
    assert svg is not None
    assert "Does db-1" in drawing.get_text(" ")
    assert "var(--dg-ink,#1c2128)" in str(svg)
    assert "foreignObject" not in str(svg)
    # What is not a variable would stay as it is in the dark.
    shapes = re.findall(r"(?:fill|stroke):(#[0-9a-f]{3,6})[;}]", str(svg))
    assert {colour for colour in shapes if colour not in ("#000000", "#000")} == set()


def test_in_one_file_it_is_a_picture_in_the_colours_of_paper(book: Book) -> None:
    assert book.build("singlehtml") == 0
    picture = page(book, "index", "singlehtml").select_one("img.dg-picture")
    assert picture is not None
    assert picture["alt"] == "Which recovery to take"
    svg = (book.root / "build/singlehtml" / str(picture["src"])).read_text()
    assert "var(" not in svg
    assert "#1c2128" in svg


def test_all_colours_of_the_theme_are_variables_of_the_style_sheet() -> None:
    css = (FONT.parents[1] / "drillbook.css").read_text()
    for name in diagrams.COLOURS:
        assert f"--dg-{name}:" in css
    assert len(set(diagrams.COLOURS.values())) == len(diagrams.COLOURS)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("flowchart TD\n A[x --> B", "bad-diagram: Unterminated node label (missing `]`)"),
        ("nonsense", "bad-diagram: no Mermaid diagram detected"),
    ],
)
def test_a_diagram_that_does_not_parse_is_a_warning_with_its_place(
    book: Book, code: str, message: str
) -> None:
    warnings = put(book, f"```{{mermaid}}\n:caption: C\n\n{code}\n```")
    assert message in warnings
    assert re.search(r"source/other\.md:\d+: WARNING", warnings)
    with pytest.raises(PageError, match=re.escape(message.partition(": ")[2])):
        diagrams.draw(code, FONT)


def test_a_diagram_needs_a_text(book: Book) -> None:
    warnings = put(book, f"```{{mermaid}}\n{FLOW}```")
    assert "diagram-without-alt: a diagram needs `:alt:` or `:caption:`" in warnings
    assert "diagram-without-alt" not in put(book, f"```{{mermaid}}\n:alt: Flow\n\n{FLOW}```")


def test_the_same_text_is_the_same_drawing() -> None:
    assert diagrams.draw(FLOW, FONT) == diagrams.draw(FLOW, FONT)


def test_labels_are_measured_with_the_shipped_face() -> None:
    width = re.compile(r"max-width: ?([0-9.]+)px")
    narrow, wide = (
        float(width.findall(diagrams.draw(f"flowchart TD\n A[{text}]", FONT))[0])
        for text in ("i" * 14, "W" * 14)
    )
    assert wide > narrow + 60


def test_without_a_renderer_the_text_is_shown(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagrams, "merman", None)
    with pytest.raises(HarnessError, match="no-diagrams"):
        diagrams.draw(FLOW, FONT)
    assert book.build("html") == 0
    assert book.warnings == ""
    shown = page(book, "runbooks/failover").select_one("pre.dg-source")
    assert shown is not None
    assert "A[Do writes fail?] -->|yes| B" in shown.get_text()


def test_a_drawing_says_nothing_twice_and_all_of_its_labels() -> None:
    svg = diagrams.draw(FLOW + '  B -- "it does" --> C("start it")\n', FONT)
    labels = re.findall(r"<text [^>]*>([^<]+)</text>", svg)
    assert {"Do writes", "start it", "it does", "yes"} <= set(labels) | {"Do writes"}
    assert len(labels) == len(set(labels))
    assert "<use" not in svg
    assert "<symbol" not in svg
    assert svg.count("<marker") == 1
    assert "visibility:inherit" not in svg
    assert len(svg) < 14_000


def test_what_a_rounded_node_costs_a_reader() -> None:
    square, rounded = (
        len(diagrams.draw(f"flowchart TD\n A{label}", FONT)) for label in ("[x]", "(x)")
    )
    # The renderer draws `([x])` by hand, in 40,000 characters.
    assert rounded - square < 100


def test_a_drawing_with_links_is_no_picture(book: Book) -> None:
    link = '  click A href "failover.html"\n'
    assert put(book, f"```{{mermaid}}\n:alt: Flow\n\n{FLOW}{link}```") == ""
    drawing = page(book, "other").select_one(".dg")
    assert drawing is not None
    assert drawing["role"] == "group"
    assert drawing.select_one("[aria-hidden]") is None
    anchor = drawing.select_one("a")
    assert anchor is not None
    assert "failover.html" in str(anchor)
    assert "Do writes" in anchor.get_text()


def test_braces_in_a_label_are_no_rule_of_the_style_sheet() -> None:
    code = (
        "sequenceDiagram\n  autonumber\n  A->>B: POST /v1/content/{id}/publish\n"
        "  B->>C: locks and updates\n  C-->>B: event {id} of v1\n"
    )
    svg = diagrams.draw(code, FONT)
    assert "POST /v1/content/{id}/publish" in svg
    assert "locks and updates" in svg
    assert "event {id} of v1" in svg
    assert svg.count('marker-end="') == 3


def test_a_drawing_carries_nothing_that_changes_nothing() -> None:
    code = "sequenceDiagram\n  autonumber\n  A->>B: first\n  Note over B: looks\n  B-->>A: second\n"
    svg = diagrams.draw(code, FONT)
    sheet, drawn = (
        re.findall(r"<style>(.*?)</style>", svg)[0],
        re.sub("<style>.*?</style>", "", svg),
    )
    # What all messages have in common is said once.
    assert sheet.count("text.messageText{text-anchor:middle;dominant-baseline:middle;") == 1
    assert re.findall(r'<text [^>]*class="messageText"[^>]*>', drawn)[0].count("=") == 4
    # A rule of the sheet holds in place of such attributes.
    assert 'fill="#EDF2AE"' not in drawn
    assert set(re.findall(r' stroke="[^"]*"', drawn)) == set()
    # Names that nothing refers to.
    assert 'name="' not in drawn
    ids = re.findall(r' id="([^"]*)"', drawn)
    assert [each for each in ids[1:] if f"#{each})" not in drawn] == []
    classes = {name for each in re.findall(r'class="([^"]*)"', drawn) for name in each.split()}
    assert [name for name in classes if f".{name}" not in sheet] == []


def test_a_text_that_differs_from_its_kind_keeps_its_own_letters() -> None:
    svg = (
        '<svg id="dg-1"><style>#dg-1 .a{fill:red;stroke-width:1px;}</style>'
        '<text class="a" fill="blue" text-anchor="middle" style="font-size:16px">x</text>'
        '<text class="a" text-anchor="end" style="font-size:16px;fill:green">y</text>'
        '<rect class="a b" name="n" stroke-width="2" fill="blue" rx="3"/></svg>'
    )
    assert drawing_size.reduced(svg) == (
        '<svg id="dg-1"><style>#dg-1 .a{fill:red;stroke-width:1px;}#dg-1 text.a{font-size:16px}'
        '</style><text class="a" text-anchor="middle">x</text>'
        '<text class="a" text-anchor="end" style="fill:green">y</text>'
        '<rect class="a" rx="3"/></svg>'
    )
