"""Tables over the whole book: its drills, its blocks, the marks, and named things."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from drillbook.model import Page
from drillbook.site import counting
from drillbook.site.symptoms import Symptom
from drillbook.site.wording import MEANINGS, SYMBOLS, WORDS, badge, lost_writes, moment, seconds
from drillbook.verification import STATES, DrillVerification, Verification, last_verified


def drill_table(drills: Iterable[DrillVerification], address: Callable[[str], str]) -> str:
    """One row for each drill of the book."""
    rows = []
    for drill in drills:
        best = drill.deciding
        result = drill.results.get(best.backend) if best else None
        recovered = "–" if result is None else _seconds_or_dash(result.recovered_s)
        lost = "–" if result is None else lost_writes(result)
        may_lose = f"up to {seconds(drill.drill.rpo_s)} of writes" if drill.drill.rpo_s else "none"
        backends = ", ".join(run.backend for run in drill.runs if run.counts) or "–"
        rows.append(
            f'<tr><th scope="row"><a href="{escape(address(drill.id))}">{escape(drill.title)}</a>'
            f"<small><code>{escape(drill.drill.fault)}</code></small></th>"
            f"<td{_until(drill)}>{badge(drill.state)}</td>"
            f"<td>{seconds(drill.drill.rto_s - drill.drill.people_s)}</td><td>{recovered}</td>"
            f"<td>{may_lose}</td>"
            f"<td>{lost}</td>"
            f"<td>{moment(best.when) if best and best.when else '–'}</td>"
            f"<td>{escape(backends)}</td></tr>"
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
        best = drill.deciding
        result = drill.results.get(best.backend) if best else None
        name = drill.id.partition("#")[2]
        rows.append(
            f'<tr><th scope="row"><a href="{escape(address(drill.id))}"><code>{escape(name)}</code>'
            f"</a><small><code>{escape(drill.drill.fault)}</code></small></th>"
            f'<td class="db-text"><a href="{escape(to_page(drill.docname))}">'
            f"{escape(drill.title)}</a></td>"
            f"<td>{seconds(drill.drill.rto_s)}</td><td>{seconds(drill.drill.rpo_s)}</td>"
            f"<td>{'–' if result is None else _seconds_or_dash(result.recovered_s)}</td>"
            f"<td>{'–' if result is None else lost_writes(result)}</td>"
            f"<td{_until(drill)}>{badge(drill.state)}"
            f" {moment(best.when) if best and best.when else ''}</td></tr>"
        )
    names = ("Drill, fault", "Branch", "RTO", "RPO", "Recovered in", "Lost writes", "Last run")
    return _table(names, rows, "Catalogue of drills", "No page of this book has a drill yet.")


def branch_cell(drills: Sequence[DrillVerification]) -> str:
    """What is known of a branch, in a word: the worst of its drills, and how long it took."""
    if not drills:
        return "<span>no drill</span>"
    worst = max(drills, key=lambda drill: STATES.index(drill.state))
    best = worst.deciding
    result = worst.results.get(best.backend) if best else None
    took = (
        f" <span>{seconds(result.recovered_s)}</span>"
        if result is not None and result.recovered_s is not None
        else ""
    )
    return badge(worst.state) + took


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
    parts, jumps = [], []
    for hub, found in runbooks.items():
        title = escape(titles.get(hub, hub))
        anchor = f"symptoms-{hub.replace('/', '-')}"
        jumps.append(f'<a href="#{anchor}">{title}</a>')
        rows = [
            f'<tr><th scope="row"><code>{escape(each.text)}</code></th>'
            f'<td class="db-text"><a href="{escape(address(each.docname))}">'
            f"{escape(titles.get(each.docname, each.docname))}</a>"
            f"<small>{branch_cell(of_page.get(each.docname, []))}</small></td></tr>"
            for each in found
        ]
        table = _table(("What is printed", "Open"), rows, f"Symptoms: {title}", "")
        parts.append(
            f'<section class="db-symptoms" id="{anchor}"><h2>{title}'
            f'<a class="headerlink" href="#{anchor}" title="Link to this heading">#</a></h2>'
            f"{table}</section>"
        )
    return f"<p>{' · '.join(jumps)}</p>" + "".join(parts)


def check_cell(id_: str, found: Verification, address: str) -> str:
    """The block that answers a question, what is known of it, and since when."""
    best = found.deciding
    when = f" {moment(best.when)}" if best and best.when else ""
    until = f' data-until="{found.until}"' if found.until else ""
    name = escape(id_.partition("#")[2])
    mark = f'<span data-state="{found.state}"{until}>{badge(found.state)}</span>'
    return f'<a href="{escape(address)}"><code>{name}</code></a> {mark}{when}'


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
        holds = f' data-holds-until="{counting.soonest(marks)}"' if since else ""
        rows.append(
            f'<tr class="db-counts"><th scope="row"><a href="{escape(address(page.docname))}">'
            f"{escape(titles.get(page.docname, page.docname))}</a></th>{_counts(marks)}"
            f"<td><span{holds}>{moment(since) if since else '–'}</span></td></tr>"
        )
    if len(rows) > 1:
        rows.append(
            f'<tr class="db-counts db-total"><th scope="row">All pages</th>{_counts(total)}'
            "<td></td></tr>"
        )
    names = ("Page", *(f"{SYMBOLS[s]} {WORDS[s]}" for s in STATES), "All verified since")
    return _table(names, rows, "Blocks", "No page of this book has blocks that are run yet.")


def _counts(marks: Sequence[Verification]) -> str:
    """A cell for each state."""
    return "".join(
        f"<td{counting.attributes(state, days)}>{len(days) or '·'}</td>"
        for state, days in counting.by_state(marks).items()
    )


def _until(drill: DrillVerification) -> str:
    until = f' data-until="{drill.until}"' if drill.until else ""
    return f' data-state="{drill.state}"{until}'


def legend() -> str:
    """Every state with what it means."""
    rows = [
        f'<tr><th scope="row">{badge(state)}</th>'
        f'<td class="db-text">{escape(MEANINGS[state])}</td></tr>'
        for state in STATES
    ]
    return _table(("Mark", "Meaning"), rows, "Marks", "")


def declared(names: Sequence[str], rows: Iterable[Sequence[str]], label: str) -> str:
    """A plain table whose cells may hold `code` in backquotes; the first cell is code."""
    html = [
        f'<tr><th scope="row"><code>{escape(cells[0])}</code></th>'
        + "".join(f'<td class="db-text">{_inline(cell)}</td>' for cell in cells[1:])
        + "</tr>"
        for cells in rows
    ]
    return _table(names, html, label, "")


def _table(names: Sequence[str], rows: Sequence[str], label: str, empty: str) -> str:
    if not rows:
        return f"<p>{empty}</p>"
    cells = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in names)
    return (
        f'<div class="db-scroll" role="region" aria-label="{escape(label)}">'
        f'<table class="db-table"><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody>'
        "</table></div>"
    )


def _inline(text: str) -> str:
    pieces = text.split("`")
    return "".join(
        f"<code>{escape(piece)}</code>" if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )


def _seconds_or_dash(value: float | None) -> str:
    return "–" if value is None else seconds(value)
