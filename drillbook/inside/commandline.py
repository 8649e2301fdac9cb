"""Knows whether a typed bash command goes on over the next line.

Only as much of bash's grammar is known here as that takes: quotes, brackets,
here-documents, comments, backslashes, operators at the end of a line. Bash stays
the judge of what a command means.
"""

from __future__ import annotations

from dataclasses import dataclass

_QUOTES = frozenset({"'", "$'", '"'})
_OPENED = {
    "'": "a quote (')",
    "$'": "a quote (')",
    '"': 'a quote (")',
    "`": "a command substitution (`)",
    "(": "a bracket (()",
    "((": "an arithmetic expression (((",
    "(+": "a bracket (()",
    "{": "an expansion (${)",
}
_BLANK = " \t"
_WORD_ENDS = frozenset(" \t|&;()<>")


@dataclass(frozen=True, slots=True)
class _Heredoc:
    end: str
    strip_tabs: bool
    literal: bool
    """Whether the delimiter was quoted, so that a backslash means nothing."""


class CommandLine:
    """Reads a command line by line and knows whether bash would ask for more."""

    def __init__(self) -> None:
        self._stack: list[str] = []
        self._pending: list[_Heredoc] = []
        self._bodies: list[_Heredoc] = []
        self._joined = ""
        self._backslash = False
        self._operator = False
        self._event = ""

    @property
    def in_document(self) -> bool:
        """Whether the next line is one of a here-document's body."""
        return bool(self._bodies)

    @property
    def in_quote(self) -> bool:
        """Whether a quote is open after the last line."""
        return bool(self._stack) and self._stack[-1] in _QUOTES

    @property
    def event(self) -> str:
        """What in the last line an interactive bash takes for an event of its history."""
        return self._event

    @property
    def heredoc(self) -> str | None:
        """The delimiter that is waited for; None outside a here-document."""
        bodies = self._bodies or self._pending
        return bodies[0].end if bodies else None

    @property
    def opened(self) -> str:
        """What is open, in words; empty if nothing is or a here-document is."""
        if self.heredoc is not None:
            return ""
        if self._stack:
            return _OPENED[self._stack[-1]]
        if self._backslash:
            return "a line that ends in a backslash"
        return "a line that ends in an operator" if self._operator else ""

    @property
    def wants_more(self) -> bool:
        """Whether the next line belongs to the command."""
        unfinished = self._backslash or self._operator
        return bool(self._stack or self._pending or self._bodies or unfinished)

    @property
    def swallows(self) -> bool:
        """Whether any line put after it would become part of it without an error."""
        return bool(self._pending or self._bodies or self._operator)

    def feed(self, line: str) -> None:
        """Takes the command's next line."""
        self._event = ""
        if self._bodies:
            self._body_line(line)
            return
        self._backslash = False
        self._scan(line)
        # Bash reads the bodies after the next newline that is a token of its own:
        # not one inside a quote, nor one that a backslash took away.
        in_quote = bool(self._stack) and self._stack[-1] in _QUOTES
        if self._pending and not self._backslash and not in_quote:
            self._bodies, self._pending = self._pending, []

    def _body_line(self, line: str) -> None:
        heredoc = self._bodies[0]
        whole = self._joined + (line.lstrip("\t") if heredoc.strip_tabs else line)
        if not heredoc.literal and _ends_in_backslash(whole):
            self._joined = whole[:-1]
            return
        self._joined = ""
        if whole == heredoc.end:
            self._bodies = self._bodies[1:]

    def _scan(self, line: str) -> None:
        at, word_start = 0, True
        if line.startswith("^"):
            # Quick substitution in the command before.
            self._event = line
        while at < len(line):
            if line[at] == "!" and not self._event and self._expands(line, at):
                self._event = line[at:]
            in_quote = bool(self._stack) and self._stack[-1] in _QUOTES
            step, word_start = self._token(line, at, word_start)
            if not step:
                return
            if line[at : at + step].strip(_BLANK):
                before = line[max(at - 1, 0) : at + 1]
                self._operator = step == 1 and not in_quote and before.endswith(("|", "&&", "|&"))
            at += step

    def _expands(self, line: str, at: int) -> bool:
        """Whether history expansion takes the `!` there; rather too often than too seldom.

        Bash expands history before it parses, by rules of its own ("History Expansion"
        in bash(1)): single quotes and backslashes hide a `!`, double quotes do not, and
        inside these single quotes mean nothing unless a substitution is between.
        """
        top = self._stack[-1] if self._stack else ""
        if top == "'" and self._stack[-3:-1] != ['"', "{"]:
            return False
        following = line[at + 1 : at + 2]
        if top == "$'" or following in ("", " ", "\t", "="):
            return False
        return not (top == '"' and following == '"') and line[max(at - 2, 0) : at] != "${"

    def _token(self, line: str, at: int, word_start: bool) -> tuple[int, bool]:
        """Reads one token.

        Returns:
            Its length (0 when the line is done), and whether a word may begin after it.
        """
        top = self._stack[-1] if self._stack else ""
        char = line[at]
        if top == "'":
            self._close_on(char, "'")
            return 1, False
        if char == "\\":
            self._backslash = at + 1 == len(line)
            return 2, False
        if top in ("$'", "`"):
            # Up to its end, backticks hide even quotes from bash.
            self._close_on(char, top[-1])
            return 1, False
        if char == "$":
            return self._dollar(line, at, quoted=top == '"'), self._stack[-1:] == ["("]
        if char == "`":
            self._stack.append("`")
            return 1, False
        if char == '"':
            if top == '"':
                self._stack.pop()
            else:
                self._stack.append('"')
            return 1, False
        if top == '"':
            return 1, False
        if char == "'":
            self._stack.append("'")
            return 1, False
        if top == "{":
            self._close_on(char, "}")
            return 1, False
        if top in ("((", "(+"):
            return self._arithmetic(line, at), False
        return self._plain(line, at, word_start)

    def _plain(self, line: str, at: int, word_start: bool) -> tuple[int, bool]:
        """Reads a token where commands stand: outside quotes and expansions."""
        char = line[at]
        if char == "#" and word_start:
            return 0, True
        if line.startswith("<<<", at):
            return 3, True
        if line.startswith("<<", at):
            return self._redirect_heredoc(line, at), True
        if char == "(":
            arithmetic = line.startswith("((", at) and word_start
            self._stack.append("((" if arithmetic else "(")
            return 2 if arithmetic else 1, True
        if char == ")" and self._stack and self._stack[-1] == "(":
            # Without an opening one it is the `)` of a case pattern.
            self._stack.pop()
        return 1, char in _WORD_ENDS

    def _dollar(self, line: str, at: int, *, quoted: bool) -> int:
        for opening, name in (("$((", "(("), ("$(", "("), ("${", "{")):
            if line.startswith(opening, at):
                self._stack.append(name)
                return len(opening)
        if line.startswith("$'", at) and not quoted:
            self._stack.append("$'")
            return 2
        # `$#`, `$$`; a quote after `$` opens as it would without it.
        return 2 if line[at + 1 : at + 2] not in ("", '"', "'", "\\", "`") else 1

    def _arithmetic(self, line: str, at: int) -> int:
        if line[at] == "(":
            self._stack.append("(+")
        elif line[at] == ")":
            opening = self._stack.pop()
            if opening == "((" and line.startswith("))", at):
                return 2
            if opening == "((":
                # One bracket closes alone, so it was a subshell in a subshell.
                self._stack.append("(")
        return 1

    def _redirect_heredoc(self, line: str, at: int) -> int:
        start = at
        at += 2
        strip_tabs = line.startswith("-", at)
        at += strip_tabs
        while at < len(line) and line[at] in _BLANK:
            at += 1
        word, length, literal = _delimiter(line, at)
        if word is not None:
            self._pending.append(_Heredoc(word, strip_tabs, literal))
        return at + length - start

    def _close_on(self, char: str, closing: str) -> None:
        if char == closing:
            self._stack.pop()


def _delimiter(line: str, at: int) -> tuple[str | None, int, bool]:
    """Reads a here-document's delimiter at `at`.

    Returns:
        The delimiter without its quotes (None if there is none), its length as
        printed, and whether any of it was quoted.
    """
    start, word, literal, quote = at, "", False, ""
    while at < len(line):
        char = line[at]
        if quote:
            if char == quote:
                quote = ""
            else:
                word += char
        elif char in "'\"":
            quote, literal = char, True
        elif char == "\\":
            at += 1
            word, literal = word + line[at : at + 1], True
        elif char in _WORD_ENDS:
            break
        else:
            word += char
        at += 1
    return (word if word or literal else None), at - start, literal


def _ends_in_backslash(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1
