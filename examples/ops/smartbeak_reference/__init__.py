"""The reference pages: tables made from the stack and the facts, each entry with its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smartbeak_reference import directives, uses

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directives."""
    app.add_directive("smartbeak-reference", directives.Reference)
    app.add_directive("smartbeak-glossary", directives.Glossary)
    app.connect("env-get-outdated", uses.changed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
