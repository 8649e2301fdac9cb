"""Holds the pages against what they do not contain: the stack and the calendar.

Both change without the pages being read again, so this is looked at in every build.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from drillbook.drills import faults
from drillbook.drills.kit import Kit
from drillbook.errors import HarnessError, PageError, Where
from drillbook.pages.scenarios import check_skip
from drillbook.sandboxes import stack
from drillbook.sandboxes.service import Service
from drillbook.sandboxes.stack import COMPOSE_FILE, Stack


@dataclass(frozen=True, slots=True)
class Claims:
    """What one page takes for granted."""

    stack: tuple[str, ...]
    stack_where: Where
    hosts: tuple[tuple[str, Where, tuple[str, ...]], ...]
    """Each host that a snippet is typed on, the place that says so, and the services that
    its drill adds to the page's."""

    drills: tuple[tuple[str, Where], ...]
    """Each service that a drill adds, with the place that says so."""

    faults: tuple[tuple[str, Where, tuple[str, ...], tuple[str, ...]], ...]
    """Each drill's fault, the place that says it, the services that the drill adds, and the
    names of its snippets that are run."""

    skips: tuple[tuple[str, Where], ...]
    """Each date on which a skip ends."""

    fixes: tuple[tuple[str, Where], ...] = ()
    """Each number of a defect that a snippet needs mended."""


def stack_of(root: Path) -> Stack:
    """The book's stack; one without services where it has none that can be read."""
    try:
        return stack.load(root)
    except HarnessError:
        # What is wrong with the file, `trouble` says.
        return Stack({})


def trouble(root: Path) -> PageError | None:
    """What is wrong with the stack's definition; None where it is right or there is none.

    While it cannot be read, nothing on the pages can be held against it.
    """
    if not (root / COMPOSE_FILE).exists():
        return None
    try:
        stack.load(root)
    except HarnessError as error:
        return PageError(error.code, error.message, where=error.where, hint=error.hint)
    return None


def defects(book: Stack) -> dict[str, str]:
    """Each known defect of what the stack stands for, by its number, and what is mended here."""
    if not book.defects:
        return {}
    try:
        found = yaml.load(  # as safe as `safe_load`, and ten times as quick
            Path(book.defects).read_text(encoding="utf-8"), Loader=stack.LOADER
        )["defects"]
        return {str(number): str(text) for number, text in found.items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}


def check(
    claims: Claims,
    book: Stack,
    kit: Kit,
    today: date,
    mended: Collection[str] = (),
) -> Iterator[PageError]:
    """Everything that one page takes for granted and that is not so.

    Args:
        claims: What the page takes for granted.
        book: The book's stack.
        kit: What that brings for drills.
        today: The day on which skips are measured.
        mended: Numbers of the platform's defects that the stack has mended.
    """
    known = book.services
    names = ", ".join(known) or f"none: there is no {COMPOSE_FILE}"
    for service, where in (*((each, claims.stack_where) for each in claims.stack), *claims.drills):
        if service not in known:
            yield PageError(
                "unknown-service",
                f"The stack has no service `{service}`.",
                where=where,
                hint=f"The services are {names}.",
            )
    for host, where, more in claims.hosts:
        yield from _host(host, where, (*claims.stack, *more), book)
    for text, where, more, snippets in claims.faults:
        yield from _fault(text, where, (*claims.stack, *more), snippets, book, kit)
    for number, where in claims.fixes:
        if number not in mended:
            yield PageError(
                "unknown-defect",
                f"The stack has mended no defect {number}.",
                where=where,
                hint=f"The stack's `defects` are {', '.join(mended) or 'none'}.",
            )
    for until, where in claims.skips:
        error = check_skip(until, where, today)
        if error:
            yield error


def _host(host: str, where: Where, services: tuple[str, ...], book: Stack) -> Iterator[PageError]:
    if host == book.operator or host in _closure(services, book.services):
        return
    if host in book.services:
        message = f"The host `{host}` is not started for this page."
        hint = "Add it to `stack`, in the front matter or of the drill."
    else:
        message = f"There is no host `{host}`."
        names = ", ".join(book.services) or f"none: there is no {COMPOSE_FILE}"
        hint = f"Hosts are {book.operator} and the services of the stack: {names}."
    yield PageError("unknown-host", message, where=where, hint=hint)


def _fault(
    text: str,
    where: Where,
    services: tuple[str, ...],
    snippets: tuple[str, ...],
    book: Stack,
    kit: Kit,
) -> Iterator[PageError]:
    try:
        fault = faults.parse(text, kit, where)
        for name, _ in fault.later:
            if name not in snippets:
                yield PageError(
                    "unknown-snippet",
                    f"`after {name}`: the drill runs no snippet of that name",
                    where=where,
                    hint="its snippets: " + ", ".join(snippets),
                )
        named = faults.hosts_named(fault, kit)
        unknown = [error for host in named for error in _host(host, where, services, book)]
        yield from unknown
        if unknown:
            return
        oracle = faults.oracle(fault, kit, book.services, where)
    except PageError as error:
        yield error
        return
    more = dict.fromkeys([book.prober, *kit.oracles[oracle].needs])
    for host in more:
        if host not in named:
            yield from _host(host, where, services, book)


def _closure(names: tuple[str, ...], known: Mapping[str, Service]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += known[name].needs if name in known else ()
    return found
