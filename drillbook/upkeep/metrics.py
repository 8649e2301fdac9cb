"""The book's own figures: what was promised, what is measured, today.

A figure that cannot be measured is None and shown as such; none is typed by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from drillbook import consistency
from drillbook.incidents import postmortem
from drillbook.model import Plan, Report
from drillbook.upkeep import coverage, history, review
from drillbook.upkeep.counts import Counts
from drillbook.verification import verify, verify_drills

RUNBOOKS = ("runbooks/", "reliability/runbooks/")
ARCHITECTURE = ("architecture/",)
DEVELOPERS = ("developers/",)
SETUP = "developers/local-development-setup"
"""The page whose run is how long a newcomer's machine works."""

REST = "none of the above"
"""What a row of a decision tree says that takes the rest of a look: no failure mode is named."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table."""

    name: str
    baseline: str
    """What it was before this book, in words; empty where nobody measured it."""

    target: float | None
    """Least value, in percent; None where the figure is only shown."""

    value: float | None
    """In percent, or in `unit`; None when it is not measured."""

    unit: str = "%"
    detail: str = ""
    """What it is made of, or what is missing."""

    gate: bool = False
    """Whether CI is red when the target is missed: of what a change of the book alone decides and
    what was reached before. Calendars, machines and people decide the others, or the work on
    them has not come so far."""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where nothing is aimed at or measured."""
        if self.target is None or self.value is None:
            return None
        return self.value >= self.target


def quality(pages: Mapping[str, Counts]) -> tuple[Figure, ...]:
    """How many pages have what their kind must have.

    Steps and commands are asked of pages on which something is done: those with the section
    `counts.ACT` or a drill. A table is not asked of a page with a drill: that is one way, and
    the table that leads to it stands on the page before it.
    """

    def share(
        name: str,
        under: Sequence[str],
        target: float,
        has: Callable[[Counts], int],
        baseline: str,
        *,
        needs: Callable[[Counts], bool] = lambda _: True,
    ) -> Figure:
        kind = {n: c for n, c in pages.items() if not under or n.startswith(tuple(under))}
        these = {n: c for n, c in kind.items() if needs(c)}
        lacking = sorted(n for n, counts in these.items() if not has(counts))
        value = 100 * (1 - len(lacking) / len(these)) if these else None
        detail = f"{len(these) - len(lacking)} of {len(these)}"
        detail += f"; {len(kind) - len(these)} need none" if len(these) < len(kind) else ""
        detail += f"; without: {', '.join(lacking[:5])}" if lacking else ""
        return Figure(name, baseline, target, value, "%", detail, gate=True)

    def acts(counts: Counts) -> bool:
        return counts.acts or counts.drilled

    return (
        share("runbook pages with steps", RUNBOOKS, 100, lambda c: c.steps, "5 of 5", needs=acts),
        share(
            "runbook pages with commands", RUNBOOKS, 100, lambda c: c.blocks, "5 of 5", needs=acts
        ),
        share("architecture pages with a diagram", ARCHITECTURE, 100, lambda c: c.diagrams, ""),
        share("developer pages with examples", DEVELOPERS, 100, lambda c: c.blocks, ""),
        share("pages with a table", (), 80, lambda c: c.tables, "", needs=lambda c: not c.drilled),
        share("pages that lead to other pages", (), 80, lambda c: c.references, ""),
    )


def success(root: Path, plan: Plan, reports: Sequence[Report], today: date) -> tuple[Figure, ...]:
    """What the book does for those who use it."""
    return (
        _accuracy(plan, reports, today),
        _drills(plan, reports, today),
        _recovery(root),
        _postmortems(root),
        _onboarding(reports),
        _reviews(root, today),
        _failures(root, plan),
        *(
            Figure(
                f"coverage: {each.kind}", "60 % (estimate)", 95, 100 * each.share, "%",
                f"{len(each.names) - len(each.missing)} of {len(each.names)}"
                + (f"; missing: {', '.join(each.missing[:8])}" if each.missing else ""),
                gate=True,
            )
            for each in coverage.measure(root)
        ),
    )  # fmt: skip


def _accuracy(plan: Plan, reports: Sequence[Report], today: date) -> Figure:
    found = verify(plan, reports, today)
    ids = {
        snippet.id
        for page in plan.pages
        if page.docname.startswith(RUNBOOKS)
        for scenario in page.scenarios
        for snippet in scenario.snippets
    }
    ran = [found[id_] for id_ in ids if found[id_].state not in ("not-run", "skipped", "stale")]
    good = sum(each.state in ("verified", "simulated") for each in ran)
    return Figure(
        "runbook accuracy: commands that do what the page says",
        "10 % (9 of 87 blocks, by reading)",
        95,
        100 * good / len(ids) if ran else None,
        "%",
        f"{good} of {len(ids)} blocks" if ran else "nothing was run",
    )


def _drills(plan: Plan, reports: Sequence[Report], today: date) -> Figure:
    found = verify_drills(plan, reports, today)
    good = sum(each.state in ("verified", "simulated") for each in found.values())
    return Figure(
        "drills that pass", "none existed", 100,
        100 * good / len(found) if found and reports else None, "%",
        f"{good} of {len(found)}" if reports else "nothing was run", gate=True,
    )  # fmt: skip


def _recovery(root: Path) -> Figure:
    both = history.first_and_last(history.read(root / history.FILE))
    if both is None:
        return Figure(
            "time to recover in drills, against the first recorded run", "", 25, None, "% less",
            "needs two recorded runs of a drill",
        )  # fmt: skip
    first, last = both
    return Figure(
        "time to recover in drills, against the first recorded run", f"{first:.1f} s (median)", 25,
        100 * (1 - last / first), "% less", f"{last:.1f} s (median) in the last",
    )  # fmt: skip


def _postmortems(root: Path) -> Figure:
    real = [page for page in postmortem.read_all(root) if not page.exercise]
    done = sum(page.final for page in real)
    return Figure(
        "post-mortems that are complete", "", 100, 100 * done / len(real) if real else None, "%",
        f"{done} of {len(real)}" if real else "no incident is recorded here",
    )  # fmt: skip


def _onboarding(reports: Sequence[Report]) -> Figure:
    took = sum(
        result.duration_s
        for report in reports
        if report.backend == "local"
        for result in report.results
        if result.id.startswith(f"{SETUP}#") and result.status == "passed"
    )
    return Figure(
        "from an empty folder to the first published post, the machine's part", "", None,
        took or None, "s", "" if took else "the setup page was not run",
    )  # fmt: skip


def _reviews(root: Path, today: date) -> Figure:
    found = review.calendar(root / "source")
    late = [each.docname for each in found if each.overdue(today)]
    return Figure(
        "pages whose review is not overdue", "", 95,
        100 * (1 - len(late) / len(found)) if found else None, "%",
        f"{len(found) - len(late)} of {len(found)}; late: {', '.join(late[:5]) or 'none'}",
    )  # fmt: skip


def _failures(root: Path, plan: Plan) -> Figure:
    """Situations of the decision trees whose page has a drill that makes them.

    A row that says `REST` is not counted: what nobody knows cannot be made.
    """
    folder = consistency.stack_of(root).triage
    drilled = {
        page.docname
        for page in plan.pages
        if any(scenario.kind == "drill" for scenario in page.scenarios)
    }
    rows = [
        str(row["branch"]).partition("#")[0]
        for path in (sorted(Path(folder).glob("*.yaml")) if folder else ())
        for row in yaml.safe_load(path.read_text(encoding="utf-8"))["rows"]
        if not str(row.get("says", "")).endswith(REST)
    ]
    good = sum(branch in drilled for branch in rows)
    lacking = sorted({branch for branch in rows if branch not in drilled})
    return Figure(
        "coverage: failure modes", "none was drilled", 95,
        100 * good / len(rows) if rows else None, "%",
        (f"{good} of {len(rows)} situations" + (
            f"; not drilled: {', '.join(lacking[:5])}" if lacking else ""
        )) if rows else "there is no decision tree",
        gate=True,
    )  # fmt: skip


def below(figures: Iterable[Figure]) -> tuple[Figure, ...]:
    """The figures that miss their target."""
    return tuple(each for each in figures if each.met is False)
