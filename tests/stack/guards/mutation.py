"""Guards with one change each: a test must turn red. `python -m tests.stack.guards.mutation`.

mutmut makes the changes (an operator, a constant, an argument) and runs, for each, the tests
that come by it. What it needs beside the guards is copied: it works where it is started.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FLOOR = 95.0
"""Percent of the mutants that must be killed."""

_STATISTICS = "mutants/mutmut-cicd-stats.json"
_TIMEOUT_S = 3600.0
_PROJECT = """\
[project]
name = "mutation"
version = "0"

[tool.mutmut]
source_paths = ["{package}"]
only_mutate = ["{mutated}"]
pytest_add_cli_args_test_selection = ["tests"]
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of all mutants."""

    total: int
    killed: int
    """Those that a test noticed; a test that never ended has noticed its mutant too."""

    survivors: tuple[str, ...]
    """mutmut's names of the others."""

    @property
    def percent(self) -> float:
        """Share that was killed."""
        return 100 * self.killed / self.total


def project(folder: Path, package: Path, mutated: str, tests: Mapping[str, Path | str]) -> None:
    """Makes a project that mutmut understands.

    Args:
        folder: Where; what stands there is taken away.
        package: The package that is changed.
        mutated: Which of its modules are, as a pattern on `package/module.py`.
        tests: What goes where below `tests`: a folder or a text.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, source in tests.items():
        place = folder / "tests" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, Path):
            ignored = shutil.ignore_patterns("__pycache__", Path(__file__).name, "test_mutation.py")
            shutil.copytree(source, place, ignore=ignored)
        else:
            place.write_text(source, encoding="utf-8")
    text = _PROJECT.format(package=package.name, mutated=f"{package.name}/{mutated}")
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def measure(folder: Path) -> Figures:
    """Runs the tests of a project over each mutant.

    Raises:
        RuntimeError: mutmut broke, or there was nothing to change.
    """
    _mutmut(folder, "run", "--max-children", str(len(os.sched_getaffinity(0))))
    _mutmut(folder, "export-cicd-stats")
    found = json.loads((folder / _STATISTICS).read_text(encoding="utf-8"))
    alive = tuple(
        line.strip().partition(":")[0] for line in _mutmut(folder, "results").splitlines() if line
    )
    if not found["total"]:
        raise RuntimeError(f"nothing was changed in {folder}")
    return Figures(found["total"], found["killed"] + found["timeout"], alive)


def told(figures: Figures, folder: Path) -> int:
    """Prints the figures and the survivors; 1 where too many survived."""
    for name in figures.survivors:
        print(f"SURVIVED {name}")
    share = f"{figures.killed} of {figures.total}"
    print(f"{share} mutants turned a test red ({figures.percent:.1f} %)")
    if figures.survivors:
        print(f"to see one: cd {folder} && python -m mutmut show NAME")
    if figures.percent < FLOOR:
        print(f"too few: at least {FLOOR:g} % must", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """Measures the guards of `sb`."""
    folder = ROOT / "build" / "mutation"
    # Without the conftests above it, which start servers.
    tests: dict[str, Path | str] = {
        "__init__.py": "",
        "stack/__init__.py": "",
        "stack/guards": Path(__file__).parent,
    }
    project(folder, ROOT / "examples/ops/smartbeak_ops", "guards/*.py", tests)
    return told(measure(folder), folder.relative_to(ROOT))


def _mutmut(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=_TIMEOUT_S, check=False,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
    )  # fmt: skip
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise RuntimeError(f"mutmut {arguments[0]} ended with status {done.returncode}:\n{said}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
