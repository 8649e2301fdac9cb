"""Takes the executable blocks and the drills of a page out of its doctree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from docutils import nodes
from sphinx import addnodes

from drillbook.errors import PageError, Where
from drillbook.model import OPERATOR, Options
from drillbook.pages import options as option_table
from drillbook.pages.console import Command
from drillbook.pages.languages import LANGUAGES, Language, choice
from drillbook.pages.places import OPTION_LINE, Places
from drillbook.pages.values import NAME

RAW = "drillbook_raw"
"""Node attribute that a directive leaves: `{"options": {...}, "line": n}`."""

ID = "drillbook_id"
"""Node attribute that extraction leaves: the snippet's (or drill's scenario's) id."""

MADE = "drillbook_made"
"""Node attribute of raw HTML that a directive of drillbook's makes, not the page."""

HIDDEN = frozenset(
    {
        *("sh", "shell", "shell-session", "sh-session", "bash-session", "zsh", "ksh", "ash"),
        *("dash", "csh", "tcsh", "fish", "openrc"),
        *("pycon", "python-console", "py", "py2", "py3", "python2", "python3"),
        *("ps1con", "powershell", "pwsh", "posh", "ps1"),
        *("bat", "batch", "cmd", "dosbatch", "winbatch", "doscon"),
    }
)
"""Labels under which something executable would not be run."""

_SCRIPTS = frozenset({".sh", ".bash", ".zsh", ".ksh", ".fish", ".ps1", ".bat", ".cmd", ".py"})
"""Names of files that are executed, by how they end."""

INCLUDED = frozenset({"typescript", "ts", "sql", "yaml", "yml", "json", "dockerfile", "docker"})
"""Labels of what is compiled, validated or run only where it stands in a file."""

_UNLABELLED = frozenset({"", "none", "text", "default", "guess", "plaintext", "output", "literal"})
_LOOKS_RUN = re.compile(r"^\s*(\$|>>>) \S", re.MULTILINE)
_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+:]|\d+[.)])[ \t]+)*(?:`{3,}|~{3,})\s*([\w-]+)[ \t]+(\S.*)$")


_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SHOWN_AS_CODE = re.compile(
    # What HTML shows letter by letter, or takes from elsewhere.
    r"<(?:pre|xmp|listing|plaintext|textarea|samp|iframe|object|embed)\b"
    r"|<(?:code|tt|kbd)\b[^>]*\s(?:class|style|data-[\w-]+)\s*="
    r"|<(?:code|tt|kbd)\b[^>]*>(?:(?!</).)*\n"
    r"|\bclass\s*=\s*[\"']?[^\"'>]*\b(?:highlight|language-|literal-block)"
    r"|\bwhite-space\s*:\s*(?:pre|break-spaces)"
    # A fence that Markdown no longer sees, for it stands inside HTML.
    r"|^[ \t]*(?:`{3,}|~{3,}|:{3,})"
    # What is left without its tags: a prompt.
    r"|^[ \t]*(?:<[^>]*>[ \t]*)*(?:\$|>>>|&gt;&gt;&gt;|#|\w+@[\w.-]+:?\S*[$#]) \S",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)


class DrillNode(nodes.General, nodes.Element):
    """Where a drill directive stands; whatever is shown there replaces it."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One alternative of a tab-set."""

    set: int
    """Ordinal of the tab-set on its page; -1 for a tab that is chosen in several sets."""

    label: str
    """Its label; of a tab that is chosen in several sets, its `sync` with its group."""

    title: str = field(default="", compare=False)
    """What a reader sees on it."""


@dataclass(frozen=True, slots=True)
class DrillHead:
    """A drill as its directive declares it."""

    name: str
    title: str
    options: option_table.DrillOptions
    where: Where
    fault_where: Where
    node: DrillNode


@dataclass(frozen=True, slots=True)
class Block:
    """One executable block as the page has it, not yet part of a scenario."""

    name: str
    named: bool
    """Whether the page gave the name."""

    language: Language
    text: str
    where: Where
    """Where its first line stands."""

    options: Options
    commands: tuple[Command, ...]
    """What it is made of; empty where it could not be taken apart."""
    drill: str
    """Name of the drill it stands in; empty outside."""

    tabs: tuple[Tab, ...]
    """The alternatives it stands in, outermost first."""

    node: nodes.Element
    option_lines: dict[str, int]
    """1-based line of each option that is given."""

    def at(self, option: str = "") -> Where:
        """Where an option stands, else where the text does."""
        return Where(self.where.path, self.option_lines.get(option, self.where.line))


@dataclass(slots=True)
class Extract:
    """What a page's doctree holds."""

    title: str = ""
    blocks: list[Block] = field(default_factory=list)
    drills: list[DrillHead] = field(default_factory=list)
    errors: list[PageError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Context:
    section: nodes.section | None = None
    drill: str = ""
    tabs: tuple[Tab, ...] = ()
    conditional: bool = False


def _label(node: nodes.Element) -> str:
    """A block's language; also of one that docutils made, which has it as a class."""
    if isinstance(node, nodes.doctest_block):
        return "pycon"
    if "language" in node:
        return str(node["language"])
    classes: list[str] = list(node.get("classes", ()))
    others = [name for name in classes if name != "code"]
    return others[0] if "code" in classes and others else ""


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
                self._raw(node)
            elif isinstance(node, addnodes.highlightlang):
                self._label_for_all(node)
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

    def _raw(self, node: nodes.raw) -> None:
        """HTML as it is: what it shows as code is never run."""
        if MADE in node:
            return
        text = _COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment[0]), node.astext())
        if found := _SHOWN_AS_CODE.search(text):
            at = self._places.hint(node, {})
            above = text.count("\n", 0, found.start()) if at.line else 0
            self._error(
                "hidden-executable",
                f"`{found[0].strip().splitlines()[0]}` in raw HTML shows code that would not "
                "be run.",
                Where(at.path, at.line + above),
                "Write a block of Markdown, with a blank line between it and the HTML around it.",
            )

    def _label_for_all(self, node: addnodes.highlightlang) -> None:
        label = str(node["lang"]).lower()
        if label in HIDDEN or label in LANGUAGES:
            self._error(
                "hidden-executable",
                f"`highlight` labels the blocks after it `{node['lang']}`, and they would not "
                "be run.",
                self._places.hint(node, {}),
                "Label each block by itself.",
            )

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
        label = _label(node)
        language = LANGUAGES.get(label)
        raw: dict[str, Any] = node.attributes.pop(RAW, None) or {}
        text = node.astext().rstrip("\n") + "\n"
        if language is None or "language" not in node:
            self._other(node, label, text, raw)
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

    def _other(self, node: nodes.Element, language: str, text: str, raw: dict[str, Any]) -> None:
        """A block that is not run: nothing executable may hide in it."""
        where = self._places.of_text(node, text, raw) or self._places.hint(node, raw)
        label = language.lower()
        if label in HIDDEN or label in LANGUAGES:
            self._error(
                "hidden-executable",
                f"A block labelled `{language}` would not be run.",
                where,
                "Take it in with `literalinclude` and `:language:`, not with `code`."
                if label in LANGUAGES
                else f"Label it {choice()}.",
            )
        elif label in _UNLABELLED and (file := self._script(node, text)):
            self._error(
                "hidden-executable",
                f"{file} is shown, and would not be run.",
                where,
                "Take it in with `literalinclude` and `:language: bash` or `python`.",
            )
        elif label in _UNLABELLED and _LOOKS_RUN.search(text):
            self._error(
                "hidden-executable",
                "The block has lines that begin with a prompt, but its label is "
                f"`{language or 'none'}`, so it would not be run.",
                where,
                "Label it `console`; Python goes into a `python` block without prompts.",
            )
        elif label in INCLUDED and not self._of_examples(node):
            self._error(
                "typed-example",
                f"A `{language}` block is typed into the page, where nothing checks it.",
                where,
                "Put it into a file under examples/ that is compiled, validated or run, "
                "and show that with `literalinclude`.",
            )
        elif label not in _UNLABELLED and not self._known_language(language):
            self._error("unknown-language", f"There is no language `{language}`.", where)
        known = {option.name for option in option_table.SNIPPET_OPTIONS} - {"name"}
        for name in raw.get("options", {}):
            if name == "name":
                continue
            for_code = f"`{name}` is for blocks that are run." if name in known else ""
            self._error(
                "unknown-option",
                for_code or f"There is no option `{name}`.",
                where,
                f"Blocks that are run are labelled {', '.join(LANGUAGES)}.",
            )

    def _script(self, node: nodes.Element, text: str) -> str:
        """What makes a block without a label a program; empty where nothing does."""
        if text.startswith("#!"):
            return f"A program ({text.partition(chr(10))[0]})"
        source = Path(node.get("source") or "")
        return f"A program ({source.name})" if source.suffix in _SCRIPTS else ""

    def _of_examples(self, node: nodes.Element) -> bool:
        """Whether a block was included from a file under `examples/`."""
        file = node.get("source", "")
        return bool(file) and (self._root / "examples") in Path(file).resolve().parents

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
