"""A game day from the broken stack to the score."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TextIO

from drillbook import clock, run
from drillbook.drills import faults, kit
from drillbook.drills.declarations import Oracle
from drillbook.errors import PageError
from drillbook.gameday import score, sheet
from drillbook.gameday.timer import Timer
from drillbook.incidents import incident, timeline
from drillbook.model import Drill, Page, Plan, Scenario
from drillbook.sandboxes import stack
from drillbook.sandboxes.sandbox import Backend, Sandbox

SCORE = "score.txt"
SEVERITY = "P3"
"""Of every exercise: nobody is harmed."""

SESSION_S = 3600.0
"""The longest day unless told otherwise: what a team's session has."""

_WRITES = 3
"""Confirmed writes before the fault: there is something to lose."""


def find(plan: Plan, name: str) -> tuple[Page, Scenario, Drill]:
    """The drill of that name.

    Args:
        plan: The book's.
        name: The drill's name, or `docname#name`.

    Raises:
        PageError: `no-drill`, or `many-drills` where several pages have one.
    """
    known = [
        (page, scenario, scenario.drill)
        for page in plan.pages
        for scenario in page.scenarios
        if scenario.drill is not None
    ]
    found = [each for each in known if name in (each[1].id, each[2].name)]
    if not found:
        names = ", ".join(sorted(each[2].name for each in known)) or "the book has none"
        raise PageError("no-drill", f"there is no drill {name!r}", hint=f"drills: {names}")
    if len(found) > 1:
        ids = ", ".join(each[1].id for each in found)
        raise PageError("many-drills", f"{len(found)} pages have a drill {name!r}", hint=ids)
    return found[0]


def open_timeline(root: Path, oracle: str, at: datetime) -> Path:
    """The folder of a new exercise with its timeline, which says nothing of the fault."""
    made = root / incident.FOLDER
    made.mkdir(exist_ok=True)
    folder = made / incident.next_id(root, at)
    # Whoever opens an incident in the same moment takes the next number.
    folder.mkdir()
    title = f"Game day: users are not served ({oracle})"
    text = timeline.opened(folder.name, SEVERITY, title, at, exercise=True)
    (folder / timeline.FILE).write_text(text, encoding="utf-8")
    return folder


def hold(
    root: Path,
    plan: Plan,
    name: str,
    backend: Backend,
    *,
    limit_s: float | None,
    typed: Callable[[], Iterator[str]],
    out: TextIO,
) -> Path:
    """Opens a drill's broken stack for people, keeps the clock, and writes the score.

    Args:
        root: The project's folder.
        plan: The book's.
        name: The drill's name, or `docname#name`.
        backend: Makes the sandbox.
        limit_s: Seconds after which the day is over in any case; None for what a session has,
            or twice the time that the drill aims at where that is shorter.
        typed: Gives the lines that the facilitator typed since it was last called.
        out: What the facilitator sees.

    Returns:
        The folder with timeline and score.

    Raises:
        PageError: What `find` raises.
        HarnessError: What `run.break_stack` raises; then no timeline is left.
    """
    page, scenario, drill = find(plan, name)
    print(f"opening the stack of {scenario.id}", file=out, flush=True)
    with contextlib.ExitStack() as ending:
        sandbox = backend.open(scenario.services, label=f"{scenario.id} game day")
        ending.callback(sandbox.close)
        watch, injected = run.break_stack(root, sandbox, drill, _WRITES)
        began = clock.now()
        oracle = _oracle(root, drill, sandbox)
        folder = open_timeline(root, oracle.name, began)
        aloud = sheet.situation(watch.last_error, oracle.help)
        print(sheet.sheet(page, scenario, drill, aloud), file=out)
        print(_doors(root, sandbox, ending), file=out)
        print("Type `role: what happened` to note it, `end` to end the day.\n", file=out)
        hints = sheet.hints(page, scenario, drill)
        limit_s = limit_s or min(SESSION_S, 2 * drill.rto_s)
        timer = Timer(folder / timeline.FILE, hints, limit_s, typed, out)
        timer.note("facilitator", "the stack is broken: " + aloud.replace("\n", " "))
        try:
            ended = timer.run(watch, injected)
            account = watch.finish()
        except BaseException as error:
            what = "interrupted" if isinstance(error, KeyboardInterrupt) else f"broke off: {error}"
            timer.note("facilitator", f"{what}; the fault was `{drill.fault}`")
            raise
        said = watch.last_error
        result = score.scored(scenario, drill, account, injected, clock.text(began), said)
        told = score.text(result)
        timer.note("facilitator", f"{_ENDS[ended]}; the fault was `{drill.fault}`")
        for line in told.splitlines():
            timer.note("facilitator", line)
        (folder / SCORE).write_text(f"drill: {scenario.id}\n{told}", encoding="utf-8")
    return folder


_ENDS = {
    "steady": "users have been served for a while, the day is over",
    "time": "the time is up",
    "ended": "the facilitator ends the day",
}


def _oracle(root: Path, drill: Drill, sandbox: Sandbox) -> Oracle:
    brought = kit.load(stack.load(root))
    return brought.oracles[
        faults.oracle(faults.parse(drill.fault, brought), brought, sandbox.services)
    ]


def _doors(root: Path, sandbox: Sandbox, ending: contextlib.ExitStack) -> str:
    """A script for each host that leads a player into it; gone when the day is over."""
    made = root / "build"
    made.mkdir(exist_ok=True)
    folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="gameday-", dir=made)))
    for host in sandbox.hosts:
        door = folder / host
        door.write_text(f"#!/bin/sh\nexec {sandbox.way_in(host)}\n", encoding="utf-8")
        door.chmod(0o700)
    shown = folder.relative_to(root)
    return f"Players enter a host with {shown}/HOST; hosts: {', '.join(sandbox.hosts)}\n"
