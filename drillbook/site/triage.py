"""The tables of hubs: situations in the order in which they are read, each with its branch.

The rows come from the files that the stack's own tool reads (`x-drillbook.triage`), so
the table, the drawing and what the tool prints cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from docutils import nodes
from sphinx.util import logging, osutil
from sphinx.util.docutils import SphinxDirective

from drillbook import consistency
from drillbook.site.summaries import METADATA, SummaryNode

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

BRANCH = "branch "
"""How a `SummaryNode` names the page whose drills it shows in a word."""

PRINTED = "printed "
"""How one names what a block must print, to show that block, wherever it stands."""

_NONE = "none"
"""The severity of a row that calls for a plan, not for a branch."""


class Triage(SphinxDirective):
    """`{drillbook-triage} SUBJECT`: the branches of one tree as a table; folded, its rows.

    Each line of the table is a branch, and shows what is known of the drills there. The rows
    that lead to it follow in the order in which they are read, as text and as a drawing.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table and, folded, the rows."""
        root = Path(self.env.app.confdir)
        book = consistency.stack_of(root)
        path = Path(book.triage, f"{self.arguments[0]}.yaml")
        if not path.is_file():
            raise self.error(f"there is no tree {self.arguments[0]!r} in {path.parent.name}")
        self.env.note_dependency(str(path))
        # The marks of other pages' drills are shown.
        self.env.metadata[self.env.docname][METADATA] = "yes"
        rows: list[Mapping[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["rows"]
        for row in rows:
            self._known(str(row["branch"]))
        table = self.parse_text_to_nodes(branches(rows))
        for cell in (each for node in table for each in node.findall(nodes.literal)):
            if cell.astext().startswith(BRANCH):
                cell.replace_self(SummaryNode(what=cell.astext()))
        folded = f"{_rows(rows, book.triaged_by)}\n\n{_drawing(rows, self._address)}"
        return table + self.parse_text_to_nodes(
            f"`````{{dropdown}} Each row, in the order in which it is read\n{folded}`````\n"
        )

    def _address(self, branch: str) -> str:
        """Where a node of the drawing leads, seen from this page's file."""
        docname, _, anchor = branch.partition("#")
        address = osutil.relative_uri(f"{self.env.docname}.html", f"{docname}.html")
        return f"{address}#{anchor}" if anchor else address

    def _known(self, branch: str) -> None:
        if branch.partition("#")[0] not in self.env.found_docs:
            logger.warning(
                "triage-branch: a row leads to %r, and there is no such page",
                branch,
                location=self.get_location(),
            )


def branches(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table that a reader sees: a line for each branch, where its first row stands.

    Args:
        rows: Of the tree, in the order in which they are read.
    """
    lines = ["{.db-triage}", "| What users see | Level | Proven |", "|---|---|---|"]
    levels: dict[str, dict[str, None]] = {}
    for row in rows:
        level = "plan" if row["severity"] == _NONE else str(row["severity"])
        levels.setdefault(str(row["branch"]), {})[level] = None
    for branch, found in levels.items():
        first = next(row for row in rows if row["branch"] == branch)
        document = branch.partition("#")[0]
        lines.append(
            f"| [{first['symptom']}]({_to(branch)}) | {', '.join(found)} | `{BRANCH}{document}` |"
        )
    return "\n".join(lines)


def _rows(rows: Sequence[Mapping[str, Any]], command: str) -> str:
    lines = [f"| What users see | `{command}` says | Branch |", "|---|---|---|"]
    for row in rows:
        branch = str(row["branch"])
        line = (
            f"| {row['symptom']} | {_cell(row.get('says', ''))} "
            f"| [{branch.rpartition('/')[2]}]({_to(branch)}) |"
        )
        # The tool needs a row for each host it may be typed on; a reader needs one.
        if line not in lines:
            lines.append(line)
    return "\n".join(lines)


def _to(branch: str) -> str:
    document, _, anchor = branch.partition("#")
    return f"/{document}.md" + (f"#{anchor}" if anchor else "")


def _cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else "-"


def _drawing(rows: Sequence[Mapping[str, Any]], address: Callable[[str], str]) -> str:
    """The same rows from top to bottom: the first that fits leads to its branch."""
    kept: dict[str, str] = {}
    for row in rows:
        kept.setdefault(str(row["symptom"]), str(row["branch"]))
    lines = ["flowchart TD"]
    for number, (symptom, branch) in enumerate(kept.items()):
        lines.append(f'  q{number}["{_wrapped(symptom)}"]')
        lines.append(f'  b{number}("{branch.rpartition("/")[2]}")')
        lines.append(f"  q{number} -- yes --> b{number}")
        lines.append(f'  click b{number} href "{address(branch)}"')
        if number:
            lines.append(f"  q{number - 1} -- no --> q{number}")
    alternative = "The rows of the table above, from top to bottom; the first that fits is taken."
    return f"```{{mermaid}}\n:alt: {alternative}\n\n" + "\n".join(lines) + "\n```\n"


def _wrapped(text: str, width: int = 34) -> str:
    lines, line = [], ""
    for word in text.replace('"', "'").split():
        if line and len(line) + len(word) + 1 > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "<br>".join([*lines, line])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directive."""
    app.add_directive("drillbook-triage", Triage)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
