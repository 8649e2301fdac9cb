"""What the oracles of the databases look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drillbook.inside.journal import Journal
from drillbook.inside.probing import Twins
from smartbeak_drills.session import Session

INSERT = "INSERT INTO drillbook.probe (seq) VALUES ($1::bigint)"

PATIENCE_S = 1.0
"""Seconds that a write may take before users call the platform down."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an oracle of the database can reach."""

    journal: Journal
    """Of the numbered rows."""

    nodes: Sequence[str]
    """The database hosts; the first is the one that is meant to be primary."""

    platform: Callable[[], Session]
    """Connects as the platform does: to the address in its configuration."""

    node: Callable[[str], Session]
    """Connects to one of the nodes, with the login that the platform had at first."""

    now: Callable[[str], Session]
    """Connects to one of the nodes, with the login that the platform has now."""

    twins: Twins
    """Looks out for two nodes that take writes."""
