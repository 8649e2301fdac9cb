"""Directives of the pages about reliability: alerts with their branches, and objectives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from drillbook.site import anchors
from drillbook.site.summaries import METADATA, SummaryNode
from drillbook.site.triage import BRANCH, PRINTED
from reliability import alerts, objectives
from smartbeak_book.tables import Cell, table

if TYPE_CHECKING:
    from reliability.objectives import RulesError

logger = logging.getLogger(__name__)


class _Made(SphinxDirective, ABC):
    """A table made from the files under examples/reliability."""

    def run(self) -> list[nodes.Node]:
        """The table; what is wrong in a file is a warning at its line, and a warning an error."""
        for path in sorted(objectives.FOLDER.glob("*.*")):
            self.env.note_dependency(str(path))
        try:
            return self.made()
        except objectives.RulesError as error:
            _say([error])
            return []

    @abstractmethod
    def made(self) -> list[nodes.Node]:
        """The table.

        Raises:
            RulesError: A file is wrong.
        """

    def page(self, document: str) -> nodes.Node:
        """A link to a page."""
        return addnodes.pending_xref(
            "",
            nodes.inline("", document.rpartition("/")[2]),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{document}",
            refexplicit=True,
            refdoc=self.env.docname,
            refwarn=True,
        )


class Alerts(_Made):
    """`{sb-alerts}`: each alert, its condition and why; `{sb-alerts} matrix`: where it leads."""

    optional_arguments = 1

    def made(self) -> list[nodes.Node]:
        """See `_Made`."""
        found = alerts.load()
        goals = [each.name for each in objectives.load()]
        pages = {*self.env.found_docs, *anchors.published(Path(self.env.srcdir))}
        _say(alerts.orphans(found, pages, goals))
        if self.arguments:
            self.env.metadata[self.env.docname][METADATA] = "yes"
            leads = (
                "Alert",
                "Page to open",
                "Drill of that page",
                "Objective",
                "Raised live",
                "Test",
            )
            tested = alerts.tests()
            return [table(leads, (self._leads(each, tested) for each in found))]
        heads = ("Alert, and its condition", "For", "Level", "Does", "Why this threshold")
        return [table(heads, (_raised(each) for each in found))]

    def _leads(self, each: alerts.Alert, tested: frozenset[str]) -> list[Cell]:
        known = each.branch in self.env.found_docs
        return [
            nodes.literal("", each.name),
            self.page(each.branch) if known else nodes.literal("", each.branch or "none"),
            SummaryNode(what=f"{BRANCH}{each.branch}") if known else "none",
            each.labels.get("slo", "none"),
            SummaryNode(what=f"{PRINTED}{each.seen}"),
            "promtool" if each.name in tested else "none",
        ]


class Objectives(_Made):
    """`{sb-objectives}`: each objective, what it was chosen from, and its budget."""

    def made(self) -> list[nodes.Node]:
        """See `_Made`."""
        heads = ("Objective", "Counted", "Documents", "Code", "Chosen", "Why", "Budget in 30 days")
        return [table(heads, (_goal(each) for each in objectives.load()))]


def _raised(each: alerts.Alert) -> list[Cell]:
    said = nodes.inline("", "", nodes.strong("", each.name), nodes.Text(": "))
    said += nodes.literal("", " ".join(each.expr.split()))
    return [
        said,
        each.wait or "at once",
        each.labels["severity"],
        each.labels["action"],
        each.notes["why"],
    ]


def _goal(each: objectives.Objective) -> list[Cell]:
    return [
        nodes.literal("", each.name),
        each.description,
        each.notes["documents"],
        each.notes["code"],
        f"{each.target:.1%}",
        each.notes["chosen"],
        f"{each.budget:.1%}: {each.budget * 10_000:.0f} of 10,000 events",
    ]


def _say(errors: Iterable[RulesError]) -> None:
    for error in errors:
        path = objectives.FOLDER / error.file
        logger.warning("alert-rules: %s", error.message, location=f"{path}:{error.line}")
