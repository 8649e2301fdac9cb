"""The grammar of faults: what a drill's `:fault:` may say, and how it comes about.

An expression is one step or several joined by `; `, for example
`cut db-1-repl; wait 1s; kill db-1`. Every fault changes processes, files, the
network, data or credentials of the running stack, through its hosts' agents. None
is a switch that a recovery step could flip back.

Steps behind `after NAME` come about in the middle of the recovery, once the drill's
snippet of that name has passed: `kill db-1; after start; kill redis-1`. What users
miss is judged by the steps before it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drillbook.drills.declarations import NOBODY, Declaration, NotSaid, Services, Step
from drillbook.drills.hosts import InjectionFailed
from drillbook.drills.kit import Kit
from drillbook.errors import HarnessError, PageError, Where
from drillbook.sandboxes.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Fault:
    """What a drill's `:fault:` says."""

    text: str
    steps: tuple[Step, ...]
    later: tuple[tuple[str, tuple[Step, ...]], ...] = ()
    """Names of snippets, and what is broken once each has passed."""

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """Those of the beginning, then those of the middle."""
        return (*self.steps, *(step for _, steps in self.later for step in steps))


_AFTER = "after"


def parse(expression: str, kit: Kit, where: Where | None = None) -> Fault:
    """Reads a fault expression.

    Args:
        expression: Steps joined by `;`.
        kit: The stack's faults.
        where: The drill directive, for messages.

    Raises:
        PageError: `unknown-fault` or `fault-arguments`.
    """
    parts: list[tuple[str, list[Step]]] = [("", [])]
    text = []
    for part in expression.split(";"):
        words = part.split()
        if words[:1] == [_AFTER]:
            parts.append((_snippet(words, where), []))
            text.append(" ".join(words))
        else:
            step = _step(words, kit, where)
            parts[-1][1].append(step)
            text.append(str(step))
    if not all(steps for _, steps in parts):
        raise PageError(
            "fault-arguments",
            f"`{'; '.join(text)}` breaks nothing before or behind `{_AFTER}`",
            where=where,
            hint=f"write `FAULT; {_AFTER} SNIPPET; FAULT`",
        )
    (_, first), *later = parts
    return Fault(
        "; ".join(text), tuple(first), tuple((name, tuple(steps)) for name, steps in later)
    )


def oracle(fault: Fault, kit: Kit, services: Services, where: Where | None = None) -> str:
    """Name of what decides whether users are served: the oracle of the last step that has one.

    Args:
        fault: What the drill says.
        kit: The stack's faults and oracles.
        services: What the stack says of each host.
        where: The drill directive, for messages.

    Raises:
        PageError: `not-noticed` when a service does not say what notices that it is
            gone, `unknown-oracle` when it names none of the stack's,
            `fault-without-oracle` when no step damages anything.
    """
    found = []
    for step in fault.steps:
        try:
            found.append(kit.faults[step.name].noticed(step, services))
        except NotSaid as error:
            raise PageError(
                "not-noticed",
                f"`{step}`: the stack does not say what notices that {error} is gone",
                where=where,
                hint=f"the service says `noticed-by` in its x-drillbook: {NOBODY}, or "
                + (", ".join(kit.oracles) or "an oracle, of which the stack has none"),
            ) from None
    found = [name for name in found if name]
    if not found:
        raise PageError(
            "fault-without-oracle",
            f"`{fault.text}` damages nothing that a drill could measure",
            where=where,
            hint="add a step such as `kill HOST`",
        )
    if found[-1] not in kit.oracles:
        raise PageError(
            "unknown-oracle",
            f"`{fault.text}` is noticed by {found[-1]!r}, which is no oracle of the stack",
            where=where,
            hint="oracles: " + (", ".join(kit.oracles) or "none"),
        )
    return found[-1]


def hosts_named(fault: Fault, kit: Kit) -> tuple[str, ...]:
    """The hosts and links that the stack must have for this fault, in order of use."""
    found: dict[str, None] = {}
    for step in fault.all_steps:
        for kind, argument in _arguments(step, kit):
            if kind in ("HOST", "LINK"):
                found.setdefault(argument)
        found.update(dict.fromkeys(kit.faults[step.name].needs))
    return tuple(found)


def inject(fault: Fault, kit: Kit, sandbox: Sandbox) -> float:
    """Makes the fault happen, without what comes in the middle of the recovery.

    Returns:
        CLOCK_MONOTONIC seconds from which the outage is measured: the last step
        that has an oracle.

    Raises:
        HarnessError: `fault-failed` when a step could not be done; what `request` raises.
    """
    moment = time.monotonic()
    for step in fault.steps:
        declaration = kit.faults[step.name]
        begin = time.monotonic()
        _bring_about(step, kit, sandbox)
        if declaration.noticed(step, sandbox.services):
            moment = time.monotonic() if declaration.counts_from_end else begin
    return moment


def inject_after(snippet: str, fault: Fault, kit: Kit, sandbox: Sandbox) -> None:
    """Makes happen what the fault says of a snippet that has just passed.

    Raises:
        HarnessError: `fault-failed` when a step could not be done; what `request` raises.
    """
    for name, steps in fault.later:
        if name == snippet:
            for step in steps:
                _bring_about(step, kit, sandbox)


def _bring_about(step: Step, kit: Kit, sandbox: Sandbox) -> None:
    try:
        kit.faults[step.name].inject(sandbox, *step.arguments)
    except InjectionFailed as error:
        raise HarnessError("fault-failed", f"`{step}`: {error}") from error


def _snippet(words: Sequence[str], where: Where | None) -> str:
    if len(words) != 2:
        raise PageError(
            "fault-arguments",
            f"`{' '.join(words)}` names {len(words) - 1} snippets, not 1",
            where=where,
            hint=f"write `{_AFTER} SNIPPET`",
        )
    return words[1]


def _step(words: Sequence[str], kit: Kit, where: Where | None) -> Step:
    name, arguments = words[0] if words else "", tuple(words[1:])
    if name not in kit.faults:
        what = f"there is no fault {name!r}" if name else "a step of the fault is empty"
        known = ", ".join(" ".join((each.name, *each.arguments)) for each in kit.faults.values())
        raise PageError("unknown-fault", what, where=where, hint=f"faults: {known}")
    declaration = kit.faults[name]
    usage = " ".join((name, *declaration.arguments))
    least = sum(1 for kind in declaration.arguments if not kind.startswith("["))
    if not least <= len(arguments) <= len(declaration.arguments):
        raise PageError(
            "fault-arguments",
            f"`{' '.join(words)}` has {len(arguments)} arguments, not {_span(declaration, least)}",
            where=where,
            hint=f"write `{usage}`",
        )
    for kind, argument in _arguments(Step(name, arguments), kit):
        trouble = kit.kinds[kind].trouble(argument)
        if trouble:
            raise PageError(
                "fault-arguments", f"{argument!r} is no {kind}: {trouble}", where=where,
                hint=f"write `{usage}`",
            )  # fmt: skip
    return Step(name, arguments)


def _arguments(step: Step, kit: Kit) -> Iterator[tuple[str, str]]:
    """Each argument with its kind; the last kinds may have none."""
    kinds = (kind.strip("[]") for kind in kit.faults[step.name].arguments)
    return zip(kinds, step.arguments, strict=False)


def _span(declaration: Declaration, least: int) -> str:
    most = len(declaration.arguments)
    return str(most) if least == most else f"{least} to {most}"
