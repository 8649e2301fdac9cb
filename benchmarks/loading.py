"""How long pages take until a reader can use them: from a disk, and on a slow telephone."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row
from drillbook.site import axe, whole

SCRIPT = Path(__file__).with_name("loading.mjs")
BARS = {"disk": "<= 1 s", "telephone": "<= 3 s"}
NAMED = {
    "disk": "from disk",
    "telephone": "on a telephone, 4 x slower, 1.6 Mb/s, compressed",
}
_LARGEST = 3


def rows(root: Path, runs: int) -> Iterator[Row]:
    """Seconds until the index and the largest pages are interactive.

    Args:
        root: The project's folder, with the built site in build/html.
        runs: How often each is opened.
    """
    site = root / "build/html"
    pages = [
        path.relative_to(site).as_posix()
        for path in sorted(site.rglob("*.html"), key=lambda path: -path.stat().st_size)
        if path.name != f"{whole.NAME}.html"
    ]
    wanted = list(dict.fromkeys(["index.html", *pages[:_LARGEST]]))
    given = {"folder": str(site), "pages": wanted, "runs": runs}
    found = axe.run(SCRIPT, given, root)
    for each in found:
        took = [ms / 1000 for ms in each["ms"]]
        what = f"interactive {NAMED[each['way']]}: {each['page']}"
        spread = (min(took), max(took))
        yield Row(what, BARS[each["way"]], statistics.median(took), "s", spread=spread)
