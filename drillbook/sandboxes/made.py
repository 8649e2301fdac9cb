"""Folders that are made once, from the same ingredients, and then kept in `build/`."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from drillbook import digests, files


def made_once(
    parent: Path,
    made_of: str,
    make: Callable[[Path], None],
    *,
    keep_s: float | None = None,
    say: str = "",
) -> Path:
    """The folder below `parent` for these ingredients; `make` fills it if it is not there yet.

    Args:
        parent: Where such folders are kept.
        made_of: All that decides what is in it.
        make: Fills an empty folder, which gets its name only when that is done.
        keep_s: Seconds after whose last use other such folders go, when one is made; they
            stay without it.
        say: What is fetched, for whoever waits for it: said on standard error before and
            after, with how long it took. Nothing is said without it.
    """
    key = digests.of_bytes(made_of.encode())[:12]
    parent.mkdir(parents=True, exist_ok=True)
    # A link would be followed inside a sandbox, where it leads nowhere.
    parent = parent.resolve()
    target, making = parent / key, parent / f"{key}.making"
    with files.locked(parent / "lock"):
        # Nobody else is making one now: these are of runs that were killed.
        for unfinished in parent.glob("*.making"):
            shutil.rmtree(unfinished, ignore_errors=True)
        if target.exists():
            if keep_s is not None:
                os.utime(target)
        else:
            if keep_s is not None:
                _remove_unused(parent, keep_s)
            making.mkdir()
            begin = time.monotonic()
            _tell(say and f"fetching {say}, once")
            try:
                make(making)
                making.rename(target)
                _tell(say and f"fetched {say} in {time.monotonic() - begin:.0f} s")
            finally:
                shutil.rmtree(making, ignore_errors=True)
    return target


def _tell(text: str) -> None:
    if text:
        print(text, file=sys.__stderr__, flush=True)


def _remove_unused(parent: Path, keep_s: float) -> None:
    for entry in parent.iterdir():
        if entry.is_dir() and time.time() - entry.stat().st_mtime > keep_s:
            shutil.rmtree(entry, ignore_errors=True)
