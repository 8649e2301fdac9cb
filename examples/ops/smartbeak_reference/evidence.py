"""Which block of which page compares an entry with the running stack."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from smartbeak_compare.known import EXPECTED, Facts, plain

PROGRAM = "$ compare-names "
PAGE = "source/reference/compared.md"
"""Where most of it is asked; a page of the reference is no user of names."""

_BLOCK = re.compile(r"(?ms)^```\{code-block\} console\n(.*?)^```$")
_NAME = re.compile(r"(?m)^:name: (\S+)$")
_REFUSED = re.compile(r"(?m)^:exit-code: ")

Key = tuple[str, str]
"""A subject and the name of an entry."""

Blocks = Mapping[Key, str]
"""`docname#block` by subject and name."""


def blocks(root: Path) -> Blocks:
    """Every entry that a page asks the stack for; the first page that does so counts.

    Raises:
        LookupError: A page asks for what cannot be compared.
    """
    facts, found = Facts(root / "examples"), dict[Key, str]()
    for path in sorted((root / "source").rglob("*.md")):
        docname = path.relative_to(root / "source").with_suffix("").as_posix()
        try:
            for key, block in asked(path.read_text(encoding="utf-8"), facts):
                found.setdefault(key, f"{docname}#{block}")
        except LookupError as error:
            raise LookupError(f"{docname}: {error}") from error
    return found


def asked(text: str, facts: Facts) -> Iterator[tuple[Key, str]]:
    """What a page asks for, and the name of the block.

    Raises:
        LookupError: It cannot be compared.
    """
    for block, subject, names in _asked(text) if PROGRAM in text else ():
        typed = {plain(name): name for name in EXPECTED[subject][0](facts)}
        if unknown := [name for name in names if name not in typed]:
            raise LookupError(f"{subject} has no {', '.join(unknown)}")
        for name in names or typed:
            yield (subject, typed[name]), block


def _asked(text: str) -> Iterator[tuple[str, str, list[str]]]:
    for match in _BLOCK.finditer(text):
        name = _NAME.search(match[1])
        if name is None or _REFUSED.search(match[1]):
            continue  # one that is shown failing compares nothing
        for line in match[1].replace("\\\n", " ").split("\n"):
            if line.startswith(PROGRAM):
                subject, *names = shlex.split(line.removeprefix(PROGRAM))
                yield name[1], subject, names
