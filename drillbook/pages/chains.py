"""Chains of `&&`: bash leaves a script after a failure, but not inside a chain.

In `check && act`, a failure of `check` skips `act`, and the script goes on as if nothing had
been wrong. The failure is seen only where the chain's status is: at the end of the script,
of a function or of a subshell, before `||` or a pipe, in a condition. (bash(1), `set -e`.)
"""

from __future__ import annotations

from collections.abc import Sequence

from drillbook.pages.statements import Statement

_GOES_ON = ("&&", "|", "|&")
_ASKED = ("||", "|", "|&")


def loses(found: Sequence[Statement], position: int) -> bool:
    """Whether a script goes on after the failure of a statement that stands before `&&`.

    Args:
        found: The statements of typed commands or a script.
        position: Ordinal of the statement.
    """
    statement = found[position]
    if statement.after != "&&" or statement.condition:
        return False
    rest = [each for each in found[position + 1 :] if each.nested == statement.nested]
    return _goes_on(statement.within, rest, "&&")


def _goes_on(within: tuple[tuple[str, int], ...], rest: list[Statement], operator: str) -> bool:
    """Whether anything is run after a chain's failure, and nothing asks for its status.

    Args:
        within: What is open around the chain.
        rest: The statements behind the one that failed.
        operator: What stands between that one and the first of them.
    """
    depth = len(within)
    while rest and rest[0].within[:depth] == within:
        if operator == "||":
            return False
        if operator not in _GOES_ON:
            return True
        part = rest[0].within[: depth + 1]
        if len(part) == depth:
            operator = rest.pop(0).after
            continue
        # A group, a loop or the like is one part of the chain.
        while rest and rest[0].within[: depth + 1] == part:
            rest.pop(0)
        operator = rest[0].before if rest else ""
    return _goes_on_outside(within, rest)


def _goes_on_outside(within: tuple[tuple[str, int], ...], rest: list[Statement]) -> bool:
    """The same for a chain that is the last of what is open around it."""
    if not within or within[-1][0] in ("function", "("):
        return False
    if within[-1][0] == "do":
        return True
    outside = within[:-1]
    if within[-1][0] == "branch":
        # The other branches are not run after it.
        while rest and rest[0].within[: len(outside)] == outside:
            rest.pop(0)
        outside = outside[:-1]
    operator = rest[0].before if rest else ""
    return operator not in _ASKED and _goes_on(outside, rest, operator)
