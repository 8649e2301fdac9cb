"""What a drill measured, held against its objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from drillbook.drills.watch import Account
from drillbook.model import Drill, DrillResult, Scenario, Tally


def unmeasured(scenario: Scenario, drill: Drill, started: str) -> DrillResult:
    """A drill's result before anything is known: its objectives only.

    Args:
        scenario: The drill's scenario.
        drill: Its fault and objectives.
        started: UTC, ISO 8601.
    """
    return DrillResult(
        id=scenario.id,
        digest=scenario.snippets[-1].digest if scenario.snippets else "",
        fault=drill.fault,
        status="not-run",
        rto_s=drill.rto_s,
        people_s=drill.people_s,
        rpo_s=drill.rpo_s,
        started=started,
    )


def measured(
    blank: DrillResult,
    account: Account,
    injected: float,
    contacted: tuple[str, ...] | None,
    said: str = "",
) -> DrillResult:
    """The result with what the prober found, passed or failed by the objectives.

    Args:
        blank: The result before.
        account: The prober's account at the end.
        injected: When the fault was injected, CLOCK_MONOTONIC seconds.
        contacted: Names that were looked up.
        said: Why users are not served, as last judged; empty when they are.
    """
    served = account.held and account.held_since is not None
    recovered = round((account.held_since or 0.0) - injected, 3) if served else None
    result = replace(
        blank,
        status="passed",
        recovered_s=recovered,
        lost_s=round(account.lost_s, 3),
        acknowledged=account.acknowledged,
        lost=len(account.lost),
        doubled=account.doubled,
        gap_s=round(account.gap_s, 3),
        accounts=tuple(
            Tally(
                kind.kind,
                kind.acknowledged,
                kind.lost,
                kind.doubled,
                kind.attempted,
                kind.recovered,
                kind.unexpected,
                kind.stale,
                kind.counted,
            )
            for kind in account.kinds
        ),
        answers=answers(account.took, injected, recovered),
        hosts_contacted=contacted,
    )
    missed = _missed(result, account, said)
    return replace(result, status="failed", reason="; ".join(missed)) if missed else result


def figures(result: DrillResult) -> str:
    """What a drill measured, one figure a line, for its evidence."""
    back = "never" if result.recovered_s is None else f"{result.recovered_s:.3f} s after the fault"
    looked_up = "not known" if result.hosts_contacted is None else ", ".join(result.hosts_contacted)
    return "\n".join(
        (
            f"fault: {result.fault}",
            f"users served again: {back} (aimed at {result.rto_s:g} s, of them {result.people_s:g} "
            "s for people)",
            f"writes confirmed: {result.acknowledged}; lost: {result.lost} "
            f"over {result.lost_s:.3f} s (aimed at {result.rpo_s:g} s); doubled: {result.doubled}",
            *(f"  {_told(tally)}" for tally in result.accounts),
            f"longest time between two confirmed writes: {result.gap_s:.3f} s",
            *result.answers.splitlines(),
            f"without the write steps: {result.control}",
            f"names looked up: {looked_up}",
        )
    )


def _told(tally: Tally) -> str:
    """One kind's figures in a line; what cannot be known is called unknown."""

    def known(figure: int | None) -> str:
        return "unknown" if figure is None else str(figure)

    lost, doubled = (
        (str(tally.lost), str(tally.doubled)) if tally.counted else ("unknown", "unknown")
    )
    return (
        f"{tally.kind}: attempted {known(tally.attempted)}, confirmed {tally.acknowledged}, "
        f"lost {lost}, doubled {doubled}, recovered {known(tally.recovered)}, "
        f"unexpected {known(tally.unexpected)}, stale reads {tally.stale}"
    )


_BIN_S = 0.5
_BEFORE_S = 3.0
_BINS = 120
_MARKS = "▁▂▃▄▅▆▇█"
_LEAST_S = 0.005
"""What the lowest mark stands for; each higher one for twice to thrice as much."""

_STEP = 2.5


def answers(took: Sequence[tuple[float, float]], injected: float, recovered_s: float | None) -> str:
    """How long answers took before, during and after an outage.

    Args:
        took: When each came, CLOCK_MONOTONIC seconds, and the seconds that it took.
        injected: When the outage began.
        recovered_s: Seconds until it was over; None if it never was.
    """
    if not took:
        return ""
    after = [(at - injected, seconds) for at, seconds in took]
    over = recovered_s if recovered_s is not None else float("inf")
    spans = {
        "before": [seconds for at, seconds in after if at < 0],
        "during": [seconds for at, seconds in after if 0 <= at < over],
        "after": [seconds for at, seconds in after if at >= over],
    }
    words = ", ".join(
        f"{name} {1000 * median(span):.0f} ms (slowest {1000 * max(span):.0f})"
        if span
        else f"{name} none"
        for name, span in spans.items()
    )
    last = min(max(at for at, _ in after), _BINS * _BIN_S - _BEFORE_S)
    bins: dict[int, float] = {}
    for at, seconds in after:
        number = int((at + _BEFORE_S) // _BIN_S)
        bins[number] = max(bins.get(number, 0.0), seconds)
    plot = "".join(
        _mark(bins.get(number)) for number in range(int((last + _BEFORE_S) // _BIN_S) + 1)
    )
    return (
        f"answers took, in the middle: {words}\n"
        f"slowest of each {_BIN_S:g} s from {_BEFORE_S:g} s before the fault, · none came: {plot}"
    )


def _mark(seconds: float | None) -> str:
    if seconds is None:
        return "·"
    level = 0
    while level < len(_MARKS) - 1 and seconds > _LEAST_S * _STEP**level:
        level += 1
    return _MARKS[level]


def _missed(result: DrillResult, account: Account, said: str) -> list[str]:
    """The objectives that were not met, in words."""
    missed = []
    if result.recovered_s is None:
        # Not an error that a client once saw: that may have passed long ago.
        why = f": {said}" if said else ""
        missed.append(f"users were still not served after the last step{why}")
    elif not result.back_in_time:
        missed.append(
            f"recovery took {result.recovered_s:.1f} s, and {result.people_s:g} s are set aside "
            f"for people: more than the {result.rto_s:g} s aimed at"
        )
    if not account.counted:
        missed.append(
            "unknown: what is there could not be read, so nothing is known of what is lost"
        )
    if account.unwatched:
        missed.append(f"a split brain on {', '.join(account.unwatched)} would not have been seen")
    if not result.loss_allowed:
        missed.append(
            f"{result.lost} confirmed writes over {result.lost_s:.2f} s are lost: "
            f"more than the {result.rpo_s:g} s aimed at"
        )
    if result.doubled:
        missed.append(f"{result.doubled} writes are there twice")
    if account.split_brain:
        missed.append("split brain: two nodes took writes at the same time")
    return missed
