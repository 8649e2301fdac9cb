"""Measures the engine beside its baselines and writes `benchmarks/results.txt`.

    python -m benchmarks [--quick] [--only WORD] [--append]

Ratios are what counts: both sides of a pair run in turn on the same machine. The
time per snippet is a slope, (time of 550 snippets - time of 50) / 500, so that what
a run costs once is not in it.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import corpus, distance, loading, reconciliation, repeat, saving, stack
from benchmarks.measure import Row, alone, pair, seconds, table
from drillbook import plan
from drillbook.inside.shell import Shell
from drillbook.sandboxes.local import LocalBackend

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results.txt"
FEW, MANY = 50, 550

BASH = "```bash\ntrue\n```\n\n"
PYTHON = "```python\nx = 1\n```\n\n"
FRONT = "---\nowner: bench\nreview-cycle: weekly\nlast-reviewed: 2026-01-01\nstack: [ops]\n---\n"
STACK = f"""\
services:
  ops:
    environment: {{PYTHONPATH: /opt/drillbook}}
    volumes: ["{ROOT}/drillbook:/opt/drillbook/drillbook:ro"]
"""
CONF = 'extensions = ["myst_parser", "drillbook.sphinx_ext"]\n'

SYBIL = """\
import subprocess
from sybil import Sybil
from sybil.parsers.myst import CodeBlockParser

def run(example):
    subprocess.run(["bash", "-c", example.parsed], check=True, stdin=subprocess.DEVNULL)

pytest_collect_file = Sybil(
    parsers=[CodeBlockParser(language="bash", evaluator=run)], pattern="*.md"
).pytest()
"""
EXAMPLES = """\
import pytest
from pytest_examples import CodeExample, EvalExample, find_examples

@pytest.mark.parametrize("example", find_examples("page.md"), ids=str)
def test_page(example: CodeExample, eval_example: EvalExample):
    eval_example.run_print_check(example)
"""


class Books:
    """Pages of trivial blocks, as each of the contestants wants them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ours(self, block: str, count: int) -> Path:
        """A project of ours with one page; its plan is made before the clock starts."""
        root = self._folder / f"ours-{len(block)}-{count}"
        if not root.exists():
            (root / "source").mkdir(parents=True)
            (root / "examples").mkdir()
            (root / "examples/compose.yaml").write_text(STACK)
            (root / "conf.py").write_text(CONF)
            (root / "source/index.md").write_text(f"{FRONT}# Page\n\n{block * count}")
            _python(ROOT, "-c", _PLAN, str(root))
        return root

    def theirs(self, name: str, file: str, text: str, block: str, count: int) -> Path:
        """A folder with the same page for another tool."""
        root = self._folder / f"{name}-{count}"
        if not root.exists():
            root.mkdir()
            (root / file).write_text(text)
            (root / "page.md").write_text(f"# Page\n\n{block * count}")
            (root / "pytest.ini").write_text("[pytest]\n")
        return root


_PLAN = (
    "import sys; from pathlib import Path; "
    "from drillbook import plan; plan.build(Path(sys.argv[1]))"
)


def _python(cwd: Path, *arguments: str) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(
            f"{' '.join(arguments)} in {cwd.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        )


def _pytest(root: Path, *arguments: str) -> float:
    return seconds(
        lambda: _python(root, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
    )


def slope(run: Callable[[int], float]) -> float:
    """Milliseconds that one more snippet costs."""
    return (run(MANY) - run(FEW)) / (MANY - FEW) * 1000


def snippets(books: Books, runs: int) -> Iterator[Row]:
    """What one snippet costs, in the shell alone and inside pytest."""

    def in_shell() -> float:
        shell = Shell(env={"PATH": "/usr/bin:/bin"}, cwd="/")
        try:
            begin = time.perf_counter()
            for number in range(500):
                shell.run("script", "source/x.md", number + 1, "true\n", 5, False)
            return (time.perf_counter() - begin) / 500 * 1000
        finally:
            shell.close()

    def script(count: int) -> float:
        return seconds(lambda: subprocess.run(["bash", "-c", "true\n" * count], check=True))

    def one_bash_each() -> float:
        return seconds(lambda: [subprocess.run(["bash", "-c", "true"]) for _ in range(100)]) * 10

    yield pair(
        "bash snippet in the shell", "", "ms", runs, in_shell, "bash -c for each", one_bash_each
    )

    def ours(count: int) -> float:
        root = books.ours(BASH, count)
        return _pytest(root, "-p", "drillbook.pytest_plugin", "build/plan.json", "--fresh")

    def sybil(count: int) -> float:
        return _pytest(books.theirs("sybil", "conftest.py", SYBIL, BASH, count))

    yield pair(
        "bash snippet in pytest", "<= 0.3 of sybil", "ms", runs, lambda: slope(ours),
        "sybil, bash -c", lambda: slope(sybil),
    )  # fmt: skip
    yield pair(
        "the same page, once for all", "", "s", runs, lambda: ours(MANY), "bare bash script",
        lambda: script(MANY),
    )  # fmt: skip

    def ours_python(count: int) -> float:
        root = books.ours(PYTHON, count)
        return _pytest(root, "-p", "drillbook.pytest_plugin", "build/plan.json", "--fresh")

    def examples(count: int) -> float:
        return _pytest(books.theirs("examples", "test_page.py", EXAMPLES, PYTHON, count))

    yield pair(
        "python snippet in pytest, linted", "<= 2 times", "ms", max(1, runs // 2),
        lambda: slope(ours_python),
        "pytest-examples (not linted)", lambda: slope(examples),
    )  # fmt: skip


def starts(runs: int) -> Iterator[Row]:
    """What a shell and a sandbox cost to have."""

    def shell() -> float:
        begin = time.perf_counter()
        made = Shell(env={"PATH": "/usr/bin:/bin"}, cwd="/")
        made.run("command", "source/x.md", 1, "true", 5, False)
        took = time.perf_counter() - begin
        made.close()
        return took * 1000

    def bare() -> float:
        return seconds(lambda: subprocess.run(["bash", "--norc", "-c", "true"])) * 1000

    yield pair("shell to its first answer", "<= 10 ms", "ms", runs * 5, shell, "bash -c true", bare)
    backend = LocalBackend(ROOT)

    def opened(services: list[str]) -> float:
        begin = time.perf_counter()
        sandbox = backend.open(services, label="bench")
        took = time.perf_counter() - begin
        sandbox.close()
        return took

    yield alone(
        "sandbox: primary writes, replica streams", "<= 0.2 s", "s", runs * 5,
        lambda: opened(["db-1", "db-2"]),
    )  # fmt: skip
    yield alone(
        "sandbox: with the platform, ready", "<= 1 s", "s", runs * 3,
        lambda: opened(stack.SERVICES),
    )  # fmt: skip


def plans(folder: Path, pages: int, runs: int) -> Iterator[Row]:
    """What a large book's plan costs."""
    root = folder / "large"
    corpus.make(root, pages)
    _python(ROOT, "-c", _PLAN, str(root))
    plan = root / "build/plan.json"

    def doctrees_exist() -> float:
        plan.unlink()
        return seconds(lambda: _python(ROOT, "-c", _PLAN, str(root)))

    def unchanged() -> float:
        return seconds(lambda: _python(ROOT, "-c", _PLAN, str(root)))

    name = f"plan of {pages} pages x {corpus.BLOCKS} blocks"
    yield alone(f"{name}, doctrees exist", "<= 2 s", "s", runs, doctrees_exist)
    yield alone(f"{name}, unchanged", "<= 1 s", "s", runs, unchanged)


def book(runs: int, *, quick: bool) -> Iterator[Row]:
    """What this very book costs; quick, what one of its drills costs."""

    def run(*more: str) -> Callable[[], float]:
        return lambda: seconds(lambda: _python(ROOT, "-m", "drillbook", "run", *more))

    scenarios = [scenario for page in plan.build(ROOT).pages for scenario in page.scenarios]
    drills = [scenario.drill.name for scenario in scenarios if scenario.drill]
    if not quick:
        yield alone(
            f"all pages and {len(drills)} drills with controls, for each drill", "<= 7 s", "s", 1,
            lambda: run("--fresh")() / len(drills), warm=False,
        )  # fmt: skip
        yield alone("all of it again, unchanged", "<= 5 s", "s", runs, run())
    chosen = drills[:: max(1, len(drills) // runs)]
    each = iter(chosen)
    yield alone(
        "one drill with its control run", "<= 20 s", "s", len(chosen),
        lambda: run("--fresh", "--drill", next(each))(), warm=False,
    )  # fmt: skip
    templates = ROOT / "build/templates"
    yield alone(
        "templates of the stack's data", "<= 250 MB", "MB", 1,
        lambda: sum(f.lstat().st_blocks for f in templates.rglob("*")) * 512 / 1e6, warm=False,
    )  # fmt: skip


def _repeated(*, quick: bool) -> tuple[Any, ...]:
    """How often the book is run in a row, and which part of it."""
    return (2, "--page", "runbooks/database-failover/primary-dead") if quick else (repeat.TIMES,)


def machine() -> str:
    """What it was measured on, in a line or two."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        platform.machine(),
    )  # fmt: skip
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024**2
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} x {model}, {memory:.0f} GiB, "
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}; "
        f"load before {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Runs the benchmarks and writes the table."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one run of each, a small book; nothing written"
    )
    parser.add_argument(
        "--append", action="store_true", help="add the table to results.txt, also of one group"
    )
    parser.add_argument("--only", default="", help="only the groups whose name holds this word")
    options = parser.parse_args()
    runs, pages = (1, 50) if options.quick else (5, 1000)
    about = machine()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="drillbook-bench-") as temporary:
        folder = Path(temporary)
        groups: dict[str, Callable[[], Iterator[Row]]] = {
            "snippets": lambda: snippets(Books(folder), runs),
            "starts": lambda: starts(runs),
            "plans": lambda: plans(folder, pages, runs),
            "platform": lambda: stack.rows(ROOT, runs),
            "distance": lambda: distance.rows(ROOT),
            "loading": lambda: loading.rows(ROOT, runs),
            "reconciliation": lambda: reconciliation.rows(ROOT, runs),
            "saving": lambda: saving.rows(ROOT, runs),
            "book": lambda: book(runs, quick=options.quick),
            "repeat": lambda: repeat.rows(ROOT, *_repeated(quick=options.quick)),
        }
        for name, group in groups.items():
            if options.only in name:
                for row in group():
                    rows.append(row)
                    print(
                        f"{name}: {row.what}: {row.ours:.3g} {row.unit}",
                        file=sys.stderr,
                        flush=True,
                    )
    text = f"{about}\n\n{table(rows)}"
    print(text)
    if options.append:
        with RESULTS.open("a") as file:
            file.write(f"\n{text}")
    elif not options.quick and not options.only:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()
