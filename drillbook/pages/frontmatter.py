"""The front matter of a page: who owns it and what it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from drillbook.errors import PageError, Where

REVIEW_CYCLES = ("weekly", "monthly", "quarterly", "after-incident")
_KEYS = {
    "owner": "owner: platform-on-call",
    "review-cycle": "review-cycle: monthly",
    "last-reviewed": "last-reviewed: 2026-11-23",
    "stack": "stack: [db-1, db-2]",
}
_BLOCK = re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_KEY = re.compile(r"^([A-Za-z][\w-]*):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What the front matter says; empty where it says nothing."""

    owner: str = ""
    review_cycle: str = ""
    last_reviewed: str = ""
    stack: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()
    """Which of our keys are there."""


def read(text: str, path: str) -> tuple[FrontMatter, dict[str, int], list[PageError]]:
    """Reads a page's front matter.

    Args:
        text: The whole page.
        path: Its path relative to the project.

    Returns:
        What it says, the 1-based line of each key, and what is wrong with it.
    """
    match = _BLOCK.match(text)
    if not match:
        return FrontMatter(), {}, []
    lines = {key[1]: 2 + match[1].count("\n", 0, key.start()) for key in _KEY.finditer(match[1])}
    try:
        data = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError) as error:
        return FrontMatter(), lines, [_unreadable(error, path)]
    if data is None:
        return FrontMatter(), lines, []
    if not isinstance(data, dict):
        wrong = PageError(
            "front-matter",
            f"The front matter is a {type(data).__name__}, not keys with values.",
            where=Where(path, 2),
            hint=f"Write `{_KEYS['owner']}`.",
        )
        return FrontMatter(), lines, [wrong]
    return _checked(data, lines, path)


def missing(found: FrontMatter, path: str) -> list[PageError]:
    """The keys that a page with snippets lacks."""
    return [
        PageError(
            "front-matter",
            f"The page has snippets but its front matter has no `{key}`.",
            where=Where(path, 1),
            hint=f"For example `{example}`.",
        )
        for key, example in _KEYS.items()
        if key not in found.given
    ]


def _checked(
    data: dict[str, Any], lines: dict[str, int], path: str
) -> tuple[FrontMatter, dict[str, int], list[PageError]]:
    errors: list[PageError] = []

    def wrong(key: str, message: str, hint: str = "") -> None:
        where = Where(path, lines.get(key, 2))
        hint = hint or f"For example `{_KEYS[key]}`."
        errors.append(PageError("front-matter", f"`{key}` {message}.", where=where, hint=hint))

    owner = data.get("owner", "")
    if "owner" in data and not (isinstance(owner, str) and owner.strip()):
        wrong("owner", "names nobody")
        owner = ""
    cycle = data.get("review-cycle", "")
    if "review-cycle" in data and cycle not in REVIEW_CYCLES:
        wrong("review-cycle", f"is {cycle!r}", f"Write one of {', '.join(REVIEW_CYCLES)}.")
        cycle = ""
    reviewed = data.get("last-reviewed", "")
    if "last-reviewed" in data and type(reviewed) is not date:
        wrong("last-reviewed", f"is {reviewed!r}, not a date")
        reviewed = ""
    stack = data.get("stack", [])
    if stack is None:
        stack = []
    if not isinstance(stack, list) or not all(isinstance(each, str) for each in stack):
        wrong("stack", "is not a list of services")
        stack = []
    found = FrontMatter(
        owner.strip(),
        cycle,
        reviewed.isoformat() if isinstance(reviewed, date) else "",
        tuple(stack),
        frozenset(key for key in _KEYS if key in data),
    )
    return found, lines, errors


def _unreadable(error: Exception, path: str) -> PageError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return PageError(
        "front-matter",
        f"The front matter is not YAML: {problem}.",
        where=Where(path, 2 + mark.line if mark is not None else 2),
        hint="Quote values with a colon, and indent with spaces.",
    )
