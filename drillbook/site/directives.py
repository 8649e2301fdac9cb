"""The directives a page is written with: code blocks with options, drills, the reference."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.directives.code import CodeBlock, LiteralInclude
from sphinx.directives.patches import Code
from sphinx.util.docutils import SphinxDirective

from drillbook.pages.blocks import RAW, DrillNode
from drillbook.pages.options import DRILL_OPTIONS, SNIPPET_OPTIONS, Option


def _unchanged(value: str | None) -> str:
    return value or ""


class _AnyOption(dict[str, Callable[[str], Any]]):
    """Lets every option through.

    Extraction says what is wrong, as an error with a line, where the parsers would
    only warn and drop the option.
    """

    def __missing__(self, name: str) -> Callable[[str | None], str]:
        return _unchanged


class _WithOptions(SphinxDirective):
    """A directive that makes a literal block, extended with the snippet options."""

    base_spec: ClassVar[dict[str, Any]]

    def run(self) -> list[nodes.Node]:
        ours = {name: value for name, value in self.options.items() if name not in self.base_spec}
        if name := self.options.get("name"):
            ours["name"] = name
        made = list(super().run())
        for node in made:
            for block in node.findall(nodes.literal_block):
                block[RAW] = {
                    "options": ours,
                    "line": self.lineno,
                    "source": self.state.document["source"],
                }
        return made


class SnippetBlock(_WithOptions, CodeBlock):
    """`code-block`, with the options of `drillbook.pages.options`."""

    base_spec = CodeBlock.option_spec
    option_spec = _AnyOption(CodeBlock.option_spec)


class SnippetCode(_WithOptions, Code):
    """`code`, with the options of `drillbook.pages.options`."""

    base_spec = Code.option_spec
    option_spec = _AnyOption(Code.option_spec)


class SnippetInclude(_WithOptions, LiteralInclude):
    """`literalinclude`, with the options of `drillbook.pages.options`."""

    base_spec = LiteralInclude.option_spec
    option_spec = _AnyOption(LiteralInclude.option_spec)


class DrillDirective(SphinxDirective):
    """Makes the section that it opens a drill."""

    required_arguments = 1
    option_spec = _AnyOption({option.name: _unchanged for option in DRILL_OPTIONS})

    def run(self) -> list[nodes.Node]:
        """A node that extraction reads and the marks replace."""
        node = DrillNode()
        node[RAW] = {
            "name": self.arguments[0],
            "options": dict(self.options),
            "line": self.lineno,
            "source": self.state.document["source"],
        }
        self.set_source_info(node)
        return [node]


class OptionsReference(SphinxDirective):
    """Renders the table of options: of snippets, or with the argument `drill` of drills."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table."""
        kind = self.arguments[0] if self.arguments else "snippet"
        try:
            table = {"snippet": SNIPPET_OPTIONS, "drill": DRILL_OPTIONS}[kind]
        except KeyError as error:
            raise self.error(f"options are those of a snippet or a drill, not {kind!r}") from error
        return [_table(table)]


_HEADINGS = ("Option", "Value", "Without it", "What it does", "Example")
_WIDTHS = (14, 14, 14, 38, 20)


def _table(options: tuple[Option, ...]) -> nodes.table:
    group = nodes.tgroup(cols=len(_HEADINGS))
    group += [nodes.colspec(colwidth=width) for width in _WIDTHS]
    group += nodes.thead("", _row(*_HEADINGS))
    group += nodes.tbody(
        "",
        *(
            _row(
                f"`{option.name}`",
                option.takes or "none (a flag)",
                option.default or "-",
                option.help,
                f"`{option.example}`",
            )
            for option in options
        ),
    )
    return nodes.table("", group, classes=["drillbook-options"])


def _row(*cells: str) -> nodes.row:
    return nodes.row("", *(nodes.entry("", _paragraph(cell)) for cell in cells))


def _paragraph(text: str) -> nodes.paragraph:
    parts = re.split(r"`([^`]+)`", text)
    return nodes.paragraph(
        "",
        "",
        *(
            nodes.literal("", part) if at % 2 else nodes.Text(part)
            for at, part in enumerate(parts)
            if part
        ),
    )


def _pass(visitor: Any, node: DrillNode) -> None:
    """A drill shows nothing by itself: the marks put its panel there."""


def setup_directives(app: Sphinx) -> None:
    """Registers the directives and the drill's node."""
    app.add_directive("code-block", SnippetBlock, override=True)
    app.add_directive("sourcecode", SnippetBlock, override=True)
    app.add_directive("code", SnippetCode, override=True)
    app.add_directive("literalinclude", SnippetInclude, override=True)
    app.add_directive("drill", DrillDirective)
    app.add_directive("drillbook-options", OptionsReference)
    silent = (_pass, _pass)
    app.add_node(DrillNode, html=silent, latex=silent, text=silent, man=silent, texinfo=silent)
    directives.register_directive("code", SnippetCode)
