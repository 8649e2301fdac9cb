"""A drill's control run: the same fault without the page's write steps; users must stay unserved.

It is a run of its own, in a sandbox of its own, and may go on beside the drill's: what
it says and what the drill measured become one verdict in `joined`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from drillbook import evidence
from drillbook.drills.verdict import figures
from drillbook.errors import DrillbookError, HarnessError
from drillbook.model import Drill, DrillResult, Scenario, Status
from drillbook.run import break_stack
from drillbook.sandboxes.sandbox import Backend, Sandbox
from drillbook.snippets.play import play_snippet

_WRITES = 1
"""Confirmed writes to wait for before the fault: nothing is counted here, so that users
are served is enough."""

_LEAST_S, _MOST_S, _FACTOR = 5.0, 60.0, 1.5
"""How long users must stay unserved: half as long again as the page's steps took, within
these bounds. What would come back by itself in the drill's own time is seen to do so."""

_AGAIN_S = 5.0
"""For so long users must go on to be served: a lucky moment is no recovery."""

_STEP_S = 5.0
"""Time limit of a read-only step, whose result does not matter here."""

_ASK_S = 0.5
"""Seconds between two looks whether the drill's own run is over."""

Verdict = Literal["stayed-down", "recovered", "not-run", "skipped", "error"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a control run must know of its drill's own run."""

    status: Status
    recovered_s: float | None


@dataclass(frozen=True, slots=True)
class Control:
    """What came of a control run."""

    id: str
    """The drill's id."""

    verdict: Verdict
    reason: str = ""


def play(
    scenario: Scenario,
    backend: Backend,
    told: Callable[[], Told | None],
    *,
    root: Path,
) -> Control:
    """Runs a drill without its write steps.

    Args:
        scenario: The drill.
        backend: Makes the sandbox.
        told: What the drill's own run came to; None while it is not over. Until then,
            and at most as long as any control run, this one goes on.
        root: The project's folder, which knows the stack's faults.
    """
    drill = scenario.drill
    assert drill
    if (over := _spared(scenario, told())) is not None:
        return over
    try:
        sandbox = backend.open(scenario.services, label=f"{scenario.id} control")
        with contextlib.closing(sandbox):
            return _watch(root, scenario, drill, sandbox, told)
    except DrillbookError as error:
        if error.code == "missing-server":
            raise
        return Control(scenario.id, "error", f"the control run broke: {error}")


def joined(drill: DrillResult, control: Control) -> DrillResult:
    """The one verdict of a drill and its control run.

    A drill that did not pass says nothing of what its control run came to.
    """
    if drill.status != "passed":
        return replace(drill, control="not-run")
    if control.verdict == "error":
        return replace(drill, status="error", reason=control.reason)
    if control.verdict == "recovered":
        return replace(drill, status="failed", control="recovered", reason=control.reason)
    return replace(drill, control="stayed-down")


def record(folder: Path, drill: DrillResult) -> None:
    """Writes a joined verdict into the evidence of its drill.

    Args:
        folder: The evidence folder, `build/evidence`.
        drill: What `joined` gave.
    """
    if not drill.evidence:
        return
    with contextlib.suppress(HarnessError):
        kept = evidence.read(folder / drill.evidence)
        more = {**kept.more, "Measured": figures(drill)}
        evidence.write(folder, replace(kept, status=drill.status, reason=drill.reason, more=more))


def _watch(
    root: Path,
    scenario: Scenario,
    drill: Drill,
    sandbox: Sandbox,
    told: Callable[[], Told | None],
) -> Control:
    watch, _ = break_stack(root, sandbox, drill, _WRITES)
    begin = time.monotonic()
    _read_only_steps(scenario, sandbox)
    while True:
        known = told()
        if (over := _spared(scenario, known)) is not None:
            return over
        left = begin + _patience(known) - time.monotonic()
        back = watch.until(True, timeout_s=max(min(left, _ASK_S), 0.1))
        if back and not watch.until(False, timeout_s=_AGAIN_S):
            return Control(
                scenario.id,
                "recovered",
                "the platform came back without the write steps: "
                "this drill proves nothing of its page",
            )
        if left <= 0:
            return Control(scenario.id, "stayed-down")


def _spared(scenario: Scenario, known: Told | None) -> Control | None:
    """The end of a control run whose drill did not pass."""
    if known is None or known.status == "passed":
        return None
    verdict: Verdict = "skipped" if known.status == "skipped" else "not-run"
    return Control(scenario.id, verdict, f"the drill itself is {known.status}")


def _patience(known: Told | None) -> float:
    """Seconds for which users must stay unserved; as long as can be while nothing is known."""
    if known is None:
        return _MOST_S
    return min(max(_FACTOR * (known.recovered_s or 0.0), _LEAST_S), _MOST_S)


def _read_only_steps(scenario: Scenario, sandbox: Sandbox) -> None:
    for snippet in scenario.snippets:
        options = snippet.options
        # What a guard refuses after the write steps it might do without them.
        changes = options.effect in ("write", "destructive") or options.refusal_of
        if changes or options.skip:
            continue
        brief = replace(options, eventually_s=0.0, timeout_s=_STEP_S)
        # Whether a read-only step holds does not matter here; only that it changes nothing.
        with contextlib.suppress(HarnessError):
            play_snippet(sandbox.host(snippet.on), replace(snippet, options=brief), None)
