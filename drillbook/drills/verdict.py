"""What a drill measured, held against its objectives."""

from __future__ import annotations

from dataclasses import replace

from drillbook.drills.watch import Account
from drillbook.model import Drill, DrillResult, Scenario


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
        accounts=tuple((k.kind, k.acknowledged, k.lost, k.doubled) for k in account.kinds),
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
            *(
                f"  {kind}: confirmed {confirmed}, lost {lost}, doubled {doubled}"
                for kind, confirmed, lost, doubled in result.accounts
            ),
            f"longest time between two confirmed writes: {result.gap_s:.3f} s",
            f"without the write steps: {result.control}",
            f"names looked up: {looked_up}",
        )
    )


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
        missed.append("what is there could not be read, so nothing is known of what is lost")
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
