"""Finds the branch: looks, then reads the trees."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smartbeak_ops import settings, tree
from smartbeak_ops.looks import host
from smartbeak_ops.looks.seen import Look, Seen, Value, look
from smartbeak_ops.refusal import RefusedError

BOOK = "https://docs.smartbeak.com/"
"""Where the book is read online; offline the same path is below the folder of the built book."""

UNKNOWN = "runbooks/unknown"
"""Document for a situation that no tree places."""


@dataclass(frozen=True, slots=True)
class Found:
    """What triage came to.

    Attributes:
        subjects: What was looked at.
        seen: Lines and facts.
        rows: The first row that fits of each tree, the worst first.
    """

    subjects: tuple[str, ...]
    seen: Seen
    rows: tuple[tree.Row, ...]

    @property
    def branch(self) -> tree.Row | None:
        """The branch to open; None where nothing is wrong."""
        return self.rows[0] if self.rows else None


def triage(subjects: Sequence[str]) -> Found:
    """Looks at the subjects at the same time, and reads their trees.

    Raises:
        TreeError: A tree cannot be used.
        RefusedError: There is nothing to look at from this host.
    """
    trees = [tree.load(subject) for subject in subjects]
    seen = look_at(subjects)
    return Found(tuple(subjects), seen, read(trees, seen.facts))


def read(trees: Sequence[tree.Tree], facts: Mapping[str, Value]) -> tuple[tree.Row, ...]:
    """The rows that fit, the worst first and each branch once.

    Args:
        trees: In the order in which they are read.
        facts: What was seen.
    """
    rows = [row for row in (each.first(facts) for each in trees) if row is not None]
    # The worst first; of equals the one whose tree comes first, since others need it.
    rows.sort(key=lambda row: tree.SEVERITIES.index(row.severity))
    wrong: dict[str, tree.Row] = {}
    for row in rows:
        if row.severity != "none":
            wrong.setdefault(row.branch, row)
    return tuple(wrong.values() or rows)


def look_at(subjects: Sequence[str]) -> Seen:
    """The lines and facts of several subjects.

    Raises:
        RefusedError: There is nothing to look at from this host.
    """
    return look(looks(subjects))


def looks(subjects: Sequence[str]) -> list[Look]:
    """What there is to look at, each thing once."""
    found: dict[str, Look] = {}
    local = {each.name: each for subject in subjects for each in host.looks(subject)}
    if local and host.data_folder() is None:
        found.update(local)
    if not settings.FILE.exists() or host.data_folder() is not None:
        if not local:
            raise RefusedError(
                f"{settings.here()} sees nothing of {', '.join(subjects)}: type it on ops"
            )
        return list(local.values())
    if local:
        # A host of the platform is asked for what only it can see; the rest is ops' to see.
        return list(local.values())
    known = settings.read()
    for subject in subjects:
        for each in _of(subject, known):
            found.setdefault(each.name, each)
    return list(found.values())


def _of(subject: str, known: settings.Settings) -> list[Look]:
    # Imported when used: each of them brings its client.
    module, name = {
        "postgres": ("database", "looks"),
        "redis": ("cache", "looks"),
        "queues": ("queues", "looks"),
        "payments": ("platform", "payments"),
        "deploy": ("platform", "looks"),
        "security": ("security", "looks"),
        "rollback": ("release", "looks"),
    }[subject]
    made = getattr(importlib.import_module(f"smartbeak_ops.looks.{module}"), name)(known)
    result: list[Look] = made
    if subject == "payments":
        if settings.known(settings.STRIPE):
            result += importlib.import_module("smartbeak_ops.looks.provider").looks(known)
            result += importlib.import_module("smartbeak_ops.looks.agreement").looks(known)
        result += importlib.import_module("smartbeak_ops.looks.paddle").looks(known)
    if subject == "redis":
        # Jobs and pieces that Redis lost show only beside PostgreSQL.
        queues = importlib.import_module("smartbeak_ops.looks.queues").looks(known)
        result += [each for each in queues if each.name in ("readyz", "queues", "missing", "cache")]
    return result


def address(branch: str) -> str:
    """Where a branch is in the book."""
    document, _, anchor = branch.partition("#")
    return f"{BOOK}{document}.html" + (f"#{anchor}" if anchor else "")
