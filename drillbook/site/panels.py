"""What a reader sees of verifications, as HTML: marks, drill panels, page lines.

Each state is told by a word and a symbol; colour only repeats it. Pure functions
of verifications, so that the screen and the paper show the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from html import escape

from drillbook.model import DrillResult, Page, Snippet
from drillbook.site import counting
from drillbook.site.wording import NO, YES, badge, day, lost_writes, moment, seconds
from drillbook.verification import (
    MAX_AGE_DAYS,
    DrillVerification,
    Run,
    Verification,
    last_verified,
)

Link = Callable[[str], str]
"""The address of an evidence file's page; empty where there is nothing to link to."""


def head(snippet: Snippet, user: str, undo: str) -> str:
    """The line above a block: where it is typed, what it does, how it is taken back.

    Args:
        snippet: The block.
        user: The host's service user; empty where it needs no saying.
        undo: Address of the block that takes this one back; empty without one.
    """
    options = snippet.options
    host = f"on <b>{escape(snippet.on)}</b>" + (f" as {escape(user)}" if user else "")
    parts = [f'<span class="db-host">{host}</span>']
    if options.effect:
        parts.append(f'<span class="db-effect db-effect-{options.effect}">{options.effect}</span>')
    if options.eventually_s:
        parts.append(
            f"<span>re-run until it matches, at most {seconds(options.eventually_s)}</span>"
        )
    if options.exit_code:
        parts.append(f"<span>expected exit status {options.exit_code}</span>")
    if options.refusal_of:
        parts.append(f"<span>refusal of <code>{escape(options.refusal_of)}</code></span>")
    if options.undo:
        name = f"<code>{escape(options.undo)}</code>"
        target = f'<a href="{escape(undo)}">{name}</a>' if undo else name
        parts.append(f'<span class="db-undo">undo: {target}</span>')
    if options.irreversible:
        # Said of every harmless write, the strong words would no longer be read.
        grave = options.effect == "destructive"
        words, style = ("point of no return", " db-no-return") if grave else ("no undo", "")
        parts.append(
            f'<span class="db-undo{style}"><b>{words}:</b> {escape(options.irreversible)}</span>'
        )
    if options.needs_fix:
        # What the numbers stand for: the stack's page lists the platform's defects.
        fixes = f"<b>needs fix {escape(', '.join(options.needs_fix))}</b> in the platform"
        parts.append(f'<span class="db-fix">{fixes}</span>')
    if options.optional:
        parts.append(f"<span>optional: {escape(options.optional)}</span>")
    return f'<p class="db-head">{"".join(parts)}</p>'


def mark(verification: Verification, link: Link) -> str:
    """The result below a block.

    Of a verified block one word is shown and the rest is folded under it; every other state
    says its reason at once.
    """
    run = verification.deciding
    state = verification.state
    parts = [] if state == "verified" else [badge(state)]
    if state in ("verified", "simulated") and run:
        parts.append(_runs([r for r in verification.runs if r.state == state]))
        parts.append(seconds(run.duration_s))
        if run.waited_s:
            parts.append(f"matched after {seconds(run.waited_s)}")
        if versions := _versions(run):
            parts.append(versions)
        if verification.scenarios > 1:
            parts.append(f"in {verification.scenarios} scenarios")
    elif run and run.when and state in ("failed", "error"):
        parts.append(_runs([run]))
        if run.where[0]:
            parts.append(f"{escape(run.where[0])}:{run.where[1]}")
    first, _, rest = verification.reason.partition("\n")
    if first:
        parts.append(f'<span class="db-reason">{escape(first)}</span>')
    parts += _evidence(verification.runs, link)
    until = f' data-until="{verification.until}"' if verification.until else ""
    attributes = f'class="db-mark" data-state="{state}"{until}'
    if state == "verified":
        return (
            f"<div {attributes}><details><summary>{badge(state)}</summary>"
            f" <p>{_joined(parts)}</p></details></div>"
        )
    return f"<p {attributes}>{_joined(parts)}</p>" + (_details(rest) if rest.strip() else "")


def drill_panel(drill: DrillVerification, link: Link, anchor: str) -> str:
    """What a drill aimed at and what was measured, side by side for each backend.

    Args:
        drill: The drill.
        link: Gives the address of an evidence file's page.
        anchor: The panel's HTML id.
    """
    aims = drill.drill
    results = drill.results.values()
    rows = [
        _row(
            "Recovery time (RTO)",
            f"{seconds(aims.rto_s)}<small>includes {seconds(aims.people_s)} for people</small>",
            [_recovery(result) for result in results],
        ),
        _row(
            "Writes lost (RPO)",
            f"up to {seconds(aims.rpo_s)} of writes" if aims.rpo_s else "none",
            [_loss(result) for result in results],
        ),
        _row("Duplicate writes", "none", [str(result.doubled or "none") for result in results]),
    ]
    if any(result.accounts for result in results):
        rows.append(_row("Confirmed work", "", [_kinds(result) for result in results]))
    if results:
        rows += [
            _row("Longest gap between writes", "", [seconds(result.gap_s) for result in results]),
            _row(
                "Control: without the write steps",
                "stays down",
                [_CONTROLS[result.control] for result in results],
            ),
        ]
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in drill.results)
    runs = "".join(_origin(run, link) for run in drill.runs if run.backend in drill.results)
    first, _, rest = drill.reason.partition("\n")
    reason = f' <span class="db-reason">{escape(first)}</span>' if first else ""
    until = f' data-until="{drill.until}"' if drill.until else ""
    return (
        f'<div class="db-drill" id="{anchor}" data-state="{drill.state}"{until}>'
        f'<p class="db-drill-head"><span class="db-drill-word">Drill</span> {badge(drill.state)}'
        f"{reason}</p>"
        f'<p class="db-drill-fault">Fault: <code>{escape(aims.fault)}</code></p>'
        + (_details(rest) if rest.strip() else "")
        + f'<div class="db-scroll" role="region" aria-label="Measured: {escape(aims.name)}">'
        f'<table class="db-measured"><thead><tr><th scope="col">Measure</th>'
        f'<th scope="col">objective</th>{cells}'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{runs}</div>"
    )


def page_line(
    page: Page,
    verifications: Mapping[str, Verification],
    drills: Mapping[str, DrillVerification],
) -> str:
    """The line below a page's title: who keeps it, last reviewed against last verified."""
    parts = []
    if page.owner:
        parts.append(f"owner <b>{escape(page.owner)}</b>")
    if page.last_reviewed:
        parts.append(f"last reviewed {day(page.last_reviewed)}{_next_due(page)}")
    ids = dict.fromkeys(s.id for scenario in page.scenarios for s in scenario.snippets)
    marks = [verifications[id_] for id_ in ids]
    if marks:
        since = last_verified(page, verifications)
        verified = sum(mark.state == "verified" for mark in marks)
        if since and verified:
            parts.append(_since(marks, since, verified))
        else:
            parts.append(counting.in_words(marks))
    proven = [drill for drill in drills.values() if drill.docname == page.docname]
    if proven:
        noun = "drill" if len(proven) == 1 else "drills"
        parts.append(f"{noun}: {counting.in_words(proven)}")
    if not parts:
        return ""
    return f'<p class="db-page">{_joined(parts)}</p>'


def _since(marks: Sequence[Verification], since: str, verified: int) -> str:
    """Since when the page holds; beside it what an old copy says when it no longer does.

    What only passed on a simulated service was not verified.
    """
    others = [mark for mark in marks if mark.state != "verified"]
    some = "1 block" if verified == 1 else f"{verified} blocks"
    said = [f"{some if others else 'all blocks'} verified since {moment(since)}"]
    if others:
        said.append(counting.in_words(others))
    until = counting.soonest(marks)
    holds = f'<span class="db-holds" data-holds-until="{until}">{_joined(said)}</span>'
    return holds + counting.in_words(marks, hidden=True) if until else _joined(said)


def _next_due(page: Page) -> str:
    """When the next review is due; nothing without a cycle or a day."""
    try:
        last = date.fromisoformat(page.last_reviewed)
        due = last + timedelta(days=MAX_AGE_DAYS[page.review_cycle])
    except (KeyError, ValueError):
        return ""
    after = " or after the next incident" if page.review_cycle == "after-incident" else ""
    return f"; next due {day(due.isoformat())}{after}"


_CONTROLS = {
    "stayed-down": f"{YES} stayed down",
    "recovered": f"{NO} recovered: the drill proves nothing",
    "not-run": "not tried",
}


def _runs(runs: Sequence[Run]) -> str:
    """When and where: one time for backends that ran on one day, else each with its own."""
    runs = [run for run in runs if run.when]
    if not runs:
        return ""
    latest = max(run.when for run in runs)
    if all(run.when[:10] == latest[:10] for run in runs):
        return f"{moment(latest)} on {' and '.join(escape(run.backend) for run in runs)}"
    return ", ".join(f"{moment(run.when)} on {escape(run.backend)}" for run in runs)


def _versions(run: Run) -> str:
    return ", ".join(
        f"{escape(name)} {escape(version)}" for name, version in (run.versions or {}).items()
    )


def _evidence(runs: Sequence[Run], link: Link) -> list[str]:
    """A link to what each backend printed: in the scenario that decides there."""
    pairs = [(run.backend, link(run.evidence[0])) for run in runs if run.evidence]
    links = [f'<a href="{escape(to)}">{escape(backend)}</a>' for backend, to in pairs if to]
    if len(pairs) == 1:
        return [f'<a href="{escape(to)}">output</a>' for _, to in pairs if to]
    return [f"output on {' and '.join(links)}"] if links else []


def _recovery(result: DrillResult) -> str:
    if result.recovered_s is None:
        return "did not recover"
    return f"{YES if result.back_in_time else NO} {seconds(result.recovered_s)}"


def _loss(result: DrillResult) -> str:
    of = f"<small>of {result.acknowledged} confirmed</small>"
    return f"{YES if result.loss_allowed else NO} {lost_writes(result)}{of}"


def _kinds(result: DrillResult) -> str:
    """How much of each kind of users' work was confirmed."""
    return ", ".join(f"{escape(kind)} {count}" for kind, count, _, _ in result.accounts)


def _origin(run: Run, link: Link) -> str:
    parts = [f"{escape(run.backend)}: {moment(run.when)}" if run.when else escape(run.backend)]
    if run.commit:
        parts.append(f"commit <code>{escape(run.commit[:10])}</code>")
    parts.append(_versions(run))
    if run.stood_in:
        parts.append(f"replaced by a stand-in: {escape(', '.join(run.stood_in))}")
    parts += [
        f'<a href="{escape(a)}">measurements</a>' for file in run.evidence if (a := link(file))
    ]
    return f'<p class="db-drill-run">{_joined(parts)}</p>'


def _row(name: str, aim: str, cells: Sequence[str]) -> str:
    shown = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{name}</th><td>{aim}</td>{shown}</tr>'


def _joined(parts: Iterable[str]) -> str:
    return '<span class="db-sep"> · </span>'.join(part for part in parts if part)


def _details(text: str) -> str:
    return f'<details class="db-why"><summary>why</summary><pre>{escape(text)}</pre></details>'
