"""The pages as text, and which of them use a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

_INCLUDE = re.compile(r"(?m)^`{3,}\{include\} (\S+)$")
_FENCE = re.compile(r"^ *(`{3,}|:{3,}|~{3,})(.*)$")
_INLINE = re.compile(r"(`+)(.+?)\1")
_PROSE = frozenset(
    {
        *("admonition", "caution", "danger", "dropdown", "hint", "important", "note", "seealso"),
        *("tab-item", "tab-set", "tip", "warning"),
    }
)
"""Directives that hold text."""

_SKIPPED = "reference/"
"""Made from the same lists, so that naming there is no use."""


@dataclass(frozen=True)
class Page:
    """One page."""

    docname: str
    text: str

    @property
    def title(self) -> str:
        """Its first heading."""
        found = re.search(r"(?m)^# (.+)$", self.text)
        return found[1] if found else self.docname

    @cached_property
    def code(self) -> tuple[tuple[int, str], ...]:
        """Inline code, lines of blocks and of front matter, with their line numbers."""
        return _code_of(self.text)

    @cached_property
    def lines(self) -> str:
        """All of `code`, a line each."""
        return "\n".join(line for _, line in self.code)


def read(root: Path) -> tuple[Page, ...]:
    """Every page under `source/` but the reference, with what it includes."""
    source = root / "source"
    found = []
    for path in sorted(source.rglob("*.md")):
        docname = path.relative_to(source).with_suffix("").as_posix()
        if docname.startswith((_SKIPPED, "_")):
            continue
        text = path.read_text(encoding="utf-8")
        included = [(path.parent / name) for name in _INCLUDE.findall(text)]
        text += "".join(
            "\n" + each.read_text(encoding="utf-8") for each in included if each.is_file()
        )
        found.append(Page(docname, text))
    return tuple(found)


def using(
    pages: tuple[Page, ...], pattern: str, word: str = "", *, prose: bool = False
) -> tuple[Page, ...]:
    """The pages in whose code the pattern is found, or in all their text.

    Args:
        pages: Where to look.
        pattern: A regular expression.
        word: What every text has that the pattern fits; pages without it are passed over.
        prose: Whether to look outside code too.
    """
    sought = re.compile(pattern, re.MULTILINE)
    return tuple(
        page
        for page in pages
        if word in page.text
        and (
            # What a line has, the lines together have too, and one look at them is quick.
            (sought.search(page.lines) and any(sought.search(line) for _, line in page.code))
            or (prose and sought.search(page.text))
        )
    )


@cache
def _code_of(text: str) -> tuple[tuple[int, str], ...]:
    """Each table looks at every page."""
    return tuple(_code(text))


def _code(text: str) -> Iterator[tuple[int, str]]:
    fences: list[tuple[str, bool]] = []  # how each was opened, and whether it holds prose
    head = text.startswith("---\n")
    for number, line in enumerate(text.split("\n"), 1):
        if head:
            head = number == 1 or line != "---"
            yield number, line
            continue
        fence = _FENCE.match(line)
        code = bool(fences) and not fences[-1][1]
        if fence and fences and not fence[2].strip() and fence[1].startswith(fences[-1][0]):
            fences.pop()
        elif fence and not code:
            directive = re.match(r"\{([\w-]+)\}", fence[2].strip())
            fences.append((fence[1], directive is not None and directive[1] in _PROSE))
        elif code:
            yield number, line
        else:
            yield from ((number, found[2]) for found in _INLINE.finditer(line))
