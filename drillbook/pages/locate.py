"""Finds where in its source file a rendered text stands."""

from __future__ import annotations

from collections import defaultdict

_INDENT = " \t>"
"""What may stand before each line of a block: indentation and quote marks."""


def lines_of(text: str) -> list[str]:
    """The lines as editors and Sphinx count them.

    Not `splitlines()`: U+2028, a form feed and their like end no line.
    """
    return text.removesuffix("\n").split("\n")


class Source:
    """The lines of one source file, indexed for looking up blocks."""

    def __init__(self, text: str) -> None:
        """Takes the file's text."""
        self.lines = lines_of(text)
        self._by_content: dict[str, list[int]] = defaultdict(list)
        for number, line in enumerate(self.lines):
            self._by_content[line.strip(_INDENT)].append(number)
        self._taken: set[int] = set()

    def find(self, text: str, hint: int) -> int:
        """The 1-based line where the text begins, nearest to a hint; 0 if nowhere.

        The whole text must stand there under one prefix. Doctrees are vague about
        lines (the fence, the directive, one too high inside a tab), so the hint only
        decides between equal texts: the first one after it, and none that an earlier
        block was given.

        Args:
            text: The block as rendered.
            hint: 1-based line at or shortly before the block.
        """
        found = self._all(lines_of(text))
        if not found:
            return 0
        free = [line for line in found if line not in self._taken] or found
        # One too high: a hint may point at the text's own first line, never beyond it.
        best = min(free, key=lambda line: (line < hint, abs(line - hint)))
        self._taken.add(best)
        return best

    def _all(self, block: list[str]) -> list[int]:
        anchor = next((at for at, line in enumerate(block) if line.strip(_INDENT)), None)
        if anchor is None:
            return []
        starts = (at - anchor for at in self._by_content.get(block[anchor].strip(_INDENT), ()))
        return [start + 1 for start in starts if self._stands_at(block, start, anchor)]

    def _stands_at(self, block: list[str], start: int, anchor: int) -> bool:
        if start < 0 or start + len(block) > len(self.lines):
            return False
        first = self.lines[start + anchor]
        if not first.endswith(block[anchor]):
            return False
        prefix = first[: len(first) - len(block[anchor])]
        if prefix.strip(_INDENT):
            return False
        return all(
            source == prefix + line or not (line.strip() or source.strip(_INDENT))
            for line, source in zip(block, self.lines[start:], strict=False)
        )
