"""Imports without what they would load and `sb` does not use: it must answer at once."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def without(package: str) -> Iterator[None]:
    """Makes an optional package look absent while the block imports.

    The platform has the same (`smartbeak.process.lean`); `sb` is a wheel of its own and
    cannot import it.

    Args:
        package: Its name; it is afterwards as it was before.
    """
    known: dict[str, Any] = sys.modules
    kept = known.get(package)
    known[package] = None
    try:
        yield
    finally:
        del known[package]
        if kept is not None:
            known[package] = kept
