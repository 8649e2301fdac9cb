"""The tree of all pages that stands beside each page, put together once for a build.

Sphinx puts it together anew for each page, from the sections of all pages: with 250 pages
that was a third of the time of a build. From page to page only two things differ: addresses,
which are relative to the page, and which branch is marked as the current one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from docutils import nodes
from sphinx.environment.adapters.toctree import global_toctree_for_doc

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.builders import Builder
    from sphinx.builders.html import StandaloneHTMLBuilder
    from sphinx.util.typing import ExtensionMetadata

_NOWHERE = ""
"""A page that is not in the tree, so that no branch is its own."""

_BEFORE_THE_THEME = 400
"""Priority: the theme asks for the tree on the same event, at 500."""


class _ByName:
    """Stands for a builder while the tree is put together: an address is a page's name."""

    @staticmethod
    def get_relative_uri(from_: str, to: str, typ: str | None = None) -> str:
        """The name of the page that is led to."""
        return to


class Tree:
    """The tree of one build.

    Args:
        builder: Of the build.
        asked: How the theme wants the tree, see Sphinx's `toctree` for templates.
    """

    def __init__(self, builder: StandaloneHTMLBuilder, asked: dict[str, Any]) -> None:
        self._builder = builder
        by_name = cast("Builder", _ByName())
        self._tree = global_toctree_for_doc(
            builder.env, _NOWHERE, by_name, tags=builder.tags, **asked
        )
        found = () if self._tree is None else self._tree.findall(nodes.reference)
        self._links = [
            (link, str(link["refuri"]).removesuffix(link["anchorname"]))
            for link in found
            if link.get("internal")
        ]

    def shown(self, docname: str) -> str:
        """The tree as HTML, as it stands beside a page."""
        if self._tree is None:
            return ""
        own = []
        for link, target in self._links:
            address = self._builder.get_relative_uri(docname, target)
            link["refuri"] = address + link["anchorname"]
            if target == docname and not link["anchorname"]:
                own += list(_branch(link, self._tree))
        for node in own:
            node["classes"].append("current")
        try:
            return self._builder.render_partial(self._tree)["fragment"]
        finally:
            for node in own:
                node["classes"].remove("current")


def _branch(link: nodes.Element, tree: nodes.Element) -> Iterator[nodes.Element]:
    """A link and all that it stands in, up to the tree."""
    node: nodes.Element | None = link
    while node is not None:
        yield node
        node = None if node is tree else node.parent


class _Trees:
    """The trees of one build, by how they are asked for."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, Any], ...], Tree] = {}

    def serve(
        self, app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
    ) -> None:
        """Gives templates the tree, on `html-page-context`."""
        if app.builder.name != "html":
            return
        builder = cast("StandaloneHTMLBuilder", app.builder)
        sphinxs_own = context["toctree"]

        def toctree(**asked: Any) -> str:
            # A tree that is folded around the page is another one for each page.
            if asked.get("collapse", True):
                return str(sphinxs_own(**asked))
            key = tuple(sorted(asked.items()))
            if key not in self._known:
                self._known[key] = Tree(builder, asked)
            return self._known[key].shown(pagename)

        context["toctree"] = toctree


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers what gives templates the tree."""
    app.connect("html-page-context", _Trees().serve, priority=_BEFORE_THE_THEME)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
