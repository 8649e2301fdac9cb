"""Compares what a command printed with what the page expects, line by line.

- A line is the expected one when it is equal, or when each mask in it stands for
  a value of its kind. There are no scores and no other leniency.
- A line `...` stands for any number of whole lines, none included.
- Spaces and tabs at the end of a line do not count, on either side: psql pads its
  columns, and editors strip what an author cannot see.
- Blank lines at the very end do not count, nor does a missing final newline: a
  rendered block shows neither. Blank lines anywhere else do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from drillbook.errors import Where
from drillbook.pages.console import ELLIPSIS
from drillbook.snippets.masks import matches, unknown

_ALIGNED = 500
"""Lines, on each side, up to which a difference is looked for line by line."""

_READ = 10_000
"""Printed lines that a difference is sought in; all of them decide whether there is one."""

_CONTEXT = 3
_SHOWN = 50
"""Lines that were printed and not expected, up to which they are shown."""

_WIDTH = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """How an output differs from the page."""

    line: int
    """Page line of the first expected line that is not met; where lines are too
    many, that of the line they come before (or, at the end, after)."""

    diff: str
    """A unified diff from the page to the output; what masks match counts as equal."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way from expected to printed lines."""

    kind: Literal["equal", "skip", "missing", "extra"]
    """`equal`: both are there and match. `skip`: a `...` and the printed lines that
    it stands for. `missing`: only expected. `extra`: only printed."""

    expected: int
    """Index of the expected line; for `extra`, of the one that should have come."""

    actual: int
    """Index of the printed line; for `missing`, of the one that came."""

    count: int = 0
    """For `skip`: how many printed lines it stands for."""


def printed_lines(actual: str) -> list[str]:
    """The lines of an output as they are compared."""
    # Not splitlines(): a form feed or U+2028 ends no line.
    return _stripped(actual.split("\n"))


def compare(expected: Sequence[str], actual: str, where: Where) -> Difference | None:
    """Compares an output with its expectation.

    Args:
        expected: The expected lines as they stand in the page.
        actual: All that was printed.
        where: Page and line of the first expected line (or of where it would be).

    Returns:
        None when they agree.
    """
    wanted, got = _stripped(expected), printed_lines(actual)
    if _agree(wanted, got):
        return None
    beyond = max(len(got) - _READ, 0)
    steps = align(wanted, got[:_READ])
    differing = (step.expected for step in steps if step.kind in ("missing", "extra"))
    # With nothing expected, the command's own last line is at fault.
    index = min(next(differing, len(wanted)), len(wanted) - 1)
    return Difference(where.line + index, _render(wanted, got, steps, where, beyond))


def _stripped(lines: Sequence[str]) -> list[str]:
    found = [line.rstrip(" \t") for line in lines]
    while found and not found[-1]:
        found.pop()
    return found


def _agree(wanted: Sequence[str], got: Sequence[str]) -> bool:
    """Whether all lines match: the classic glob walk, linear but for its one way back."""
    i = j = 0
    ellipsis = resume = -1
    while j < len(got):
        if i < len(wanted) and wanted[i] == ELLIPSIS:
            ellipsis, resume = i, j
            i += 1
        elif i < len(wanted) and matches(wanted[i], got[j]):
            i, j = i + 1, j + 1
        elif ellipsis >= 0:
            # The last `...` takes one line more; earlier ones need never be asked.
            resume += 1
            i, j = ellipsis + 1, resume
        else:
            return False
    return all(line == ELLIPSIS for line in wanted[i:])


def align(wanted: Sequence[str], got: Sequence[str]) -> list[Step]:
    """The shortest way from the expected to the printed lines.

    Beyond the first lines that differ it is sought among `_ALIGNED` lines on each
    side; what comes after them is missing or extra as a whole.
    """
    steps: list[Step] = []
    start = 0
    while (
        start < min(len(wanted), len(got))
        and wanted[start] != ELLIPSIS
        and matches(wanted[start], got[start])
    ):
        steps.append(Step("equal", start, start))
        start += 1
    n, m = min(len(wanted) - start, _ALIGNED), min(len(got) - start, _ALIGNED)
    costs = _costs(wanted[start : start + n], got[start : start + m])
    i = j = 0
    while i < n or j < m:
        at = start + i, start + j
        here = costs[i][j]
        if i < n and wanted[at[0]] == ELLIPSIS:
            count = 0
            while costs[i + 1][j + count] != here:
                count += 1
            steps.append(Step("skip", *at, count))
            i, j = i + 1, j + count
        elif i < n and j < m and costs[i + 1][j + 1] == here and matches(wanted[at[0]], got[at[1]]):
            steps.append(Step("equal", *at))
            i, j = i + 1, j + 1
        elif i < n and costs[i + 1][j] < here:
            steps.append(Step("missing", *at))
            i += 1
        else:
            steps.append(Step("extra", *at))
            j += 1
    steps += [Step("missing", k, start + m) for k in range(start + n, len(wanted))]
    steps += [Step("extra", len(wanted), k) for k in range(start + m, len(got))]
    return steps


def _costs(wanted: Sequence[str], got: Sequence[str]) -> list[list[int]]:
    """How many lines are missing or extra from each pair of positions to the end."""
    costs = [list(range(len(got), -1, -1))]
    for line in reversed(wanted):
        below = costs[-1]
        if line == ELLIPSIS:
            row = below[:]
            for j in range(len(got) - 1, -1, -1):
                row[j] = min(row[j], row[j + 1])
        else:
            row = [below[-1] + 1] * (len(got) + 1)
            for j in range(len(got) - 1, -1, -1):
                if matches(line, got[j]):
                    row[j] = below[j + 1]
                else:
                    row[j] = 1 + min(below[j], row[j + 1])
        costs.append(row)
    costs.reverse()
    return costs


def _render(
    wanted: Sequence[str], got: Sequence[str], steps: Sequence[Step], where: Where, beyond: int
) -> str:
    changed = [k for k, step in enumerate(steps) if step.kind in ("missing", "extra")]
    near = {k for c in changed for k in range(c - _CONTEXT, c + _CONTEXT + 1)}
    lines = [f"--- expected at {where}", "+++ printed"]
    shown = -1
    extras = 0
    for k, step in enumerate(steps):
        if k not in near:
            continue
        if k != shown + 1 or shown < 0:
            lines.append(f"@@ line {where.line + min(step.expected, max(len(wanted) - 1, 0))} @@")
        shown = k
        if step.kind == "extra":
            extras += 1
            if extras <= _SHOWN:
                lines.append("+" + _visible(got[step.actual]))
        elif step.kind == "missing":
            lines.append("-" + _visible(wanted[step.expected]))
        else:
            lines.append(" " + _visible(wanted[step.expected]))
        if step.kind == "skip":
            # The line that is missed may be here, a little other than expected.
            lines += [f"      {_visible(line)}" for line in _ends(got, step)]
    hidden = max(extras - _SHOWN, 0) + beyond
    if hidden:
        lines.append(f"({hidden} more lines that were printed and not expected)")
    missing = [wanted[steps[c].expected] for c in changed if steps[c].kind == "missing"]
    lines += [f"({name} is no mask and stands for itself)" for name in unknown(missing)]
    return "\n".join(lines)


def _ends(got: Sequence[str], step: Step) -> list[str]:
    """What a `...` stands for, in up to three lines."""
    stands = list(got[step.actual : step.actual + step.count])
    return stands if len(stands) <= 3 else [stands[0], "…", stands[-1]]


def _visible(line: str) -> str:
    """The line with control characters spelled out, and cut when it is very long."""
    cut = f"… ({len(line) - _WIDTH} more characters)" if len(line) > _WIDTH else ""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line[:_WIDTH]) + cut
