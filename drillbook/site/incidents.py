"""What the book shows of incidents: roles and how to reach them, post-mortems, their actions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from drillbook import clock
from drillbook.incidents import contacts, postmortem

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

MISSING = "**not filled in**"


class _FromFiles(SphinxDirective):
    """Parses a table that is made from files of the book."""

    def root(self) -> Path:
        return Path(self.env.app.confdir)

    def table(self, headings: Iterable[str], rows: Iterable[Iterable[str]]) -> list[nodes.Node]:
        """A Markdown table as nodes, so that links and code in it are the page's own."""
        headings = list(headings)
        lines = [_row(headings), _row("---" for _ in headings), *map(_row, rows)]
        return self.parse_text_to_nodes("\n".join(lines))


class Contacts(_FromFiles):
    """`{drillbook-contacts}`: every role, what it decides, how it is reached.

    With arguments, only those roles.
    """

    optional_arguments = 20

    def run(self) -> list[nodes.Node]:
        """The table."""
        self.env.note_dependency(str(self.root() / contacts.FILE))
        known = contacts.read(self.root())
        wanted = self.arguments or list(known)
        unknown = [role for role in wanted if role not in known]
        if unknown:
            raise self.error(f"no role of {contacts.FILE}: {', '.join(unknown)}")
        rows = [(known[r].name, known[r].decides, known[r].reach or MISSING) for r in wanted]
        return self.table(("Role", "Decides alone", "Reached by"), rows)


class Postmortems(_FromFiles):
    """`{drillbook-postmortems}`: every post-mortem, its actions, and which are overdue."""

    def run(self) -> list[nodes.Node]:
        """Two tables, or a sentence that there is none."""
        folder = self.root() / postmortem.FOLDER
        for path in sorted(folder.glob("INC-*.md")):
            self.env.note_dependency(str(path))
        pages = postmortem.read_all(self.root())
        for error in (error for page in pages for error in page.errors):
            place = (error.where.path, error.where.line) if error.where else None
            logger.warning("%s", f"{error.code}: {error.message}", location=_place(place))
        if not pages:
            return [nodes.paragraph("", "No post-mortem is kept here yet.")]
        today = clock.today()
        listed = [
            (
                f"[{page.incident}](/{page.docname}.md)", page.severity, page.title,
                "exercise" if page.exercise else "incident",
                "final" if page.final else "draft",
                f"{sum(not action.done for action in page.actions)} of {len(page.actions)}",
            )
            for page in pages
        ]  # fmt: skip
        actions = sorted(
            (action for page in pages for action in page.actions if not action.done),
            key=lambda action: action.due,
        )
        due = [
            (
                f"{action.incident} {action.id}", action.text, action.horizon, action.owner,
                action.due.isoformat() + (" **overdue**" if action.due < today else ""),
                action.closed_when,
            )
            for action in actions
        ]  # fmt: skip
        made = self.table(("Number", "Severity", "Title", "Kind", "State", "Open actions"), listed)
        return made + (
            self.table(("Action", "What", "Horizon", "Owner", "Due", "Closed when"), due)
            if due
            else [nodes.paragraph("", "No action is open.")]
        )


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _place(place: tuple[str, int] | None) -> str | None:
    return f"{place[0]}:{place[1]}" if place else None


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directives."""
    app.add_directive("drillbook-contacts", Contacts)
    app.add_directive("drillbook-postmortems", Postmortems)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
