"""A list that is run: each row a question, the block that answers it, what came of it and when."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from drillbook.site.summaries import METADATA, SummaryNode

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

CHECK = "check "
"""How a `SummaryNode` names the block whose mark and date it shows."""

_ROW = re.compile(r"(?P<block>[\w./-]+(?:#[\w-]+)?): (?P<asked>.*\S)\s*")


class Checks(SphinxDirective):
    """`{drillbook-checks}`: a line for each row, `block: what it shows`.

    A block is named as on this page, or with its page: `operations/tool#look`.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The table; its last column is filled when the page is written."""
        self.assert_has_content()
        docname = self.env.docname
        # Marks of blocks are shown beside the blocks themselves.
        self.env.metadata[docname][METADATA] = "yes"
        lines = ["| What is asked | Answered by, and when |", "|---|---|"]
        seen: set[str] = set()
        for line in self.content:
            match = _ROW.fullmatch(line)
            if match is None:
                raise self.error(f"this is no row: {line!r}; write `block: what it shows`")
            block = match["block"]
            id_ = block if "#" in block else f"{docname}#{block}"
            if id_ in seen:
                raise self.error(f"there are two rows for the block {id_}")
            seen.add(id_)
            lines.append(f"| {match['asked']} | `{CHECK}{id_}` |")
        table = self.parse_text_to_nodes("\n".join(lines))
        for cell in (each for node in table for each in node.findall(nodes.literal)):
            if cell.astext().startswith(CHECK):
                cell.replace_self(SummaryNode(what=cell.astext(), where=self.get_location()))
        return table


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directive."""
    app.add_directive("drillbook-checks", Checks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
