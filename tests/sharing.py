"""Which tests run on one worker, one after the other: those that share what one of them changes.

Any other test goes to whichever worker is free. Files come first, the longest before all, so
that at the end no worker has much left to do.
"""

from __future__ import annotations

import functools
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parent.parent


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out whole files and single tests."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


def unit(nodeid: str) -> str:
    """What a test belongs to: its folder or its file, if it has fixtures for all of it."""
    file = nodeid.partition("::")[0]
    return _shared(file) or nodeid


@functools.cache
def _shared(file: str) -> str:
    path = ROOT / file
    conftest = path.parent / "conftest.py"
    if conftest.exists() and 'scope="package"' in conftest.read_text():
        return str(Path(file).parent)
    text = path.read_text()
    return file if 'scope="module"' in text or "box: Box" in text else ""
