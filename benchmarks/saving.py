"""How long an author waits after saving a page: for the verdict of its block, and for the page."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, alone
from drillbook import plan
from drillbook.model import Plan, Snippet
from drillbook.runs.live import Live
from drillbook.sandboxes.local import LocalBackend


def rows(root: Path, runs: int) -> Iterator[Row]:
    """Saves one page of a copy of the book, its first block changed each time.

    Args:
        root: The project's folder.
        runs: How often, after one time that does not count.
    """
    with tempfile.TemporaryDirectory(prefix="drillbook-bench-") as temporary:
        copy = Path(temporary)
        _copy(root, copy)
        author = Live(copy, LocalBackend(copy))
        try:
            waits = [*_waits(author, runs + 1)][1:]
        finally:
            author.close()
    verdicts, pages = (iter(each) for each in zip(*waits, strict=True))
    yield alone(
        "save to verdict of a block", "<= 5 s", "s", runs, lambda: next(verdicts), warm=False
    )
    yield alone("save to its built page", "<= 5 s", "s", runs, lambda: next(pages), warm=False)


def _copy(root: Path, copy: Path) -> None:
    """Copies the files that git knows; of what is made, the stack's data alone is shared."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (root / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name, follow_symlinks=False)
    (copy / "build").mkdir()
    (copy / "build/templates").symlink_to(root / "build/templates")


def _waits(author: Live, times: int) -> Iterator[tuple[float, float]]:
    """Seconds until the verdict and until the page, for each save."""
    block = _block(plan.build(author.root))
    author.begin(block.id.partition("#")[0])
    page = author.root / block.path
    author.build()
    for number in range(times):
        _change(page, block, number)
        begin = time.perf_counter()
        said = author.saved([page])
        verdict = next(said)
        decided = time.perf_counter() - begin
        if " passed, " not in verdict:
            raise SystemExit(f"{block.path} in a copy of the book: {verdict}")
        (address,) = said
        if not address.endswith(".html"):
            raise SystemExit(f"{block.path} in a copy of the book: {address}")
        yield decided, time.perf_counter() - begin


def _block(found: Plan) -> Snippet:
    """The first block of a page's main scenario that is typed as a reader types it."""
    return next(
        snippet
        for page in found.pages
        for scenario in page.scenarios
        for snippet in scenario.snippets[:1]
        if not scenario.drill and snippet.language == "console" and not snippet.options.skip
    )


def _change(page: Path, block: Snippet, number: int) -> None:
    """Puts another comment behind the block's first command."""
    lines = page.read_text(encoding="utf-8").split("\n")
    at = next(at for at in range(block.line - 1, len(lines)) if lines[at].startswith("$ "))
    lines[at] = f"{lines[at].partition('  # save ')[0]}  # save {number}"
    page.write_text("\n".join(lines), encoding="utf-8")
