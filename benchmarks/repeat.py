"""Whether the whole book passes time after time: what fails once in five runs is not proven."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, alone, seconds
from drillbook import report

TIMES = 5


def rows(root: Path, times: int, *selection: str) -> Iterator[Row]:
    """Runs the book again and again, nothing reused, and counts what did not pass.

    Args:
        root: The project's folder.
        times: How often it is run.
        selection: Options of `drillbook run` that say which part of it; none: all of it.
    """
    failures: list[float] = []
    took: list[float] = []
    for number in range(1, times + 1):
        took.append(seconds(lambda: _run(root, *selection)))
        failed = _failed(root)
        failures.append(len(failed))
        said = ", ".join(failed) or "all passed"
        print(f"run {number} of {times}: {took[-1]:.0f} s, {said}", file=sys.stderr, flush=True)
    name = f"the book, {times} times in a row"
    found, seen = iter(failures), iter(took)
    yield alone(f"{name}: failures", "0", "", times, lambda: next(found), warm=False)
    yield alone(f"{name}: one run", "", "s", times, lambda: next(seen), warm=False)


def _run(root: Path, *selection: str) -> None:
    command = [sys.executable, "-m", "drillbook", "run", "--fresh", *selection]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"{' '.join(command[1:])}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _failed(root: Path) -> list[str]:
    """What the last run left that did not pass, each by its id."""
    found = report.read(report.path_of(root / "build", "local"))
    bad = [each.id for each in found.results if each.status in ("failed", "error")]
    return bad + [each.id for each in found.drills if each.status in ("failed", "error")]
