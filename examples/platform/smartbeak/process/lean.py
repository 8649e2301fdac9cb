"""Imports without what they would load and nobody here uses."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def without(package: str) -> Iterator[None]:
    """Makes an optional package look absent while the block imports.

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
