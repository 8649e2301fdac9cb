"""The named faults: what a drill's `:fault:` may say, and how it really comes about.

An expression is one step or several joined by `; `, for example
`cut db-1-repl; wait 1s; kill db-1`. Every fault changes processes, files, the
network, data or credentials of the running stack, through its hosts' agents. None
is a switch that a recovery step could flip back.

The replica streams from the link that bears its upstream's name: what db-2
receives comes over db-1-repl.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drillbook.drills.declarations import FAULTS, Declaration, Step
from drillbook.drills.injections.hosts import API, APP, InjectionFailed
from drillbook.drills.oracles import names
from drillbook.errors import HarnessError, PageError, Where
from drillbook.pages.options import duration
from drillbook.sandboxes.sandbox import Sandbox

__all__ = ["FAULTS", "Fault", "Step", "files", "inject", "known_hosts", "parse"]

_FILE = re.compile(r"[a-z0-9][a-z0-9-]*\.sql")
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a drill's `:fault:` says."""

    text: str
    steps: tuple[Step, ...]
    oracle: str
    """What decides whether users are served (see `drillbook.drills.oracles`): that of the
    last step that has one."""


def parse(expression: str, where: Where | None = None) -> Fault:
    """Reads a fault expression.

    Args:
        expression: Steps joined by `;`.
        where: The drill directive, for messages.

    Raises:
        PageError: `unknown-fault`, `fault-arguments`, or `fault-without-oracle` when
            no step damages anything.
    """
    steps = tuple(_step(part.split(), where) for part in expression.split(";"))
    oracles = [oracle for step in steps if (oracle := FAULTS[step.name].oracle(step))]
    if not oracles:
        raise PageError(
            "fault-without-oracle",
            f"`{expression.strip()}` damages nothing that a drill could measure",
            where=where,
            hint="add a step such as `kill HOST`",
        )
    return Fault("; ".join(map(str, steps)), steps, oracles[-1])


def known_hosts(fault: Fault) -> tuple[str, ...]:
    """The hosts and links that the stack must have for this fault, in order of use."""
    found: dict[str, None] = {}
    for step in fault.steps:
        for kind, argument in _arguments(step):
            if kind in ("HOST", "LINK"):
                found.setdefault(argument)
        found.update(dict.fromkeys(FAULTS[step.name].needs))
    if fault.oracle in names.OF_PLATFORM:
        found.update(dict.fromkeys((APP, API)))
    return tuple(found)


def files(fault: Fault) -> tuple[str, ...]:
    """Files of the project that the fault runs, e.g. `examples/faults/x.sql`."""
    return tuple(
        f"examples/faults/{argument}"
        for step in fault.steps
        for kind, argument in _arguments(step)
        if kind == "FILE"
    )


def inject(fault: Fault, sandbox: Sandbox) -> float:
    """Makes the fault happen.

    Returns:
        CLOCK_MONOTONIC seconds from which the outage is measured: the last step
        that has an oracle.

    Raises:
        HarnessError: `fault-failed` when a step could not be done; what `request` raises.
    """
    moment = time.monotonic()
    for step in fault.steps:
        declaration = FAULTS[step.name]
        begin = time.monotonic()
        try:
            declaration.inject(sandbox, *step.arguments)
        except InjectionFailed as error:
            raise HarnessError("fault-failed", f"`{step}`: {error}") from error
        if declaration.oracle(step):
            moment = time.monotonic() if declaration.counts_from_end else begin
    return moment


def _step(words: Sequence[str], where: Where | None) -> Step:
    name, arguments = words[0] if words else "", tuple(words[1:])
    if name not in FAULTS:
        what = f"there is no fault {name!r}" if name else "a step of the fault is empty"
        known = ", ".join(" ".join((each.name, *each.arguments)) for each in FAULTS.values())
        raise PageError("unknown-fault", what, where=where, hint=f"faults: {known}")
    declaration = FAULTS[name]
    usage = " ".join((name, *declaration.arguments))
    least = sum(1 for kind in declaration.arguments if not kind.startswith("["))
    if not least <= len(arguments) <= len(declaration.arguments):
        raise PageError(
            "fault-arguments",
            f"`{' '.join(words)}` has {len(arguments)} arguments, not {_span(declaration, least)}",
            where=where,
            hint=f"write `{usage}`",
        )
    for kind, argument in _arguments(Step(name, arguments)):
        trouble = _trouble(kind, argument)
        if trouble:
            raise PageError(
                "fault-arguments", f"{argument!r} is no {kind}: {trouble}", where=where,
                hint=f"write `{usage}`",
            )  # fmt: skip
    return Step(name, arguments)


def _arguments(step: Step) -> Iterator[tuple[str, str]]:
    """Each argument with its kind; the last kinds may have none."""
    kinds = (kind.strip("[]") for kind in FAULTS[step.name].arguments)
    return zip(kinds, step.arguments, strict=False)


def _span(declaration: Declaration, least: int) -> str:
    most = len(declaration.arguments)
    return str(most) if least == most else f"{least} to {most}"


def _trouble(kind: str, argument: str) -> str:
    """Why an argument cannot be of that kind; whether a host is there, the plan checks."""
    if kind == "DURATION":
        try:
            return "" if duration(argument) > 0 else "it must be longer than nothing"
        except ValueError as error:
            return str(error)
    if kind == "FILE" and not _FILE.fullmatch(argument):
        return "it is the name of a file under examples/faults that ends in .sql"
    if kind == "COUNT" and not (argument.isdecimal() and int(argument) > 0):
        return "it is a whole number above 0"
    if kind in ("QUEUE", "ROLE") and not _NAME.fullmatch(argument):
        return "it is a name in small letters"
    return ""
