"""Finds out where the parts of a page stand: blocks, directives, their options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from docutils import nodes

from drillbook.errors import Where
from drillbook.pages.locate import Source

OPTION_LINE = re.compile(r":([a-z][a-z-]*):(?: |$)")
_OPENING = re.compile(r"[ \t>]*(?:(?:[-*+:]|\d+[.)])[ \t]+)*(?:`{3}|~{3}|:{3}|\.\. )")

Raw = Mapping[str, Any]
"""What a directive leaves behind: `source` and `line` of its opening, `options`."""


class Places:
    """The sources of one page: its own file and those that it includes."""

    def __init__(self, root: Path, page: Path, others: Iterable[Path]) -> None:
        """Takes the project's folder, the page, and what it includes."""
        self._root = root
        self._page = page
        self._others = tuple(others)
        self._sources: dict[Path, Source | None] = {}

    def of_text(self, node: nodes.Element, text: str, raw: Raw) -> Where | None:
        """Where a block's first line stands; None if the text stands nowhere."""
        tried: set[Path] = set()
        for path in self._candidates(node, raw):
            source = None if path in tried else self._source(path)
            tried.add(path)
            # In a literally included file the directive's line means nothing.
            included = str(path) == node.get("source")
            hint = 1 if included else raw.get("line") or node.line or 1
            line = source.find(text, hint) if source else 0
            if line:
                return Where(self._relative(path), line)
        return None

    def hint(self, node: nodes.Element, raw: Raw) -> Where:
        """About where a block stands, as the doctree has it."""
        path = Path(raw.get("source") or node.source or self._page)
        return Where(self._relative(path), raw.get("line") or node.line or 0)

    def of_directive(self, raw: Raw, word: str) -> tuple[Where, dict[str, int]]:
        """Where a directive without text stands, and the line of each of its options."""
        path = Path(raw.get("source") or self._page)
        source = self._source(path)
        lines = source.lines if source else []
        opening = re.compile(rf"\{{{word}\}}[ \t]+{re.escape(raw['name'])}[ \t]*$")
        hits = [number for number, line in enumerate(lines, 1) if opening.search(line)]
        line = min(hits, key=lambda number: abs(number - raw["line"]), default=raw["line"])
        found: dict[str, int] = {}
        for number, each in enumerate(lines[line:], line + 1):
            if option := OPTION_LINE.match(each.strip()):
                found.setdefault(option[1], number)
            elif each.strip():
                break
        return Where(self._relative(path), line), found

    def of_options(self, where: Where, raw: Raw) -> dict[str, int]:
        """The line of each option of a block, looked for above its text."""
        wanted = set(raw.get("options", {}))
        found = dict.fromkeys(wanted, where.line)
        number = where.line - 1
        source = self._source(self._root / where.path)
        while source and wanted and number > 0:
            line = source.lines[number - 1]
            for name in list(wanted):
                if re.match(rf"[ \t>]*:?{re.escape(name)}:(?:\s|$)", line):
                    found[name] = number
                    wanted.discard(name)
            if _OPENING.match(line):
                break
            number -= 1
        return found

    def line_above(self, where: Where) -> str:
        """The source's line above a place; empty at the top."""
        source = self._source(self._root / where.path)
        return source.lines[where.line - 2] if source and where.line >= 2 else ""

    def _candidates(self, node: nodes.Element, raw: Raw) -> Iterator[Path]:
        for path in (node.get("source"), raw.get("source"), node.source):
            if path:
                yield Path(path)
        yield self._page
        yield from self._others

    def _source(self, path: Path) -> Source | None:
        if path not in self._sources:
            try:
                self._sources[path] = Source(path.read_text("utf-8-sig", errors="replace"))
            except OSError:
                self._sources[path] = None
        return self._sources[path]

    def _relative(self, path: Path) -> str:
        try:
            return path.relative_to(self._root).as_posix()
        except ValueError:
            return path.as_posix()
