"""What a page holds, counted in its doctree."""

from __future__ import annotations

from dataclasses import dataclass

from docutils import nodes
from sphinx import addnodes
from sphinxcontrib.mermaid import mermaid

from drillbook.pages.blocks import DrillNode


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of each kind one page has."""

    steps: int
    """Items of ordered lists and of task lists, and numbered step headings."""

    blocks: int
    """Code blocks."""

    diagrams: int
    tables: int
    references: int
    """References to other pages of the book."""

    words: int

    acts: bool = False
    """Whether it has a section of what to do: `ACT`."""

    drilled: bool = False
    """Whether it is one way out of one fault, with a drill."""


ACT = "Act"
"""Title of the section of a runbook's page in which something is done."""


def of(document: nodes.document) -> Counts:
    """The counts of one page."""
    return Counts(
        steps=sum(len(each) for each in document.findall(nodes.enumerated_list))
        + sum("task-list-item" in each["classes"] for each in document.findall(nodes.list_item))
        + sum(_numbered(each) for each in document.findall(nodes.strong))
        + sum(_numbered(each) for each in document.findall(nodes.title)),
        blocks=len(list(document.findall(nodes.literal_block))),
        diagrams=len(list(document.findall(mermaid))),
        tables=len(list(document.findall(nodes.table))),
        references=sum(
            each.get("reftype") in ("myst", "doc", "ref", "any")
            for each in document.findall(addnodes.pending_xref)
        ),
        words=len(document.astext().split()),
        acts=any(each.astext() == ACT for each in document.findall(nodes.title)),
        drilled=next(document.findall(DrillNode), None) is not None,
    )


def _numbered(node: nodes.Element) -> bool:
    first = node.astext().partition(" ")[0]
    return first.rstrip(".").isdecimal()
