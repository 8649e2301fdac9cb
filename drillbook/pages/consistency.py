"""Holds the pages against what they do not contain: the stack and the calendar.

Both change without the pages being read again, so this is looked at in every build.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from drillbook.errors import PageError, Where
from drillbook.pages.scenarios import check_skip

OPERATOR = "ops"
"""The operator's machine: every sandbox has it."""

COMPOSE_FILE = "examples/compose.yaml"
FACTS_FILE = "examples/platform/facts.yaml"


@dataclass(frozen=True, slots=True)
class Claims:
    """What one page takes for granted."""

    stack: tuple[str, ...]
    stack_where: Where
    hosts: tuple[tuple[str, Where, tuple[str, ...]], ...]
    """Each host that a snippet is typed on or a fault needs, the place that says so, and
    the services that its drill adds to the page's."""

    drills: tuple[tuple[str, Where], ...]
    """Each service that a drill adds, with the place that says so."""

    skips: tuple[tuple[str, Where], ...]
    """Each date on which a skip ends."""

    fixes: tuple[tuple[str, Where], ...] = ()
    """Each number of a defect that a snippet needs mended."""


def services(root: Path) -> dict[str, tuple[str, ...]]:
    """Each service of the stack with those it needs; empty if there is no stack."""
    try:
        data = yaml.safe_load((root / COMPOSE_FILE).read_text(encoding="utf-8"))
        found = data["services"]
        return {name: tuple((body or {}).get("depends_on") or ()) for name, body in found.items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        # The backend says what is wrong with the file; here nothing is in it.
        return {}


def defects(root: Path) -> dict[str, str]:
    """Each known defect of the platform by its number, and what is mended here."""
    try:
        found = yaml.safe_load((root / FACTS_FILE).read_text(encoding="utf-8"))["defects"]
        return {str(number): str(text) for number, text in found.items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}


def check(
    claims: Claims,
    known: Mapping[str, tuple[str, ...]],
    today: date,
    mended: Collection[str] = (),
) -> Iterator[PageError]:
    """Everything that one page takes for granted and that is not so.

    Args:
        claims: What the page takes for granted.
        known: Each service with those it needs.
        today: The day on which skips are measured.
        mended: Numbers of the platform's defects that the stack has mended.
    """
    names = ", ".join(known) or f"none: there is no readable {COMPOSE_FILE}"
    for service, where in (*((each, claims.stack_where) for each in claims.stack), *claims.drills):
        if service not in known:
            yield PageError(
                "unknown-service",
                f"The stack has no service `{service}`.",
                where=where,
                hint=f"The services are {names}.",
            )
    for host, where, more in claims.hosts:
        if host == OPERATOR or host in _closure((*claims.stack, *more), known):
            continue
        if host in known:
            message = f"The host `{host}` is not started for this page."
            hint = "Add it to `stack`, in the front matter or of the drill."
        else:
            message = f"There is no host `{host}`."
            hint = f"Hosts are {OPERATOR} and the services of the stack: {names}."
        yield PageError("unknown-host", message, where=where, hint=hint)
    for number, where in claims.fixes:
        if number not in mended:
            yield PageError(
                "unknown-defect",
                f"No defect {number} of the platform is known to be mended here.",
                where=where,
                hint=f"{FACTS_FILE} lists them: {', '.join(mended) or 'none'}.",
            )
    for until, where in claims.skips:
        error = check_skip(until, where, today)
        if error:
            yield error


def _closure(names: tuple[str, ...], known: Mapping[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += known.get(name, ())
    return found
