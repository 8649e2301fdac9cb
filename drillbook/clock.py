"""What time it is: UTC, to the second, everywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime


def now() -> datetime:
    """This moment, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def today() -> date:
    """The day in UTC."""
    return now().date()


def text(moment: datetime) -> str:
    """A moment as ISO 8601, as in `2026-03-01T09:30:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp() -> str:
    """This moment as `text` writes it."""
    return text(now())
