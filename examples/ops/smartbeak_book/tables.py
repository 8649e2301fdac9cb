"""Tables of text and nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from docutils import nodes

Cell = str | nodes.Node


def table(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> nodes.table:
    """A table of text and nodes."""
    group = nodes.tgroup(cols=len(heads))
    group += [nodes.colspec(colwidth=1) for _ in heads]
    group += nodes.thead("", _row(heads))
    group += nodes.tbody("", *(_row(row) for row in rows))
    return nodes.table("", group)


def _row(cells: Sequence[Cell]) -> nodes.row:
    made = nodes.row()
    for cell in cells:
        inner = nodes.Text(cell) if isinstance(cell, str) else cell
        made += nodes.entry("", nodes.paragraph("", "", inner))
    return made
