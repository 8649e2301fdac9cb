"""What a page says in sections and tables, with the line of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.front_matter import front_matter_plugin


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    cells: Mapping[str, str]
    """Text by heading."""

    line: int
    """1-based line in the page."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the second level with what stands under it."""

    title: str
    line: int
    text: str
    """Paragraphs and list items, joined by newlines, without tables."""

    rows: tuple[Row, ...] = ()
    """Rows of all its tables."""


@dataclass(slots=True)
class _Open:
    title: str
    line: int
    text: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def sections(text: str) -> dict[str, Section]:
    """The sections of the second level of a page, by title, in order.

    Args:
        text: The whole page.
    """
    tokens = MarkdownIt("commonmark").enable("table").use(front_matter_plugin).parse(text)
    found: list[_Open] = []
    at, end = 0, len(tokens)
    while at < end:
        token = tokens[at]
        if token.type == "heading_open" and token.tag == "h2":
            found.append(_Open(tokens[at + 1].content, _line(token)))
            at += 2
        elif token.type == "table_open" and found:
            stop = next(i for i in range(at, end) if tokens[i].type == "table_close")
            found[-1].rows += _rows(tokens[at:stop])
            at = stop
        elif token.type == "inline" and found:
            found[-1].text.append(token.content)
        at += 1
    return {
        each.title: Section(each.title, each.line, "\n".join(each.text), tuple(each.rows))
        for each in found
    }


def _rows(tokens: Sequence[Token]) -> Iterator[Row]:
    headings: list[str] = []
    cells: list[str] = []
    line = 0
    for number, token in enumerate(tokens):
        if token.type == "th_open":
            headings.append(tokens[number + 1].content.strip())
        elif token.type == "tr_open":
            cells, line = [], _line(token)
        elif token.type == "td_open":
            cells.append(tokens[number + 1].content.strip())
        elif token.type == "tr_close" and cells:
            yield Row(dict(zip(headings, cells, strict=False)), line)


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0
