"""What a game day came to: the prober's account against the drill's objectives."""

from __future__ import annotations

from dataclasses import replace

from drillbook.drills.verdict import measured, unmeasured
from drillbook.drills.watch import Account
from drillbook.model import Drill, DrillResult, Scenario
from drillbook.site.wording import lost_writes, seconds


def scored(
    scenario: Scenario, drill: Drill, account: Account, injected: float, started: str, said: str
) -> DrillResult:
    """The result of a day with people in it: nothing is set aside for them.

    Args:
        scenario: The drill's.
        drill: Its fault and objectives.
        account: The prober's.
        injected: When the outage began, in seconds of CLOCK_MONOTONIC.
        started: UTC, ISO 8601.
        said: Why users are not served, as last judged; empty when they are.
    """
    blank = unmeasured(scenario, replace(drill, people_s=0.0), started)
    return measured(blank, account, injected, None, said)


def text(result: DrillResult) -> str:
    """The score, one figure a line."""
    may_lose = f"up to {seconds(result.rpo_s)} of writes" if result.rpo_s else "none"
    back = "never" if result.recovered_s is None else seconds(result.recovered_s)
    return "\n".join(
        (
            f"time to recover: {back} (aimed at {seconds(result.rto_s)})",
            f"writes confirmed: {result.acknowledged}",
            f"lost: {lost_writes(result)} (aimed at {may_lose})",
            f"doubled: {result.doubled} (aimed at 0)",
            f"objectives: {'met' if result.status == 'passed' else 'missed: ' + result.reason}",
            "",
        )
    )
