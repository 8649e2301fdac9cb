"""What a fault, an argument of one and an oracle are, as an engine and a stack declare them.

The tables of the book are made from these declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from drillbook.drills.hosts import Injection
from drillbook.sandboxes.service import Service

Changes = Literal["processes", "files", "network", "data", "credentials", "nothing"]
Services = Mapping[str, Service]


@dataclass(frozen=True, slots=True)
class Step:
    """One named fault with its arguments."""

    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        """The step as a page writes it."""
        return " ".join((self.name, *self.arguments))


@dataclass(frozen=True, slots=True)
class Kind:
    """What an argument of a fault may be."""

    name: str
    """As it stands in a fault's usage, e.g. `COUNT`."""

    trouble: Callable[[str], str]
    """Why a text cannot be of this kind; empty when it can."""


Noticed = Callable[[Step, Services], str]
"""Name of the oracle that decides whether users are served after a step; empty for a step
that harms nobody. It may raise `NotSaid`."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One kind of fault."""

    name: str
    arguments: tuple[str, ...]
    """Names of its arguments' kinds; one in brackets may be left out."""

    help: str
    """What really happens, for the reference page."""

    changes: Changes
    noticed: Noticed
    inject: Injection
    needs: tuple[str, ...] = ()
    """Hosts that it uses beside those it names."""

    counts_from_end: bool = False
    """Whether the outage is measured from when the fault is complete. Else it is
    measured from its begin, so that a recovery never looks shorter than it was."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """What decides whether users are served; the stack's prober asks it."""

    name: str
    help: str
    """When it says that users are served, for the reference page."""

    needs: tuple[str, ...] = ()
    """Hosts without which it cannot look, beside the prober's own."""


class NotSaid(Exception):
    """The stack does not say what notices that a service is gone; names the service."""


def always(oracle: str) -> Noticed:
    """Noticed by the same oracle, whatever the arguments; by none when it is empty."""
    return lambda _step, _services: oracle


def said_by_service(step: Step, services: Services) -> str:
    """Noticed as the service that the first argument names says it: `noticed-by`.

    Raises:
        NotSaid: It does not.
    """
    host = step.arguments[0]
    said = services[host].noticed_by if host in services else ""
    if not said:
        raise NotSaid(host)
    return "" if said == NOBODY else said


NOBODY = "nobody"
"""What `noticed-by` says of a service that users can do without."""
