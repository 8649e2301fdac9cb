"""What a reader sees of verifications, as HTML: marks, drill panels, page lines.

Each state is told by a word and a symbol; colour only repeats it. Pure functions
of verifications, so that the screen and the paper show the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from markupsafe import Markup

from drillbook import evidence
from drillbook.model import DrillResult, Page, Snippet
from drillbook.site import counting, templates
from drillbook.site.wording import NO, YES, badge, day, lost_writes, moment, seconds
from drillbook.verification import (
    MAX_AGE_DAYS,
    DrillVerification,
    Run,
    Verification,
    last_verified,
)

_HTML = templates.macros("panels")
_Row = tuple[str, str, str, list[tuple[str, str]]]
"""A row of a drill's panel: its name, the objective and a note to it, and for each backend
what was measured, with a note."""

Link = Callable[[str], str]
"""The address of an evidence file's page; empty where there is nothing to link to."""


def head(snippet: Snippet, user: str, undo: str, *, damage: bool = False) -> str:
    """The line above a block: where it is typed, what it does, how it is taken back.

    Args:
        snippet: The block.
        user: The host's service user; empty where it needs no saying.
        undo: Address of the block that takes this one back; empty without one.
        damage: Whether it is shown for what it breaks.
    """
    eventually = seconds(snippet.options.eventually_s) if snippet.options.eventually_s else ""
    return str(_HTML.head(snippet, user, undo, eventually, damage))


def mark(verification: Verification, link: Link) -> str:
    """The result below a block.

    Of a verified block one word is shown and the rest is folded under it; every other state
    says its reason at once.
    """
    run = verification.deciding
    state = verification.state
    parts: list[str] = []
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
            parts.append(f"{run.where[0]}:{run.where[1]}")
    first, _, rest = verification.reason.partition("\n")
    if first:
        parts.append(_HTML.reason(first))
    parts += _evidence(verification.runs, link)
    return str(_HTML.mark(verification, badge(state), parts, _details(rest)))


def drill_panel(drill: DrillVerification, link: Link, anchor: str) -> str:
    """What a drill aimed at and what was measured, side by side for each backend.

    Args:
        drill: The drill.
        link: Gives the address of an evidence file's page.
        anchor: The panel's HTML id.
    """
    aims = drill.drill
    results = drill.results.values()
    may_lose = f"up to {seconds(aims.rpo_s)} of writes" if aims.rpo_s else "none"
    rows: list[_Row] = [
        (
            "Recovery time (RTO)",
            seconds(aims.rto_s),
            f"includes {seconds(aims.people_s)} for people",
            [(_recovery(result), "") for result in results],
        ),
        (
            "Writes lost (RPO)",
            may_lose,
            "",
            [(_loss(result), f"of {result.acknowledged} confirmed") for result in results],
        ),
        ("Duplicate writes", "none", "", [(str(each.doubled or "none"), "") for each in results]),
    ]
    if any(result.accounts for result in results):
        rows.append(("Confirmed work", "", "", [(_kinds(result), "") for result in results]))
    if results:
        gaps = [(seconds(result.gap_s), "") for result in results]
        controls = [(_CONTROLS[result.control], "") for result in results]
        rows.append(("Longest gap between writes", "", "", gaps))
        rows.append(("Control: without the write steps", "stays down", "", controls))
    first, _, rest = drill.reason.partition("\n")
    return str(
        _HTML.drill(
            drill,
            anchor=anchor,
            badge=badge(drill.state),
            first=first,
            rest=_details(rest),
            rows=rows,
            origins=[_origin(run, link) for run in drill.runs if run.backend in drill.results],
        )
    )


def page_line(
    page: Page,
    verifications: Mapping[str, Verification],
    drills: Mapping[str, DrillVerification],
) -> str:
    """The line below a page's title: who keeps it, last reviewed against last verified."""
    parts: list[str] = []
    if page.owner:
        parts.append(_HTML.owner(page.owner))
    if page.last_reviewed:
        parts.append("last reviewed " + day(page.last_reviewed) + _next_due(page))
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
        parts.append(_HTML.drills(noun, counting.in_words(proven)))
    return str(_HTML.page(parts))


def _since(marks: Sequence[Verification], since: str, verified: int) -> Markup:
    """Since when the page holds; beside it what an old copy says when it no longer does.

    What only passed on a simulated service was not verified.
    """
    others = [mark for mark in marks if mark.state != "verified"]
    some = "1 block" if verified == 1 else f"{verified} blocks"
    return Markup(
        _HTML.since(
            said=some if others else "all blocks",
            moment=moment(since),
            others=counting.in_words(others) if others else "",
            until=counting.soonest(marks),
            all=counting.in_words(marks, hidden=True),
        )
    )


def _next_due(page: Page) -> str:
    """When the next review is due; nothing without a cycle or a day."""
    try:
        last = date.fromisoformat(page.last_reviewed)
        due = last + timedelta(days=MAX_AGE_DAYS[page.review_cycle])
    except (KeyError, ValueError):
        return ""
    after = " or after the next incident" if page.review_cycle == "after-incident" else ""
    return "; next due " + day(due.isoformat()) + after


def _details(reason: str) -> str:
    """What stands below the first line, if anything; of a long difference both ends."""
    # The whole is in the evidence. Here it would make a page too large for a phone.
    return evidence.cap(reason, 6 * 1024, 2 * 1024) if reason.strip() else ""


_CONTROLS = {
    "stayed-down": f"{YES} stayed down",
    "recovered": f"{NO} recovered: the drill proves nothing",
    "not-run": "not tried",
}


def _runs(runs: Sequence[Run]) -> str | Markup:
    """When and where: one time for backends that ran on one day, else each with its own."""
    runs = [run for run in runs if run.when]
    if not runs:
        return ""
    latest = max(run.when for run in runs)
    if all(run.when[:10] == latest[:10] for run in runs):
        times = [(moment(latest), [run.backend for run in runs])]
    else:
        times = [(moment(run.when), [run.backend]) for run in runs]
    return Markup(_HTML.ran(times))


def _versions(run: Run) -> str:
    return ", ".join(f"{name} {version}" for name, version in (run.versions or {}).items())


def _evidence(runs: Sequence[Run], link: Link) -> list[Markup]:
    """A link to what each backend printed: in the scenario that decides there."""
    pairs = [(run.backend, link(run.evidence[0])) for run in runs if run.evidence]
    links = [(backend, to) for backend, to in pairs if to]
    if len(pairs) == 1:
        return [Markup(_HTML.link(to, "output")) for _, to in links]
    return [Markup(_HTML.outputs(links))] if links else []


def _recovery(result: DrillResult) -> str:
    if result.recovered_s is None:
        return "did not recover"
    return f"{YES if result.back_in_time else NO} {seconds(result.recovered_s)}"


def _loss(result: DrillResult) -> str:
    return f"{YES if result.loss_allowed else NO} {lost_writes(result)}"


def _kinds(result: DrillResult) -> str:
    """How much of each kind of users' work was confirmed."""
    return ", ".join(f"{tally.kind} {tally.acknowledged}" for tally in result.accounts)


def _origin(run: Run, link: Link) -> list[str]:
    parts: list[str] = [_HTML.origin(run.backend, moment(run.when) if run.when else "")]
    if run.commit:
        parts.append(_HTML.commit(run.commit[:10]))
    parts.append(_versions(run))
    if run.stood_in:
        parts.append(f"replaced by a stand-in: {', '.join(run.stood_in)}")
    return parts + [_HTML.link(a, "measurements") for file in run.evidence if (a := link(file))]
