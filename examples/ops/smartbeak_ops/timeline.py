"""The incident's timeline: a line for each note, `- 2026-11-26T03:12:05Z role: text`.

It is the form of the book's own timelines, from which messages and post-mortems are made.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from smartbeak_ops.failures import clean
from smartbeak_ops.refusal import RefusedError

ROLE = "on-call-engineer"

_ROLE = re.compile(r"^[a-z]+(?:-[a-z]+)*$")


def file() -> Path:
    """Where notes go: `SB_TIMELINE`, else `~/incident/timeline.md`."""
    named = os.environ.get("SB_TIMELINE")
    return Path(named) if named else Path.home() / "incident/timeline.md"


def line(text: str, role: str, at: datetime) -> str:
    """A note as an entry of the timeline.

    Raises:
        RefusedError: It is no note, or the role no role.
    """
    words = " ".join(clean(text).split())
    if not words:
        raise RefusedError("a note says something")
    if not _ROLE.match(role):
        raise RefusedError(f"{role!r} is no role, as in technical-lead")
    return f"- {at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {role}: {words}\n"


def note(text: str, role: str = ROLE, at: datetime | None = None) -> Path:
    """Adds a note; several who write at the same time do not mix their lines.

    Raises:
        RefusedError: The file cannot be written.
    """
    said = line(text, role, at or datetime.now(UTC))
    target = file()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(
            os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8"
        ) as opened:
            opened.write(said)
    except OSError as error:
        raise RefusedError(f"{target} cannot be written: {error.strerror}") from error
    return target
