"""Times commands in pairs, so that a noisy machine hits both sides alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    bar: str
    """What design asks for, in the words of the table; empty where it asks nothing."""

    ours: float
    """Median, in `unit`."""

    unit: str
    baseline: str = ""
    """What the other side of each pair was; empty for none."""

    theirs: float = 0.0
    ratio: float = 0.0
    """Median of ours / theirs over the pairs."""

    spread: tuple[float, float] = (0.0, 0.0)
    """Smallest and largest of ours."""


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def alone(
    what: str, bar: str, unit: str, runs: int, value: Callable[[], float], *, warm: bool = True
) -> Row:
    """A row without a baseline: the median of some runs, after one that does not count."""
    if warm:
        value()
    found = [value() for _ in range(runs)]
    return Row(what, bar, statistics.median(found), unit, spread=(min(found), max(found)))


def pair(
    what: str, bar: str, unit: str, runs: int, ours: Callable[[], float], baseline: str,
    theirs: Callable[[], float],
) -> Row:  # fmt: skip
    """A row with a baseline, the two measured in turn: A B A B ..."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(runs)]
    return Row(
        what,
        bar,
        statistics.median(a for a, _ in pairs),
        unit,
        baseline,
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
        (min(a for a, _ in pairs), max(a for a, _ in pairs)),
    )


def table(rows: list[Row]) -> str:
    """The rows as text with aligned columns."""
    head = ("what", "ours (min-max)", "bar", "baseline", "theirs", "ratio")
    lines = [head]
    for row in rows:
        low, high = row.spread
        lines.append(
            (
                row.what,
                f"{row.ours:.3g} {row.unit} ({low:.3g}-{high:.3g})",
                row.bar,
                row.baseline,
                f"{row.theirs:.3g} {row.unit}" if row.baseline else "",
                f"{row.ratio:.2f}" if row.baseline else "",
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = "  ".join("-" * width for width in widths)
    shown = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([shown[0], rule, *shown[1:]]) + "\n"
