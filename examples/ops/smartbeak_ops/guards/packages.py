"""Guards of packages: only what the lock names, by its hash, is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from smartbeak_ops import settings
from smartbeak_ops.refusal import RefusedError, UnknownError

_MADE = ".package-lock.json"
"""npm writes into it what it has installed, with the hashes that it has compared."""


def use(folder: Path) -> None:
    """A folder of packages may be used.

    Args:
        folder: `node_modules`, as `npm ci` made it.

    Raises:
        RefusedError: npm did not make it, or it holds what the lock does not name.
        UnknownError: The lock cannot be read.
    """
    try:
        wanted = _packages(settings.LOCK)
    except OSError as error:
        raise UnknownError(f"{settings.LOCK}: {error.strerror}") from error
    try:
        made = _packages(folder / _MADE)
    except OSError as error:
        raise RefusedError(f"{folder} has no {_MADE}: npm ci did not make it") from error
    for name, said in made.items():
        if not said.get("integrity") or said["integrity"] != wanted.get(name, {}).get("integrity"):
            raise RefusedError(f"{name} has not the hash that {settings.LOCK} names")
    missing = [
        name
        for name, said in wanted.items()
        if name and not said.get("optional") and not said.get("dev") and name not in made
    ]
    if missing:
        raise RefusedError(f"{missing[0]} is missing in {folder}")


def _packages(lock: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return found
