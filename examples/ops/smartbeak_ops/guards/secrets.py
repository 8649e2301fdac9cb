"""Guards of secrets: a new value is one, before it takes the place of the old one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from smartbeak_ops import settings
from smartbeak_ops.refusal import RefusedError

KNOWN = (
    *("jwt-key-1", "jwt-key-2", "stripe-webhook", "paddle-webhook", "clerk-webhook"),
    *("wordpress", "linkedin", "storage"),
)
"""Secrets of the platform's processes, by the names of their files."""

PAIR = ("jwt-key-1", "jwt-key-2")
"""Tokens signed with either are taken, so that one new key alone ends nothing."""

SHORTEST = 32

# The platform's own check of its signing keys, which does not ask for whole words.
_PLACEHOLDER = re.compile(r"placeholder|example|test|demo|secret|key|your_", re.IGNORECASE)


def rotate(names: Sequence[str]) -> None:
    """New values of these secrets may be put in place.

    Raises:
        RefusedError: One is missing, short, seen by others, or no new one.
    """
    for name in names:
        if name not in KNOWN:
            raise RefusedError(f"{name} is no secret of the platform: {', '.join(KNOWN)}")
    for name, other in (PAIR, PAIR[::-1]):
        if name in names and other not in names:
            raise RefusedError(f"{other} stays: tokens signed with it are taken too")
    values = {name: _new(name) for name in names}
    if len(set(values.values())) < len(values):
        raise RefusedError("two of the new values are the same")
    now = {_read(file) for known in KNOWN if (file := settings.secret(known)).exists()}
    now |= {_read(file) for known in KNOWN if (file := settings.SECRETS / known).exists()}
    for name, value in values.items():
        if value in now:
            raise RefusedError(f"{name}.new is a value that is or was in use")


def _new(name: str) -> str:
    file = settings.STORE / f"{name}.new"
    if not file.exists():
        raise RefusedError(f"{file} is not there")
    if file.stat().st_mode & 0o077:
        raise RefusedError(f"{file} can be read by others: make it with umask 077")
    value = _read(file)
    if len(value) < SHORTEST:
        raise RefusedError(f"{name}.new has fewer than {SHORTEST} characters")
    if name in PAIR and _PLACEHOLDER.search(value):
        raise RefusedError(f"{name}.new holds a word that production takes for a placeholder")
    return value


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise RefusedError(f"{file} cannot be read ({error.strerror})") from error
