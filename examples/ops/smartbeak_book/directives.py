"""Directives that show what `sb` is: commands and statuses."""

from __future__ import annotations

from collections.abc import Sequence

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from smartbeak_book import reference
from smartbeak_book.tables import Cell, table
from smartbeak_ops import plain
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
