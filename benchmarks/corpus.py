"""A large book for measuring: many pages, each with blocks in several shapes.

    python benchmarks/corpus.py FOLDER [PAGES]

makes the book in FOLDER and prints how long its plan takes: from nothing, once the
doctrees exist, with one page changed, and unchanged.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

BLOCKS = 20
CONF = """\
project = "corpus"
extensions = ["myst_parser", "sphinx_design", "drillbook.sphinx_ext"]
myst_enable_extensions = ["colon_fence", "deflist"]
"""
STACK = """\
x-drillbook: {drills: corpus_kit, python-path: [drills], prober: ops}
services:
  ops: {x-drillbook: {noticed-by: nobody}}
  db-1: {x-drillbook: {noticed-by: writes}}
"""
KIT = """\
from drillbook.drills.declarations import Oracle
from drillbook.drills.kit import Kit

KIT = Kit("corpus_prober", [Oracle("writes", "Writes are taken.")])
"""


def make(root: Path, pages: int = 1000) -> None:
    """Writes a project with that many pages of `BLOCKS` blocks each."""
    (root / "source").mkdir(parents=True)
    (root / "examples/drills").mkdir(parents=True)
    (root / "conf.py").write_text(CONF, "utf-8")
    (root / "examples/compose.yaml").write_text(STACK, "utf-8")
    (root / "examples/drills/corpus_kit.py").write_text(KIT, "utf-8")
    names = [f"page-{number:04}" for number in range(pages - 1)]
    listed = "\n".join(names)
    index = f"# Corpus\n\n```{{toctree}}\n{listed}\n```\n"
    (root / "source/index.md").write_text(index, "utf-8")
    for name in names:
        (root / f"source/{name}.md").write_text(page(name), "utf-8")


def page(name: str) -> str:
    """One page: plain fences, options, two tab-sets, a note, a list and a drill."""
    parts = [
        f"---\nowner: docs\nreview-cycle: monthly\nlast-reviewed: 2026-11-01\nstack: [db-1]\n---\n"
        f"# Page {name}\n",
    ]
    parts += [f"## Part {at}\n\nSome words.\n\n{_plain(name, at)}" for at in range(8)]
    parts += [_tabs(name, at) for at in range(2)]
    parts.append(f"````{{note}}\nMind this.\n\n{_plain(name, 20)}````\n")
    parts.append(f"- A point:\n\n{_indented(_plain(name, 21))}")
    parts.append(
        "## Drill\n\n```{drill} lost\n:fault: kill db-1\n:rto: 15min\n:people: 10min\n"
        ":rpo: 0s\n```\n"
    )
    parts += [_named(name, at) for at in range(6)]
    return "\n".join(parts)


def _plain(name: str, at: int) -> str:
    return f"```console\n$ echo {name} {at}\n{name} {at}\n$ true\n```\n"


def _named(name: str, at: int) -> str:
    return (
        f"```{{code-block}} console\n:name: step-{at}\n:effect: read\n:on: db-1\n\n"
        f"$ echo {name} step {at}\n{name} step {at}\n```\n"
    )


def _tabs(name: str, at: int) -> str:
    items = [
        f"````{{tab-item}} Way {at} {way}\n```bash\necho {name} {at} {way}\n```\n````\n"
        for way in ("one", "two")
    ]
    return "`````{tab-set}\n" + "\n".join(items) + "`````\n"


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" if line else "\n" for line in text.splitlines())


def measure(root: Path) -> dict[str, float]:
    """Seconds that the corpus's plan takes, by situation."""
    found = {"from nothing": _build(root)}
    found["once the doctrees exist"] = min(_build(root) for _ in range(3))
    one = root / "source/page-0000.md"
    one.write_text(one.read_text("utf-8") + "\nMore.\n", "utf-8")
    found["one page changed"] = _build(root)
    code = (
        "import sys; from pathlib import Path; from drillbook import plan;"
        "sys.exit(plan.load_current(Path(sys.argv[1])) is None)"
    )
    command = [sys.executable, "-c", code, str(root)]
    found["unchanged"] = min(_seconds(command) for _ in range(3))
    return found


def _build(root: Path) -> float:
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "plan", "-c", str(root)]
    command += ["-d", str(root / "build/doctrees"), str(root / "source"), str(root / "build")]
    return _seconds(command)


def _seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Makes a corpus and measures its plan."""
    root = Path(sys.argv[1])
    make(root, int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
    for situation, seconds in measure(root).items():
        print(f"{situation}: {seconds:.2f} s", flush=True)


if __name__ == "__main__":
    main()
