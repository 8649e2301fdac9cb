"""One scenario in one sandbox, from the fault to the verdict; the order of a run is here."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from drillbook import clock, evidence
from drillbook.drills import faults, kit
from drillbook.drills.verdict import figures, measured, unmeasured
from drillbook.drills.watch import Watch
from drillbook.errors import DrillbookError, HarnessError, PageError
from drillbook.evidence import Evidence
from drillbook.model import (
    Drill,
    DrillResult,
    Result,
    Scenario,
    Snippet,
    Status,
)
from drillbook.sandboxes import stack
from drillbook.sandboxes.compose import ComposeBackend
from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.sandbox import Backend, Sandbox, hold
from drillbook.snippets import absent
from drillbook.snippets.play import Accept, Played, announce, play_snippet

_SETTLE_S = 240.0
"""How long the platform may take to be served before the fault."""

_SETTLE_WRITES = 3
"""Confirmed writes to wait for before the fault: users are served, and there is something to
lose."""

_BREAK_S = 120.0
"""How long a fault may take until users notice it."""

_SERVED_S = 90.0
"""How long after the last step users may wait: what comes later is not the page's doing."""

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
"""What may be a host's name."""


def make_backend(name: str, root: Path) -> Backend:
    """The backend of that name.

    Raises:
        PageError: `unknown-backend`.
    """
    if name == LocalBackend.name:
        return LocalBackend(root)
    if name == ComposeBackend.name:
        return ComposeBackend(root)
    raise PageError(
        "unknown-backend", f"there is no backend {name!r}", hint="backends: local, compose"
    )


@dataclass(slots=True)
class _Scene:
    """What the steps of one scenario share."""

    scenario: Scenario
    backend: str
    folder: Path
    """Where evidence goes."""

    sandbox: Sandbox
    over: str = ""
    """Why nothing more is run; empty while the scenario goes on."""

    announced: set[str] = field(default_factory=set)
    """Hosts that know which Python blocks will come."""

    used: set[str] = field(default_factory=set)
    """Simulated services that were part of a command."""

    breaks: Callable[[str], None] = lambda _: None
    """Brings about what the drill's fault says of a snippet that has passed."""


def play(
    scenario: Scenario,
    backend: Backend,
    *,
    root: Path,
    kept: Path,
    leave_out: str = "",
    keep: bool = False,
    accept: Accept | None = None,
) -> Iterator[Result | DrillResult]:
    """Runs a scenario: one result for each snippet, then the drill's if it is one.

    The control run of a drill is a run of its own: `drillbook.control`.

    Args:
        scenario: What to run.
        backend: Makes the sandbox.
        root: The project's folder.
        kept: Where evidence goes.
        leave_out: Name of a snippet that is not run, to see the drill fail.
        keep: Whether a failed scenario's sandbox stays until Ctrl-C.
        accept: Told of output that differs; a true answer takes it as right.

    Yields:
        Results in order, each as soon as it is known.
    """
    drill = scenario.drill
    started = clock.stamp()
    with contextlib.ExitStack() as ending:
        watch, injected = None, 0.0
        try:
            sandbox = backend.open(scenario.services, label=scenario.id)
            ending.callback(sandbox.close)
            scene = _Scene(scenario, backend.name, kept, sandbox)
            if drill:
                scene.breaks = _later(root, sandbox, drill)
                watch, injected = break_stack(root, sandbox, drill, _SETTLE_WRITES)
        except DrillbookError as error:
            yield from _all_broken(scenario, error)
            return
        for snippet in scenario.snippets:
            left_out = snippet.name == leave_out
            result = _left_out(scenario, snippet) if left_out else _step(scene, snippet, accept)
            if keep and result.status in ("failed", "error"):
                print(f"\n{result.path}:{result.line}: {result.reason}", file=sys.__stderr__)
                hold(sandbox, snippet.on)
            yield result
        if drill and watch:
            blank = unmeasured(scenario, drill, started)
            verdict = _judge(scene, blank, watch, injected, _concerned(root, sandbox, drill))
            sandbox.close()
            yield _recorded(scene, verdict, watch)


def _later(root: Path, sandbox: Sandbox, drill: Drill) -> Callable[[str], None]:
    """What is called with the name of each snippet that has passed."""
    brought = kit.load(stack.load(root))
    fault = faults.parse(drill.fault, brought)
    return lambda name: faults.inject_after(name, fault, brought, sandbox)


def _concerned(root: Path, sandbox: Sandbox, drill: Drill) -> frozenset[str]:
    """The hosts and links that a drill's fault concerns or that its oracle looks at."""
    brought = kit.load(stack.load(root))
    fault = faults.parse(drill.fault, brought)
    oracle = brought.oracles[faults.oracle(fault, brought, sandbox.services)]
    return frozenset((*faults.hosts_named(fault, brought), *oracle.needs))


def break_stack(root: Path, sandbox: Sandbox, drill: Drill, writes: int) -> tuple[Watch, float]:
    """Starts the prober, injects the fault and waits until users notice.

    Args:
        root: The project's folder.
        sandbox: Where.
        drill: Names the fault.
        writes: Confirmed writes to wait for before it.

    Returns:
        The prober at work, and when the outage began, in seconds of CLOCK_MONOTONIC.

    Raises:
        HarnessError: `not-served` before the fault, `fault-without-effect` after it.
    """
    definition = stack.load(root)
    brought = kit.load(definition)
    fault = faults.parse(drill.fault, brought)
    oracle = faults.oracle(fault, brought, sandbox.services)
    watch = Watch(sandbox, definition.prober, brought.prober, oracle)
    if not watch.until(True, timeout_s=_SETTLE_S, acknowledged=writes):
        raise HarnessError(
            "not-served",
            f"before the fault the platform was not served: {watch.last_error or 'no word'}",
        )
    injected = faults.inject(fault, brought, sandbox)
    # A look that failed before the fault was complete may have met something else.
    if not watch.until(False, timeout_s=_BREAK_S, failed_since=time.monotonic()):
        raise HarnessError(
            "fault-without-effect",
            f"`{drill.fault}` changed nothing that users notice within {_BREAK_S:g} s "
            f"(oracle {oracle})",
        )
    return watch, injected


def _step(scene: _Scene, snippet: Snippet, accept: Accept | None) -> Result:
    """Runs one snippet, writes its evidence, and says how it went."""
    result = Result(
        id=snippet.id,
        scenario=scene.scenario.id,
        digest=snippet.digest,
        status="not-run",
        started=clock.stamp(),
        path=snippet.path,
        line=snippet.line,
    )
    if snippet.options.skip:
        return replace(result, status="skipped", reason=snippet.options.skip)
    if scene.over:
        return replace(result, reason=scene.over)
    host = None
    try:
        host = scene.sandbox.host(snippet.on)
        if snippet.on not in scene.announced:
            scene.announced.add(snippet.on)
            announce(host, (each for each in scene.scenario.snippets if each.on == snippet.on))
        played = play_snippet(host, snippet, accept)
        if played.status == "passed" and (
            reason := _not_found(played, scene.sandbox) or _not_simulated(scene.sandbox)
        ):
            played = replace(played, status="failed", reason=reason)
        if played.status == "passed":
            scene.breaks(snippet.name)
    except HarnessError as error:
        played = Played(status="error", reason=str(error))
    if played.status != "passed":
        scene.over = (
            f"{snippet.name} ({snippet.path}:{played.line or snippet.line}) {played.status}"
        )
    result = replace(
        result,
        status=played.status,
        reason=evidence.redact(played.reason, scene.sandbox.secrets),
        exit_code=played.exit_code,
        duration_s=round(played.duration_s, 4),
        line=played.line or snippet.line,
        waited_s=round(played.waited_s, 3),
        simulated=_simulated_in(snippet, scene.sandbox),
        versions=dict(scene.sandbox.versions),
    )
    scene.used.update(result.simulated)
    more = {}
    if played.status in ("failed", "error") and host:
        with contextlib.suppress(HarnessError):
            more = _logs(scene.sandbox)
    name = evidence.write(
        scene.folder,
        Evidence(
            id=snippet.id,
            scenario=scene.scenario.id,
            backend=scene.backend,
            status=result.status,
            host=snippet.on,
            user=scene.sandbox.user,
            path=result.path,
            line=result.line,
            reason=result.reason,
            started=result.started,
            duration_s=result.duration_s,
            digest=result.digest,
            versions=scene.sandbox.versions,
            steps=played.steps,
            more=more,
        ),
        scene.sandbox.secrets,
    )
    return replace(result, evidence=name)


def _judge(
    scene: _Scene, blank: DrillResult, watch: Watch, injected: float, judged_by: Set[str]
) -> DrillResult:
    """Waits until users are served again, and takes the prober's account.

    Args:
        scene: What was run, and where.
        blank: The result before anything is known.
        watch: The prober at work.
        injected: When the outage began, in seconds of CLOCK_MONOTONIC.
        judged_by: Hosts that the fault concerns or that its oracle looks at.
    """
    try:
        if not scene.over:
            watch.until(True, timeout_s=_SERVED_S)
        said = watch.last_error
        account = watch.finish()
        contacted = scene.sandbox.hosts_contacted()
        unknown = _not_simulated(scene.sandbox)
    except DrillbookError as error:
        return replace(blank, status="error", reason=str(error))
    standing = {each.name for each in scene.sandbox.services.values() if each.simulated}
    taking_part = _taking_part(standing, {*scene.used, *account.asked}, judged_by)
    result = replace(
        measured(blank, account, injected, contacted, said),
        simulated=tuple(sorted(taking_part)),
        stood_in=tuple(sorted(standing - taking_part)),
        versions=dict(scene.sandbox.versions),
    )
    if unknown:
        result = replace(result, status="failed", reason=unknown)
    if scene.over:
        reason = f"the drill was not walked to its end: {scene.over}"
        return replace(result, status="not-run", reason=reason)
    return result


def _taking_part(standing: Set[str], asked: Set[str], judged_by: Set[str]) -> frozenset[str]:
    """Which simulated services were part of the fault, of a command or of what was judged."""
    return frozenset(
        name
        for name in standing
        if name in asked
        # A link to a host bears its name: `mail-wan`.
        or any(host == name or host.startswith(f"{name}-") for host in judged_by)
    )


def _recorded(scene: _Scene, verdict: DrillResult, watch: Watch) -> DrillResult:
    """The verdict with its evidence written: the prober's account in full."""
    verdict = replace(verdict, reason=evidence.redact(verdict.reason, scene.sandbox.secrets))
    more = {"Measured": figures(verdict)}
    if watch.account:
        more["Errors that clients saw"] = "\n".join(watch.account.errors)
    name = evidence.write(
        scene.folder,
        Evidence(
            id=verdict.id,
            scenario=verdict.id,
            backend=scene.backend,
            status=verdict.status,
            reason=verdict.reason,
            started=verdict.started,
            digest=verdict.digest,
            versions=scene.sandbox.versions,
            more=more,
        ),
        scene.sandbox.secrets,
    )
    return replace(verdict, evidence=name)


def _not_found(played: Played, sandbox: Sandbox) -> str:
    """Which host that is none of the stack's was not found, in words; else empty."""
    known = {name for service in sandbox.services.values() for name in service.names}
    name = absent.host_in((step.stderr for step in played.steps), known | {*sandbox.hosts})
    return f"it names a host that is not there: {name}" if name else ""


def _not_simulated(sandbox: Sandbox) -> str:
    """What was asked of a simulated service that it does not simulate, in words; else empty."""
    for service in sandbox.services.values():
        if service.unknown:
            # Asked after each step, so that it must cost no more than a round trip.
            reply = sandbox.host(service.name).request(
                "first_line", timeout_s=5, path=service.unknown
            )
            if reply["text"]:
                asked = json.loads(reply["text"])
                return f"{service.name} does not simulate {asked['method']} {asked['path']}"
    return ""


def _simulated_in(snippet: Snippet, sandbox: Sandbox) -> tuple[str, ...]:
    """The simulated services that a snippet is typed on or that its text names."""
    words = {snippet.on, *_WORD.findall(snippet.text)}
    return tuple(
        each.name for each in sandbox.services.values() if each.simulated and words & {*each.names}
    )


def _left_out(scenario: Scenario, snippet: Snippet) -> Result:
    return Result(
        id=snippet.id,
        scenario=scenario.id,
        digest=snippet.digest,
        status="skipped",
        reason="left out to see the drill fail",
        started=clock.stamp(),
        path=snippet.path,
        line=snippet.line,
    )


def _all_broken(scenario: Scenario, error: DrillbookError) -> Iterator[Result | DrillResult]:
    """The results of a scenario whose sandbox or fault did not come about."""
    status: Status = "error"
    reason = str(error)
    for snippet in scenario.snippets:
        yield Result(
            id=snippet.id,
            scenario=scenario.id,
            digest=snippet.digest,
            status=status,
            reason=reason,
            started=clock.stamp(),
            path=snippet.path,
            line=snippet.line,
        )
        status, reason = "not-run", f"the sandbox was not there: {error.code}"
    if scenario.drill:
        blank = unmeasured(scenario, scenario.drill, clock.stamp())
        yield replace(blank, status="error", reason=str(error))


def _logs(sandbox: Sandbox) -> dict[str, str]:
    """The last lines of every service's log, by host."""
    found = {}
    for name in sandbox.hosts:
        text = sandbox.host(name).request("logs", timeout_s=5, lines=20)["text"]
        if text:
            found[f"End of the log on {name}"] = text
    return found
