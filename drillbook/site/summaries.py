"""The directives for tables that are made and not written: of results, masks, faults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from drillbook import consistency
from drillbook.drills import kit
from drillbook.sandboxes.stack import COMPOSE_FILE
from drillbook.site import tables
from drillbook.snippets import masks

if TYPE_CHECKING:
    from sphinx.application import Sphinx

METADATA = "drillbook-summary"
"""Key of a page's metadata that says that it shows results of other pages."""

KINDS = ("glance", "drills", "blocks", "marks", "catalogue", "symptoms")


class SummaryNode(nodes.General, nodes.Element):
    """Where a table over the whole book goes; `what` is one of `KINDS`."""


class Summary(SphinxDirective):
    """`{drillbook-summary} glance`, `drills`, `blocks`, `marks`, `catalogue` or `symptoms`; without
    a word, `drills blocks`.
    """

    optional_arguments = 2
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Leaves a place for each table, filled when the page is written."""
        wanted = " ".join(self.arguments).split() or ["drills", "blocks"]
        for word in wanted:
            if word not in KINDS:
                raise self.error(f"there is no table `{word}`: write {', '.join(KINDS)}")
        if wanted != ["marks"]:
            # Sphinx itself clears, merges and keeps metadata with its page.
            self.env.metadata[self.env.docname][METADATA] = "yes"
        return [
            nodes.raw("", tables.legend(), format="html")
            if word == "marks"
            else SummaryNode(what=word)
            for word in wanted
        ]


class _Declared(SphinxDirective, ABC):
    """A table made from the declarations themselves, so that it cannot lag behind."""

    source: ClassVar[str | None] = None
    label: ClassVar[str]
    names: ClassVar[tuple[str, ...]]

    def run(self) -> list[nodes.Node]:
        """The table."""
        if self.source:
            self.env.note_dependency(self.source)
        return [nodes.raw("", tables.declared(self.names, self.rows(), self.label), format="html")]

    @abstractmethod
    def rows(self) -> Iterable[Sequence[str]]:
        """The cells of each row; text in backquotes is code."""


class Masks(_Declared):
    """`{drillbook-masks}`: every mask."""

    source = masks.__file__
    label = "Masks"
    names = ("Mask", "Stands for", "Matches", "Does not match")

    def rows(self) -> Iterable[Sequence[str]]:
        """A row for each mask, with some of its examples."""
        for mask in masks.MASKS:
            yield f"<{mask.name}>", mask.meaning, _some(mask.examples), _some(mask.counter_examples)


class _FromStack(_Declared):
    """A table of what the stack brings for drills."""

    @property
    def root(self) -> Path:
        """The project's folder."""
        return Path(self.env.app.confdir)

    @property
    def kit(self) -> kit.Kit:
        """The stack's kit; the page is read again when that changes."""
        book = consistency.stack_of(self.root)
        self.env.note_dependency(str(self.root / COMPOSE_FILE))
        for folder in book.python_path:
            for file in sorted(Path(folder).rglob("*.py")):
                self.env.note_dependency(str(file))
        return kit.load(book)


class Faults(_FromStack):
    """`{drillbook-faults}`: every fault that a drill may name."""

    label = "Faults"
    names = ("Fault", "What really happens", "It changes")

    def rows(self) -> Iterable[Sequence[str]]:
        """A row for each fault."""
        for fault in self.kit.faults.values():
            yield " ".join((fault.name, *fault.arguments)), fault.help, fault.changes


class Oracles(_FromStack):
    """`{drillbook-oracles}`: everything that may decide whether users are served."""

    label = "Oracles"
    names = ("Oracle", "Users are served when", "Services whose loss it notices")

    def rows(self) -> Iterable[Sequence[str]]:
        """A row for each oracle of the stack."""
        services = consistency.stack_of(self.root).services.values()
        for oracle in self.kit.oracles.values():
            noticed = (f"`{each.name}`" for each in services if each.noticed_by == oracle.name)
            yield oracle.name, oracle.help, ", ".join(noticed)


def setup_summaries(app: Sphinx) -> None:
    """Registers the directives."""
    app.add_node(SummaryNode)
    app.add_directive("drillbook-summary", Summary)
    app.add_directive("drillbook-masks", Masks)
    app.add_directive("drillbook-faults", Faults)
    app.add_directive("drillbook-oracles", Oracles)


def _some(values: Sequence[str]) -> str:
    return ", ".join(f"`{value}`" for value in values[:3])
