"""The plain commands that each command of `sb` stands for."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from smartbeak_ops import data


def load() -> dict[str, str]:
    """Plain commands by the command that stands for them."""
    found: dict[str, str] = yaml.safe_load(data.plain().read_text(encoding="utf-8"))
    return found


def of(words: Sequence[str]) -> str | None:
    """Plain commands of the longest command that these words begin with.

    Returns:
        None if there is no such command.
    """
    known = load()
    for length in range(len(words), 0, -1):
        found = known.get(" ".join(words[:length]))
        if found is not None:
            return found
    return None
