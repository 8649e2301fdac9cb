"""What is executable on a page: its blocks and drills, not yet ordered into scenarios."""

from __future__ import annotations

from dataclasses import dataclass, field

from docutils import nodes

from drillbook.errors import PageError, Where
from drillbook.model import Options
from drillbook.pages import options as option_table
from drillbook.pages.console import Command
from drillbook.pages.languages import Language

RAW = "drillbook_raw"
"""Node attribute that a directive leaves: `{"options": {...}, "line": n}`."""

ID = "drillbook_id"
"""Node attribute that extraction leaves: the snippet's (or drill's scenario's) id."""

MADE = "drillbook_made"
"""Node attribute of raw HTML that a directive of drillbook's makes, not the page."""


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


def label_of(node: nodes.Element) -> str:
    """A block's language; also of one that docutils made, which has it as a class."""
    if isinstance(node, nodes.doctest_block):
        return "pycon"
    if "language" in node:
        return str(node["language"])
    classes: list[str] = list(node.get("classes", ()))
    others = [name for name in classes if name != "code"]
    return others[0] if "code" in classes and others else ""
