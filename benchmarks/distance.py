"""How far a reader goes from the index to the first command that changes something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row
from drillbook.site import axe

SCRIPT = Path(__file__).with_name("distance.mjs")
WAYS = {
    "dead primary": ("runbooks/database-failover", "primary-dead"),
    "full Redis": ("runbooks/redis-recovery", "memory-full"),
    "backlog": ("reliability/runbooks/publishing", "backlog"),
}
BARS = {"screens": "<= 3", "words": "<= 300", "clicks": "<= 4"}
_COMMAND = "sb triage"


def rows(root: Path) -> Iterator[Row]:
    """Screens of 1300 x 900, words and clicks: by the command that names the branch, and without.

    Args:
        root: The project's folder, with the built site in build/html.
    """
    named = []
    ways = []
    for name, (hub, branch) in WAYS.items():
        last = f"{hub}/{branch}.html"
        named += [f"{name}, by {_COMMAND}", f"{name}, by the tables"]
        ways.append({"pages": ["index.html", last], "command": _COMMAND})
        ways.append({"pages": ["index.html", f"{hub}.html", last], "command": ""})
    found = axe.run(SCRIPT, {"folder": str(root / "build/html"), "ways": ways}, root)
    for name, each in zip(named, found, strict=True):
        for unit, bar in BARS.items():
            value = float(each[unit])
            yield Row(f"index to first change: {name}", bar, value, unit, spread=(value, value))
