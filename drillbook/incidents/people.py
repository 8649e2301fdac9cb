"""Whether a text names a person: pages about incidents name roles."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import names

_PAIR = re.compile(r"\b([A-Z][a-z]+) ([A-Z][a-z]+(?:-[A-Z][a-z]+)?)\b")
_HANDLE = re.compile(r"(?<![\w.+-])@[A-Za-z][\w-]+|\b[\w.+-]+@[\w-]+\.[a-z]{2,}\b")
_MOST_COMMON_SURNAMES = 20_000
"""Rarer ones are mostly ordinary words."""


def named(text: str) -> Iterator[str]:
    """Handles, addresses of mailboxes, and what reads as first name and surname.

    Names are those of the United States census, which the package `names` carries: a name
    that is in neither of its lists is not seen.
    """
    yield from (match[0] for match in _HANDLE.finditer(text))
    first, last = _first_names(), _surnames()
    for match in _PAIR.finditer(text):
        if match[1].upper() in first and match[2].partition("-")[0].upper() in last:
            yield match[0]


@functools.cache
def _first_names() -> frozenset[str]:
    return _words("first:male") | _words("first:female")


@functools.cache
def _surnames() -> frozenset[str]:
    return _words("last", _MOST_COMMON_SURNAMES)


def _words(key: str, most: int | None = None) -> frozenset[str]:
    lines = Path(names.FILES[key]).read_text(encoding="ascii").splitlines()
    return frozenset(line.split()[0] for line in lines[:most])
