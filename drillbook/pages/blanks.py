"""Blanks that a page leaves for the reader to fill in: what is printed then cannot run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from drillbook.errors import PageError, Where
from drillbook.pages.statements import Statement

_ANGLE = re.compile(r"<(?!\s)([A-Za-z][\w .-]*|\.\.\.)>")
_TAGS = frozenset(
    {
        *("html", "head", "body", "title", "meta", "link", "script", "style"),
        *("a", "b", "i", "p", "br", "hr", "em", "pre", "div", "span", "code", "strong"),
        *("h1", "h2", "h3", "h4", "li", "ol", "ul", "td", "th", "tr", "table"),
        *("form", "input", "button"),
    }
)
_SQUARE = re.compile(
    r"(?<![\w\]}$\[\\])\[(?:your|YOUR|[A-Za-z]{2,}[ _-])[\w -]*\](?![\[(\]*+?{\w])"
)
_SQUARE_WORD = re.compile(r"(?:[\w.:/@=-]*[=/:@])?\[[A-Za-z]{2,}[\w -]*\]")
_BLANK = re.compile(
    r"(?i)(?<![a-z0-9])(your[_-]\w+|x{3,}(?![a-z0-9])|change_?me(?![a-z])|replace_?me(?![a-z]))"
)


def of_shell(found: Sequence[Statement], text: str, at: Where) -> Iterator[PageError]:
    """Every blank in typed commands or a script.

    Args:
        found: Its statements.
        text: The text.
        at: Where it begins.
    """
    seen: set[tuple[int, str]] = set()
    for number, line in enumerate(text.split("\n")):
        for blank in _in_line(line):
            seen.add((number, blank))
    for statement in found:
        for word in statement.bare:
            if word in ("...", "…") or (
                _SQUARE_WORD.fullmatch(word) and statement.program not in ("[", "[[", "tr", "test")
            ):
                seen.add((statement.line, word))
        if statement.program == "mktemp":
            # XXXXXX is mktemp's own spelling of "any name".
            seen = {
                (number, blank)
                for number, blank in seen
                if number != statement.line or blank.strip("Xx")
            }
    for number, blank in sorted(seen):
        yield _placeholder(blank, Where(at.path, at.line + number))


def of_python(text: str, at: Where) -> Iterator[PageError]:
    """Every blank in Python; what it prints (`#>`) may look like one."""
    for number, line in enumerate(text.split("\n")):
        if not line.lstrip().startswith("#>"):
            for blank in _in_line(line, square=False):
                yield _placeholder(blank, Where(at.path, at.line + number))


def _in_line(line: str, *, square: bool = True) -> Iterator[str]:
    """Blanks in one line, of shell unless `square` is false."""
    for match in _ANGLE.finditer(line):
        heredoc = line[: match.start()].endswith("<")
        if square and _redirects(match[1], line[match.end() :]):
            continue
        if not heredoc and match[1].lower().split()[0] not in _TAGS:
            yield match[0]
    if square:
        for match in _SQUARE.finditer(line):
            # A line of its own is the heading of an ini file.
            if match[0] != line.strip():
                yield match[0]
    for match in _BLANK.finditer(line):
        yield match[0]


def _redirects(inside: str, after: str) -> bool:
    """Whether `<inside>after` are two redirections: `<names.txt >sorted.txt`, `<in>out`.

    To bash each `<host>` without quotes is one. Meant as such is what has a blank (or a
    descriptor) before the `>`, a file's name behind it at once, or a file's name inside.
    """
    if re.search(r"\s\d*$", inside) or re.match(r"[\w$&~]|\"\$|/(?!<)|>", after):
        return True
    return bool(re.search(r"\.\w+$", inside) and re.match(r"[ \t]+[\w$\"'/~.]", after))


def _placeholder(blank: str, at: Where) -> PageError:
    return PageError(
        "placeholder",
        f"`{blank}` is left for the reader to fill in, so what is printed cannot run.",
        where=at,
        hint="Let an earlier block find the value and put it into a variable.",
    )
