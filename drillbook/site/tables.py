"""Tables over the whole book: its drills, its blocks, the marks, and named things."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from markupsafe import Markup

from drillbook.model import DrillResult, Page
from drillbook.site import counting, templates
from drillbook.site.symptoms import Symptom
from drillbook.site.wording import (
    MEANINGS,
    SYMBOLS,
    WORDS,
    Count,
    badge,
    lost_writes,
    moment,
    seconds,
)
from drillbook.verification import STATES, DrillVerification, Verification, last_verified

_HTML = templates.macros("tables")
_NONE = "–"


def drill_table(drills: Iterable[DrillVerification], address: Callable[[str], str]) -> str:
    """One row for each drill of the book."""
    rows = []
    for drill in drills:
        best, result = drill.deciding, _deciding(drill)
        aims = drill.drill
        rows.append(
            _HTML.drill(
                drill,
                address=address(drill.id),
                badge=badge(drill.state),
                limit=seconds(aims.rto_s - aims.people_s),
                recovered=_seconds_or_dash(_recovered(drill)),
                may_lose=f"up to {seconds(aims.rpo_s)} of writes" if aims.rpo_s else "none",
                lost=lost_writes(result) if result else _NONE,
                moment=moment(best.when) if best and best.when else _NONE,
                backends=", ".join(run.backend for run in drill.runs if run.counts) or _NONE,
            )
        )
    names = (
        "Drill",
        "Result",
        "Time limit of the commands",
        "Recovered in",
        "Limit of lost writes",
        "Lost writes",
        "Last run",
        "Backend",
    )
    return _table(names, rows, "Drills", "No page of this book has a drill yet.")


def catalogue(
    drills: Iterable[DrillVerification],
    address: Callable[[str], str],
    to_page: Callable[[str], str],
) -> str:
    """One row for each drill, for whoever chooses one for people: what it asks of them."""
    rows = []
    for drill in drills:
        best, result = drill.deciding, _deciding(drill)
        rows.append(
            _HTML.choice(
                drill,
                name=drill.id.partition("#")[2],
                address=address(drill.id),
                page=to_page(drill.docname),
                badge=badge(drill.state),
                rto=seconds(drill.drill.rto_s),
                rpo=seconds(drill.drill.rpo_s),
                recovered=_seconds_or_dash(_recovered(drill)),
                lost=lost_writes(result) if result else _NONE,
                moment=moment(best.when) if best and best.when else "",
            )
        )
    names = ("Drill, fault", "Branch", "RTO", "RPO", "Recovered in", "Lost writes", "Last run")
    return _table(names, rows, "Catalogue of drills", "No page of this book has a drill yet.")


def branch_cell(drills: Sequence[DrillVerification]) -> Markup:
    """What is known of a branch, in a word: the worst of its drills, and how long it took."""
    if not drills:
        return Markup(_HTML.branch("", ""))
    worst = max(drills, key=lambda drill: STATES.index(drill.state))
    recovered = _recovered(worst)
    took = "" if recovered is None else seconds(recovered)
    return Markup(_HTML.branch(badge(worst.state), took))


def symptom_tables(
    runbooks: Mapping[str, Sequence[Symptom]],
    drills: Iterable[DrillVerification],
    titles: Mapping[str, str],
    address: Callable[[str], str],
) -> str:
    """For each runbook its texts, each with the branch to open and what is known of its drills.

    Args:
        runbooks: The symptoms by their hub's page.
        drills: All that are known.
        titles: Each page's.
        address: Gives a page's.
    """
    of_page: dict[str, list[DrillVerification]] = {}
    for drill in drills:
        of_page.setdefault(drill.docname, []).append(drill)
    parts = []
    for hub, found in runbooks.items():
        title = titles.get(hub, hub)
        rows = [
            _HTML.symptom(
                each.text,
                address(each.docname),
                titles.get(each.docname, each.docname),
                branch_cell(of_page.get(each.docname, [])),
            )
            for each in found
        ]
        table = _table(("What is printed", "Open"), rows, f"Symptoms: {title}", "")
        parts.append((f"symptoms-{hub.replace('/', '-')}", title, table))
    return str(_HTML.symptoms(parts))


def check_cell(id_: str, found: Verification, address: str) -> str:
    """The block that answers a question, what is known of it, and since when."""
    best = found.deciding
    when = moment(best.when) if best and best.when else ""
    name = id_.partition("#")[2]
    return str(_HTML.check(address, name, found, badge(found.state), when))


def page_table(
    pages: Sequence[Page],
    verifications: Mapping[str, Verification],
    titles: Mapping[str, str],
    address: Callable[[str], str],
) -> str:
    """One row of counts for each page that has blocks."""
    rows = []
    total: list[Verification] = []
    for page in pages:
        ids = dict.fromkeys(s.id for scenario in page.scenarios for s in scenario.snippets)
        if not ids:
            continue
        marks = [verifications[id_] for id_ in ids]
        total += marks
        since = last_verified(page, verifications)
        rows.append(
            _HTML.page(
                title=titles.get(page.docname, page.docname),
                address=address(page.docname),
                cells=_counts(marks),
                since=moment(since) if since else "",
                holds_until=counting.soonest(marks),
            )
        )
    if len(rows) > 1:
        rows.append(_HTML.together("All pages", _counts(total)))
    names = ("Page", *(f"{SYMBOLS[s]} {WORDS[s]}" for s in STATES), "All verified since")
    return _table(names, rows, "Blocks", "No page of this book has blocks that are run yet.")


def glance(
    drills: Iterable[DrillVerification],
    verifications: Mapping[str, Verification],
    titles: Mapping[str, str],
    address: Callable[[str], str],
) -> str:
    """One row of counts for the drills of each runbook, and one for all drills and all blocks.

    Args:
        drills: All that are known.
        verifications: What is known of each block.
        titles: Each page's. A drill belongs to the page above its own where there is one.
        address: Gives a page's.
    """
    of_runbook: dict[str, list[DrillVerification]] = {}
    for drill in drills:
        above = drill.docname.rpartition("/")[0]
        of_runbook.setdefault(above if above in titles else drill.docname, []).append(drill)
    rows = [
        _HTML.runbook(
            title=titles.get(docname, docname),
            address=address(docname),
            cells=_counts(found),
            slowest=_seconds_or_dash(max(filter(None, map(_recovered, found)), default=None)),
        )
        for docname, found in of_runbook.items()
    ]
    if rows:
        every = [drill for found in of_runbook.values() for drill in found]
        rows.append(_HTML.together("All drills", _counts(every)))
        rows.append(_HTML.together("All commands", _counts(list(verifications.values()))))
    names = ("Runbook", *(f"{SYMBOLS[s]} {WORDS[s]}" for s in STATES), "Slowest recovery")
    return _table(names, rows, "Drills by runbook", "No page of this book has a drill yet.")


def _deciding(drill: DrillVerification) -> DrillResult | None:
    """What its deciding run came to; None without one."""
    best = drill.deciding
    return drill.results.get(best.backend) if best else None


def _recovered(drill: DrillVerification) -> float | None:
    """Seconds that it took, as far as that is known."""
    result = _deciding(drill)
    return result.recovered_s if result else None


def _counts(marks: Sequence[counting.Mark]) -> list[Count]:
    """What the cell of each state shows."""
    return [
        Count(state, len(days), untils=counting.untils(days))
        for state, days in counting.by_state(marks).items()
    ]


def legend() -> str:
    """Every state with what it means."""
    rows = [_HTML.meaning(badge(state), MEANINGS[state]) for state in STATES]
    return _table(("Mark", "Meaning"), rows, "Marks", "")


def declared(names: Sequence[str], rows: Iterable[Sequence[str]], label: str) -> str:
    """A plain table whose cells may hold `code` in backquotes; the first cell is code."""
    return _table(names, [_HTML.declared(cells) for cells in rows], label, "")


def _table(names: Sequence[str], rows: Sequence[Markup], label: str, empty: str) -> Markup:
    return Markup(_HTML.table(names, rows, label, empty))


def _seconds_or_dash(value: float | None) -> str:
    return _NONE if value is None else seconds(value)
