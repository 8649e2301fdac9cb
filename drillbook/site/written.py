"""Shows a block of the page as its author wrote it, beside the block that is run.

What a page says about writing pages is taken from the page itself, so the example
and what is run cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from drillbook.pages import encoding

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata, OptionSpec

_OPENING = re.compile(r"(`{3,}|~{3,}|:{3,})\{[\w-]+\}")


def written(lines: Sequence[str], name: str) -> str:
    """The lines of the fence whose `:name:` it is, or of the drill directive of that name.

    Args:
        lines: The page's source, without line ends.
        name: A snippet's or a drill's name.

    Raises:
        LookupError: No fence of the page has the name.
    """
    first = 0
    for number, line in enumerate(lines):
        if _OPENING.match(line):
            first = number
            if line.split()[1:] == [name] and "{drill}" in line:
                break
        elif line == f":name: {name}":
            break
    else:
        raise LookupError(name)
    opening = _OPENING.match(lines[first])
    if opening is None:
        raise LookupError(name)
    for last in range(first + 1, len(lines)):
        if lines[last].rstrip() == opening[1]:
            return "\n".join(lines[first : last + 1]) + "\n"
    raise LookupError(name)


class Written(SphinxDirective):
    """`{drillbook-written} NAME`: the source of a block of this page.

    With `:head:` without its text, where that is shown below anyway.
    """

    required_arguments = 1
    option_spec: ClassVar[OptionSpec | None] = {"head": directives.flag}

    def run(self) -> list[nodes.Node]:
        """A block that is only read: its label is that of text, not of commands."""
        name = self.arguments[0]
        source = encoding.text_of(Path(self.env.doc2path(self.env.docname)))
        try:
            text = written(source.split("\n"), name)
        except LookupError as error:
            raise self.error(f"no fence of this page has the name `{name}`") from error
        if "head" in self.options:
            text = text.partition("\n\n")[0] + "\n"
        block = nodes.literal_block(text, text, language="markdown")
        self.set_source_info(block)
        return [nodes.container("", block, classes=["db-written"])]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directive."""
    app.add_directive("drillbook-written", Written)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
