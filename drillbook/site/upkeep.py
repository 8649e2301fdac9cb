"""What the book shows of itself: reviews, figures, and how drills went over time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.util.docutils import SphinxDirective

from drillbook import clock, files
from drillbook import plan as plans
from drillbook import report as reports
from drillbook.errors import HarnessError
from drillbook.model import Plan, Report
from drillbook.site.plots import recovery_plot
from drillbook.upkeep import counts, history, measured, metrics, review

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

KINDS = ("reviews", "overdue", "quality", "success", "history", "slowest", "versions")
_SLOWEST = 20
"""Rows of the table of the slowest blocks."""
_COUNTS = "drillbook_counts"
METRICS = "metrics.json"
"""Under `build/`: the figures as the last build had them, for `nox -s metrics`."""


class UpkeepNode(nodes.General, nodes.Element):
    """Stands where a table comes once every page is read."""


class Upkeep(SphinxDirective):
    """`{drillbook-upkeep} KIND`: one of `KINDS`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The place of the table."""
        if self.arguments[0] not in KINDS:
            raise self.error(f"there is no {self.arguments[0]!r}; kinds: {', '.join(KINDS)}")
        return [UpkeepNode(kind=self.arguments[0])]


class Collector(EnvironmentCollector):
    """Counts what each page holds as it is read."""

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        """Forgets a page."""
        _counts(env).pop(docname, None)

    def merge_other(
        self, app: Sphinx, env: BuildEnvironment, docnames: Any, other: BuildEnvironment
    ) -> None:
        """Takes over what another reading process counted."""
        for docname in docnames:
            if docname in _counts(other):
                _counts(env)[docname] = _counts(other)[docname]

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        """Counts one page."""
        _counts(app.env)[app.env.current_document.docname] = counts.of(doctree)


def _counts(env: BuildEnvironment) -> dict[str, counts.Counts]:
    if not hasattr(env, _COUNTS):
        setattr(env, _COUNTS, {})
    found: dict[str, counts.Counts] = getattr(env, _COUNTS)
    return found


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Puts the tables where they belong, on `doctree-resolved`."""
    for node in list(doctree.findall(UpkeepNode)):
        node.replace_self(_content(app, node["kind"], docname))


def _content(app: Sphinx, kind: str, docname: str) -> list[nodes.Node]:
    root, today = Path(app.confdir), clock.today()
    if kind in ("reviews", "overdue"):
        return _reviews(app, docname, today, only_late=kind == "overdue")
    if kind == "history":
        return _history(root)
    if kind in ("slowest", "versions"):
        return _measured(app, docname, kind)
    figures = metrics.quality(_counts(app.env)) if kind == "quality" else _success(root, today)
    _keep(root, kind, figures)
    return [
        _table(("Figure", "Before", "Target", "Today", "Note"), [_figure(each) for each in figures])
    ]


def _runs(root: Path) -> tuple[Plan, tuple[Report, ...]] | None:
    try:
        return plans.read(root / plans.FILE), reports.read_all(root / "build")
    except HarnessError:
        # Figures of runs are not measured where nothing was run.
        return None


def _success(root: Path, today: date) -> tuple[metrics.Figure, ...]:
    runs = _runs(root)
    return metrics.success(root, *runs, today) if runs else ()


def _measured(app: Sphinx, docname: str, kind: str) -> list[nodes.Node]:
    plan, known = _runs(Path(app.confdir)) or (None, ())
    if plan is None or not any(report.results for report in known):
        return [nodes.paragraph("", "Nothing was run.")]
    if kind == "versions":
        backends = sorted({report.backend for report in known})
        rows: list[tuple[str | nodes.Node, ...]] = [
            (server, *(by.get(backend, "not run") for backend in backends))
            for server, by in measured.versions(known).items()
        ]
        return [_table(("Server", *backends), rows)]
    rows = [
        (
            each.id.partition("#")[2],
            _link(app, docname, each.id.partition("#")[0]),
            each.backend,
            f"{each.took_s:.1f} s",
            f"{each.waited_s:.1f} s" if each.waited_s else "does not wait",
        )
        for each in measured.slowest(plan, known, _SLOWEST)
    ]
    if not rows:
        return [nodes.paragraph("", "No block was run as it stands now.")]
    return [_table(("Block", "Page", "Backend", "Its commands", "Waited until it was so"), rows)]


def _keep(root: Path, kind: str, figures: Sequence[metrics.Figure]) -> None:
    path = root / "build" / METRICS
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known[kind] = [asdict(each) | {"met": each.met} for each in figures]
    files.replace(path, json.dumps(known, indent=1) + "\n")


def _figure(figure: metrics.Figure) -> Sequence[str]:
    aim = "" if figure.target is None else f"{figure.target:g} {figure.unit}"
    aim += ", gate" if figure.gate else ""
    today = "not measured" if figure.value is None else f"{figure.value:.1f} {figure.unit}"
    word = {True: "✓", False: "× below", None: ""}[figure.met]
    return (
        figure.name,
        figure.baseline or "not measured",
        aim,
        f"{today} {word}".strip(),
        figure.detail,
    )


def _reviews(app: Sphinx, docname: str, today: date, *, only_late: bool) -> list[nodes.Node]:
    found = review.calendar(Path(app.srcdir))
    rows = [
        (_link(app, docname, each.docname), each.owner, each.cycle, each.last.isoformat(),
         each.due.isoformat() + (" overdue" if each.overdue(today) else ""))
        for each in found
        if each.overdue(today) or not only_late
    ]  # fmt: skip
    if not rows:
        return [nodes.paragraph("", "No page is overdue.")]
    return [_table(("Page", "Owner", "Review cycle", "Last reviewed", "Next due"), rows)]


def _history(root: Path) -> list[nodes.Node]:
    runs = history.recoveries(history.read(root / history.FILE))
    if not runs:
        return [nodes.paragraph("", "No run is recorded yet.")]
    made: list[nodes.Node] = []
    for drill, times in sorted(runs.items()):
        seconds = [value for _, value in times]
        said = (
            f"{drill.partition('#')[2]}: {len(times)} recorded runs from {times[0][0][:10]} to"
            f" {times[-1][0][:10]}; recovered in {seconds[-1]:.1f} s in the last, between"
            f" {min(seconds):.1f} and {max(seconds):.1f} s in all."
        )
        made += [nodes.paragraph("", said)]
        if len(times) > 1:
            made += [nodes.raw("", recovery_plot(drill, times, said), format="html")]
    return made


def _link(app: Sphinx, here: str, there: str) -> nodes.Node:
    title = app.env.titles[there].astext() if there in app.env.titles else there
    uri = app.builder.get_relative_uri(here, there)
    return nodes.reference("", title, internal=True, refuri=uri)


def _table(names: Sequence[str], rows: Sequence[Sequence[str | nodes.Node]]) -> nodes.table:
    group = nodes.tgroup(cols=len(names))
    group += [nodes.colspec(colwidth=100 // len(names)) for _ in names]
    group += nodes.thead("", _row(names))
    group += nodes.tbody("", *map(_row, rows))
    return nodes.table("", group)


def _row(cells: Sequence[str | nodes.Node]) -> nodes.row:
    made = (nodes.Text(cell) if isinstance(cell, str) else cell for cell in cells)
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in made))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directive and what counts the pages."""
    app.add_node(UpkeepNode)
    app.add_directive("drillbook-upkeep", Upkeep)
    app.add_env_collector(Collector)
    app.connect("doctree-resolved", fill)
    return {
        "version": "1",
        "env_version": 2,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
