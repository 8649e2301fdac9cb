"""Table headers that say something: an empty one is no header to whoever hears the page.

Markdown has no table without a header row. A header cell without text becomes an ordinary
cell, and a row of nothing else is left out
(https://dequeuniversity.com/rules/axe/4.11/empty-table-header).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.writers.html5 import HTML5Translator

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata


def _visit_head(self: HTML5Translator, node: nodes.thead) -> None:
    if not _says_something(node):
        raise nodes.SkipNode
    HTML5Translator.visit_thead(self, node)


def _depart_head(self: HTML5Translator, node: nodes.thead) -> None:
    HTML5Translator.depart_thead(self, node)


def _visit_entry(self: HTML5Translator, node: nodes.entry) -> None:
    HTML5Translator.visit_entry(self, node)
    if isinstance(node.parent.parent, nodes.thead) and not _says_something(node):
        self.body[-1] = self.body[-1].replace("<th", "<td", 1)
        self.context[-1] = self.context[-1].replace("</th", "</td", 1)


def _depart_entry(self: HTML5Translator, node: nodes.entry) -> None:
    HTML5Translator.depart_entry(self, node)


def _says_something(node: nodes.Element) -> bool:
    pictures = next(iter(node.findall(nodes.image)), None)
    return bool(node.astext().strip()) or pictures is not None


def setup(app: Sphinx) -> ExtensionMetadata:
    """Takes the place of Sphinx's own tables."""
    app.add_node(nodes.thead, override=True, html=(_visit_head, _depart_head))
    app.add_node(nodes.entry, override=True, html=(_visit_entry, _depart_entry))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
