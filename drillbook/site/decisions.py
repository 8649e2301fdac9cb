"""The table of decisions, made from their records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from drillbook.decisions import record

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)


class Decisions(SphinxDirective):
    """`{drillbook-decisions}`: every record with its status and what holds it."""

    def run(self) -> list[nodes.Node]:
        """The table, or a sentence that there is none."""
        root = Path(self.env.app.confdir)
        for path in sorted((root / record.FOLDER).glob("ADR-*.md")):
            self.env.note_dependency(str(path))
        records = record.read_all(root)
        for error in (error for each in records for error in each.errors):
            place = f"{error.where}" if error.where else None
            logger.warning("%s", f"{error.code}: {error.message}", location=place)
        if not records:
            return [nodes.paragraph("", "No decision is recorded yet.")]
        lines = ["| Number | Decision | Status | Decided | Held by |", "|---|---|---|---|---|"]
        lines += [_row(each) for each in records]
        return self.parse_text_to_nodes("\n".join(lines))


def _row(each: record.Record) -> str:
    status = each.status + (f" by {each.successor}" if each.successor else "")
    tests = sum("::" in word for word in each.held_by)
    blocks = len(each.held_by) - tests
    held = [f"{count} {kind}{'s' * (count != 1)}"
            for count, kind in ((tests, "test"), (blocks, "block")) if count]  # fmt: skip
    return (
        f"| [{each.number}](/{each.docname}.md) | {each.title} | {status} | {each.decided or '–'} "
        f"| {', '.join(held)} |"
    )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directive."""
    app.add_directive("drillbook-decisions", Decisions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
