"""The platform's defects that the reference platform has mended, as a table of the book."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from drillbook import consistency
from drillbook.sandboxes.stack import COMPOSE_FILE
from drillbook.site import tables

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

HEADINGS = ("Number", "What the platform does, and what is mended here")


class Defects(SphinxDirective):
    """`{drillbook-defects}`: every number that `needs-fix` may name."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        root = Path(self.env.app.confdir)
        book = consistency.stack_of(root)
        for file in (str(root / COMPOSE_FILE), book.defects):
            self.env.note_dependency(file)
        rows = sorted(consistency.defects(book).items(), key=lambda row: int(row[0]))
        return [nodes.raw("", tables.declared(HEADINGS, rows, "Defects"), format="html")]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directive."""
    app.add_directive("drillbook-defects", Defects)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
