"""Takes the executable blocks and the drills of a page out of its doctree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from docutils import nodes
from sphinx import addnodes

from drillbook.errors import PageError, Where
from drillbook.model import OPERATOR
from drillbook.pages import options as option_table
from drillbook.pages import unrun
from drillbook.pages.blocks import ID, RAW, Block, DrillHead, DrillNode, Extract, Tab, label_of
from drillbook.pages.console import Command
from drillbook.pages.languages import LANGUAGES, Language
from drillbook.pages.places import OPTION_LINE, Places
from drillbook.pages.values import NAME

_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+:]|\d+[.)])[ \t]+)*(?:`{3,}|~{3,})\s*([\w-]+)[ \t]+(\S.*)$")


@dataclass(frozen=True, slots=True)
class _Context:
    section: nodes.section | None = None
    drill: str = ""
    tabs: tuple[Tab, ...] = ()
    conditional: bool = False


def slug(text: str) -> str:
    """The text as a name: lower-case words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


class Extractor:
    """Reads one page."""

    def __init__(
        self,
        root: Path,
        page: Path,
        *,
        others: Iterable[Path] = (),
        known_language: Callable[[str], bool] = lambda language: True,
        operator: str = OPERATOR,
    ) -> None:
        """Prepares to read a page.

        Args:
            root: The project's folder; places are said relative to it.
            page: The page's source file.
            others: Further files that blocks of the page may come from.
            known_language: Whether a language can be highlighted.
            operator: The host of a block that names none.
        """
        self._root = root.resolve()
        self._page = page
        self._places = Places(root, page, others)
        self._known_language = known_language
        self._operator = operator
        self._ordinals: dict[str, int] = {}
        self._tab_sets: dict[int, int] = {}
        self._found = Extract()

    def read(self, document: nodes.document) -> Extract:
        """Everything executable on the page, in order, and what is wrong with it."""
        title = document.next_node(nodes.title)
        self._found.title = title.astext() if title else self._page.stem
        self._walk(document, _Context())
        self._name_the_nameless()
        return self._found

    def _walk(self, parent: nodes.Element, context: _Context) -> None:
        for node in parent.children:
            if isinstance(node, nodes.system_message | nodes.comment):
                continue
            if isinstance(node, nodes.raw):
                self._found.errors += unrun.html(node, self._places)
            elif isinstance(node, addnodes.highlightlang):
                self._found.errors += unrun.label_for_all(node, self._places)
            elif isinstance(node, DrillNode):
                # Read when its section was entered; anywhere else it opens nothing.
                if node.get(ID) is None:
                    self._stray_drill(node)
            elif isinstance(node, nodes.literal_block | nodes.doctest_block):
                self._block(node, context)
            elif isinstance(node, nodes.Element):
                self._walk(node, self._inside(node, context))

    def _inside(self, node: nodes.Element, context: _Context) -> _Context:
        if isinstance(node, nodes.section):
            return replace(context, section=node, drill=self._drill(node, context) or context.drill)
        if node.get("design_component") == "tab-item":
            return replace(context, tabs=(*context.tabs, self._tab(node)))
        if node.tagname == "only":
            return replace(context, conditional=True)
        return context

    def _tab(self, node: nodes.Element) -> Tab:
        label = node.next_node(nodes.rubric)
        title = label.astext() if label else ""
        if label and "sync_id" in label:
            # A reader who chooses it here has chosen it in every set of the group.
            return Tab(-1, f"{label.get('sync_group', 'tab')}/{label['sync_id']}", title)
        number = self._tab_sets.setdefault(id(node.parent), len(self._tab_sets))
        return Tab(number, title, title)

    def _drill(self, section: nodes.section, context: _Context) -> str:
        for child in section.children:
            if isinstance(child, DrillNode):
                return self._drill_head(child, section, context)
            if not isinstance(child, nodes.title | nodes.target | nodes.comment):
                return ""
        return ""

    def _drill_head(self, node: DrillNode, section: nodes.section, context: _Context) -> str:
        raw = node[RAW]
        name = raw["name"]
        node[ID] = name
        where, lines = self._places.of_directive(raw, "drill")

        def at(option: str) -> Where:
            return Where(where.path, lines.get(option, where.line))

        found, errors = option_table.drill(raw["options"], at)
        self._found.errors += errors
        if not NAME.fullmatch(name):
            self._error(
                "bad-name", f"{name!r} is no name for a drill.", where, "Write `primary-lost`."
            )
        if context.drill:
            self._error(
                "nested-drill",
                f"The drill stands inside the drill `{context.drill}`.",
                where,
                "Give each drill a section of its own, side by side.",
            )
            return context.drill
        if found is not None:
            title = section[0].astext()
            self._found.drills.append(DrillHead(name, title, found, where, at("fault"), node))
        return cast("str", name)

    def _stray_drill(self, node: DrillNode) -> None:
        where, _ = self._places.of_directive(node[RAW], "drill")
        self._error(
            "stray-drill",
            "A drill stands directly under the heading of its section.",
            where,
            "Move it up to the heading, or give it a heading of its own.",
        )

    def _block(self, node: nodes.Element, context: _Context) -> None:
        label = label_of(node)
        language = LANGUAGES.get(label)
        raw: dict[str, Any] = node.attributes.pop(RAW, None) or {}
        text = node.astext().rstrip("\n") + "\n"
        if language is None or "language" not in node:
            self._found.errors += unrun.block(
                node, label, raw, self._places, self._root, self._known_language
            )
            return
        if not text.strip():
            self._error("empty-snippet", "The block is empty.", self._places.hint(node, raw))
            return
        where = self._places.of_text(node, text, raw)
        if where is None:
            self._error(
                "text-not-in-source",
                f"The block that begins with {text.lstrip().splitlines()[0]!r} "
                "does not stand in the page's sources as it is rendered.",
                self._places.hint(node, raw),
                "Write it out whole, evenly indented: without `lines`, `prepend`, tabs.",
            )
            return
        if context.conditional:
            self._error(
                "conditional-block",
                "The block stands inside `only`: some readers would see it and some not.",
                where,
                "Show it everywhere.",
            )
        lines = self._places.of_options(where, raw)
        self._plain_fence(text, where, raw, label)

        def at(option: str) -> Where:
            return Where(where.path, lines.get(option, where.line))

        by_heading = self._by_heading(context)
        name, read, errors = option_table.snippet(raw.get("options", {}), at, self._operator)
        self._found.errors += errors
        self._found.blocks.append(
            Block(
                name=name or by_heading,
                named=bool(name),
                language=language,
                text=text,
                where=where,
                options=read,
                commands=self._commands(language, text, where),
                drill=context.drill,
                tabs=context.tabs,
                node=node,
                option_lines=lines,
            )
        )

    def _commands(self, language: Language, text: str, where: Where) -> tuple[Command, ...]:
        try:
            return language.parse(text, where.path, where.line)
        except PageError as error:
            self._found.errors.append(error)
            return ()

    def _plain_fence(self, text: str, where: Where, raw: dict[str, Any], language: str) -> None:
        """Options written where Markdown drops or prints them."""
        if raw:
            return
        fence = _FENCE.match(self._places.line_above(where))
        written = fence[2] if fence and fence[1] == language else ""
        option = OPTION_LINE.match(text)
        if written or option:
            self._error(
                "unknown-option",
                f"`{written or text.splitlines()[0]}` on a plain fence is no option.",
                where,
                f"Write ```{{code-block}} {language}, with the options as `:name: value` below.",
            )

    # Names

    def _by_heading(self, context: _Context) -> str:
        """The heading and the block's ordinal under it, named blocks counted."""
        heading = slug(context.section[0].astext() if context.section else self._page.stem)
        self._ordinals[heading] = self._ordinals.get(heading, 0) + 1
        return f"{heading}-{self._ordinals[heading]}"

    def _name_the_nameless(self) -> None:
        """Lets no ordinal collide with a name that the page gives."""
        given = {block.name for block in self._found.blocks if block.named}
        for at, block in enumerate(self._found.blocks):
            name = block.name
            while not block.named and name in given:
                name += "-x"
            self._found.blocks[at] = replace(block, name=name)

    def _error(self, code: str, message: str, where: Where, hint: str = "") -> None:
        self._found.errors.append(PageError(code, message, where=where, hint=hint))
