"""Directives that show what `sb` is: commands, statuses, triage trees."""

from __future__ import annotations

from collections.abc import Sequence

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from smartbeak_book import reference
from smartbeak_book.tables import Cell, table
from smartbeak_ops import data, plain, tree
from smartbeak_ops.cli import STATUSES


class Commands(SphinxDirective):
    """`{sb-commands}`: a table for each command, and for each group one of what is below it."""

    def run(self) -> list[nodes.Node]:
        """The tables, with the plain commands folded below them."""
        found = reference.commands()
        shown: list[nodes.Node] = []
        alone = [each for each in found if len(each.words) == 1 and not each.group]
        shown += _table("Commands", alone)
        for group in (each for each in found if each.group):
            shown.append(nodes.rubric("", f"sb {' '.join(group.words)}"))
            shown += [nodes.paragraph("", group.text.split("\n\n")[0].replace("\n", " "))]
            below = [each for each in found if each.words[:-1] == group.words]
            shown += _table(f"sb {' '.join(group.words)}", below)
        return shown


class Statuses(SphinxDirective):
    """`{sb-statuses}`: what `sb` ends with."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        rows = [(str(status), words) for status, words in STATUSES.items()]
        return [table(("Status", "Means"), rows)]


class Triage(SphinxDirective):
    """`{sb-tree} SUBJECT`: the rows of a tree, in the order in which they are read."""

    required_arguments = 1
    option_spec = {"only": directives.unchanged}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """The table; a branch whose page is there is a link."""
        subject = self.arguments[0]
        self.env.note_dependency(str(data.triage() / f"{subject}.yaml"))
        rows = [
            (str(number), row.symptom, nodes.literal("", row.says), self._branch(row), row.severity)
            for number, row in enumerate(tree.load(subject).rows, 1)
        ]
        return [table(("", "Symptom", "sb shows", "Branch", "Severity"), rows)]

    def _branch(self, row: tree.Row) -> nodes.Node:
        document = row.branch.partition("#")[0]
        if document not in self.env.found_docs:
            return nodes.literal("", row.branch)
        link = addnodes.pending_xref(
            "",
            nodes.inline("", row.branch),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{document}",
            refexplicit=True,
            refdoc=self.env.docname,
            refwarn=True,
        )
        return link


def _table(title: str, commands: Sequence[reference.Command]) -> list[nodes.Node]:
    known = plain.load()
    rows: list[Sequence[Cell]] = []
    missing = []
    for each in commands:
        if " ".join(each.words) not in known:
            missing.append(" ".join(each.words))
        rows.append((nodes.literal("", each.usage), each.text.split("\n\n")[0].replace("\n", " ")))
    if missing:
        raise ValueError(f"plain.yaml does not explain: {', '.join(missing)}")
    return [table(("Typed", "Does"), rows)]
