"""Reads the values that options may have; each reader says what to write instead."""

from __future__ import annotations

import re
from datetime import date

from drillbook.durations import duration

NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
"""What a snippet, a drill or a host may be called."""


def names(text: str) -> tuple[str, ...]:
    """The names in `context, evidence` or `context evidence`.

    Raises:
        ValueError: One of them is no name, or none is there.
    """
    found = tuple(text.replace(",", " ").split())
    if not found:
        raise ValueError("name at least one")
    return tuple(name_of(each) for each in found)


def name_of(text: str) -> str:
    """The name, unchanged.

    Raises:
        ValueError: It is not lower-case words joined by hyphens.
    """
    if not NAME.fullmatch(text):
        raise ValueError("write lower-case letters, digits and single hyphens: promote-replica")
    return text


def numbers(text: str) -> tuple[str, ...]:
    """The numbers in `22, 30`, ascending and each once.

    Raises:
        ValueError: One of them is no whole number, or none is there.
    """
    found = text.replace(",", " ").split()
    if not found or not all(each.isdecimal() for each in found):
        raise ValueError("write numbers: 22, 30")
    return tuple(str(number) for number in sorted({int(each) for each in found}))


def words(text: str) -> str:
    """The text, its spaces single."""
    return " ".join(text.split())


def reason(text: str) -> str:
    """A reason, not empty."""
    if not text:
        raise ValueError("say why, in a few words")
    return words(text)


def iso_date(text: str) -> str:
    """A date as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueError("write a date as YYYY-MM-DD") from error


def status(text: str) -> int:
    """An exit status other than 0."""
    if not text.isdecimal() or not 0 < int(text) < 256:
        raise ValueError("write a status from 1 to 255; 0 is what is expected without it")
    if int(text) in (126, 127):
        raise ValueError("a command that is not found, or cannot be run, is no result")
    return int(text)


def flag(text: str) -> bool:
    """True: a flag has no value."""
    if text:
        raise ValueError("takes no value")
    return True


def positive(text: str) -> float:
    """Seconds of a duration, more than none."""
    seconds = duration(text)
    if not seconds:
        raise ValueError("must be longer than 0")
    return seconds


def effect(text: str) -> str:
    """One of the effects."""
    if text not in ("read", "write", "destructive"):
        raise ValueError("write read, write or destructive")
    return text


def some_text(text: str) -> str:
    """The text, not empty."""
    if not text:
        raise ValueError("must not be empty")
    return words(text)
