"""What slows a reader is found on the page's own line, and code is not read."""

from __future__ import annotations

import pytest
from docutils import nodes
from docutils.utils import new_document
from sphinx import addnodes

from drillbook import prose


def found(*texts: nodes.Node) -> list[str]:
    document = new_document("page")
    for line, text in enumerate(texts, 10):
        text.line = line
        document += text
    read = list(prose.texts("docs/page", document))
    return [f"{each.path}:{each.line} {each.check}" for each in sorted(prose.findings(read))]


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ("Who was signed out may be in again.", "who-as-subject"),
        ("It is open. Whoever has the key reads everything.", "who-as-subject"),
        ("What was not applied is refused.", "what-as-subject"),
        ("Stop: nothing but a cache may go.", "nothing-but"),
        (" ".join(f"word{n}" for n in range(41)), "long-sentence"),
        ("It stays forever and for ever.", "archaism"),
        ("It is the the end.", "lexical_illusions"),
    ],
)
def test_a_turn_of_phrase_is_found(said: str, rule: str) -> None:
    assert found(nodes.paragraph(text="It is fine."), nodes.paragraph(text=said)) == [
        f"source/docs/page.md:11 {rule}"
    ]


@pytest.mark.parametrize(
    "said",
    [
        "Who decides?",
        "What each number means is in the list of defects.",
        " ".join(f"word{n}" for n in range(40)),
        "Signed-out users may have access again.",
    ],
)
def test_a_plain_sentence_is_not(said: str) -> None:
    assert found(nodes.paragraph(text=said)) == []


def test_code_and_lists_of_links_are_not_read() -> None:
    code = nodes.paragraph("", "Not ", nodes.literal(text="Who was out may be in."))
    titles = ", ".join(["a title of four words"] * 12)
    links = nodes.paragraph("", "Used on: ", addnodes.pending_xref("", nodes.Text(titles)))
    assert found(code, nodes.literal_block(text="for ever"), links) == []


def test_two_texts_that_begin_alike_repeat_nothing() -> None:
    assert found(nodes.paragraph(text="Start it"), nodes.paragraph(text="It starts.")) == []
