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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from drillbook.drills import injections
from drillbook.drills.injections import (
    OPERATOR,
    PLATFORM,
    PRIMARY,
    REPLICA,
    Injection,
    InjectionFailed,
)
from drillbook.errors import HarnessError, PageError, Where
from drillbook.pages.options import duration
from drillbook.sandboxes.sandbox import Sandbox

Oracle = Literal["", "writes", "connections", "replica", "rows", "roles"]
Changes = Literal["processes", "files", "network", "data", "nothing"]

_FILE = re.compile(r"[a-z0-9][a-z0-9-]*\.sql")


@dataclass(frozen=True, slots=True)
class Step:
    """One named fault with its arguments."""

    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        """The step as a page writes it."""
        return " ".join((self.name, *self.arguments))


@dataclass(frozen=True, slots=True)
class Fault:
    """What a drill's `:fault:` says."""

    text: str
    steps: tuple[Step, ...]
    oracle: str
    """What decides whether users are served (see `drillbook.drills.oracles`): that of the
    last step that has one."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One kind of fault."""

    name: str
    arguments: tuple[str, ...]
    """Kinds of its arguments: HOST, LINK, DURATION, FILE."""

    help: str
    """What really happens, for the reference page."""

    changes: Changes
    oracle: Callable[[Step], Oracle]
    inject: Injection
    needs: tuple[str, ...] = ()
    """Hosts that it uses beside those it names."""

    counts_from_end: bool = False
    """Whether the outage is measured from when the fault is complete. Else it is
    measured from its begin, so that a recovery never looks shorter than it was."""


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
        declaration = FAULTS[step.name]
        for kind, argument in zip(declaration.arguments, step.arguments, strict=True):
            if kind in ("HOST", "LINK"):
                found.setdefault(argument)
        found.update(dict.fromkeys(declaration.needs))
    return tuple(found)


def files(fault: Fault) -> tuple[str, ...]:
    """Files of the project that the fault runs, e.g. `examples/faults/x.sql`."""
    return tuple(
        f"examples/faults/{argument}"
        for step in fault.steps
        for kind, argument in zip(FAULTS[step.name].arguments, step.arguments, strict=True)
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
    if len(arguments) != len(declaration.arguments):
        raise PageError(
            "fault-arguments",
            f"`{' '.join(words)}` has {len(arguments)} arguments, not {len(declaration.arguments)}",
            where=where,
            hint=f"write `{usage}`",
        )
    for kind, argument in zip(declaration.arguments, arguments, strict=True):
        trouble = _trouble(kind, argument)
        if trouble:
            raise PageError(
                "fault-arguments", f"{argument!r} is no {kind}: {trouble}", where=where,
                hint=f"write `{usage}`",
            )  # fmt: skip
    return Step(name, arguments)


def _trouble(kind: str, argument: str) -> str:
    """Why an argument cannot be of that kind; whether a host is there, the plan checks."""
    if kind == "DURATION":
        try:
            return "" if duration(argument) > 0 else "it must be longer than nothing"
        except ValueError as error:
            return str(error)
    if kind == "FILE" and not _FILE.fullmatch(argument):
        return "it is the name of a file under examples/faults that ends in .sql"
    return ""


def _always(oracle: Oracle) -> Callable[[Step], Oracle]:
    return lambda _: oracle


def _by_role(step: Step) -> Oracle:
    """Users notice a lost replica otherwise than a lost primary."""
    return "replica" if step.arguments[0] == REPLICA else "writes"


_DECLARATIONS = (
    Declaration(
        "kill", ("HOST",),
        "SIGKILL to every process of the host's service.",
        "processes", _by_role, injections.send_signal("KILL"),
    ),
    Declaration(
        "stop", ("HOST",),
        "SIGTERM to every process of the host's service: it shuts down in order.",
        "processes", _by_role, injections.send_signal("TERM"),
    ),
    Declaration(
        "pause", ("HOST",),
        "SIGSTOP to every process of the host's service: connections stay and nothing answers.",
        "processes", _by_role, injections.send_signal("STOP"),
    ),
    Declaration(
        "resume", ("HOST",),
        "SIGCONT to every process of the host's service.",
        "processes", _always(""), injections.send_signal("CONT"),
    ),
    Declaration(
        "cut", ("LINK",),
        "Nothing passes the link any more and nothing is closed; db-1-repl carries what db-2 "
        "receives.",
        "network", _always("replica"), injections.cut,
    ),
    Declaration(
        "delay", ("LINK", "DURATION"),
        "Every byte on the link arrives that much later, both ways.",
        "network", _always("replica"), injections.delay,
    ),
    Declaration(
        "open", ("LINK",),
        "The link passes everything again; what was stalled flows on.",
        "network", _always(""), injections.reopen,
    ),
    Declaration(
        "exhaust", ("HOST",),
        "A forgotten worker on app opens idle sessions as smartbeak until the server refuses, and "
        "takes every slot that gets free until its sessions are ended.",
        "processes", _always("connections"), injections.exhaust, (PLATFORM,), counts_from_end=True,
    ),
    Declaration(
        "break-replication", ("HOST",),
        "The replica's link is out until the primary has recycled the WAL it needs and a clean-up "
        "has removed it from the archive; then the link is back.",
        "files", _always("replica"), injections.break_replication, (PRIMARY, REPLICA),
        counts_from_end=True,
    ),
    Declaration(
        "lose-data", ("HOST",),
        "SIGKILL to the service, then everything in its data folder is deleted.",
        "files", _by_role, injections.lose_data,
    ),
    Declaration(
        "run-sql", ("HOST", "FILE"),
        "Runs a file of examples/faults as smartbeak, as an operator would by mistake.",
        "data", _always("rows"), injections.run_sql, (OPERATOR,),
    ),
    Declaration(
        "swap-roles", (),
        "What an earlier failover leaves behind, brought about by its commands: db-2 is primary, "
        "db-1 its replica, and the platform's configuration names db-2.",
        "files", _always("roles"), injections.swap_roles, (PRIMARY, REPLICA, PLATFORM),
        counts_from_end=True,
    ),
    Declaration(
        "wait", ("DURATION",),
        "Lets time pass between two steps.",
        "nothing", _always(""), injections.wait,
    ),
)  # fmt: skip

FAULTS: Mapping[str, Declaration] = {each.name: each for each in _DECLARATIONS}
"""Every fault by its name, in the order of the reference page."""
