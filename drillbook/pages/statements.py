"""Reads shell text as simple commands: their words, redirections and documents.

Enough of bash's grammar to say what a snippet does and what it hides; bash itself
stays the only judge of whether the text is right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_BEFORE = frozenset({"if", "elif", "while", "until", "!"})
_KEYWORDS = _BEFORE | {"then", "else", "do", "time", "{", "}", "fi", "done", "esac", "function"}
_OPERATORS = ("&&", "||", ";;&", ";&", ";;", "|&", ";", "|", "&", "(", ")")
_REDIRECTS = ("&>>", "<<<", "<<-", "&>", "<<", "<>", "<&", ">>", ">&", ">|", "<", ">")
_ENDS_WORD = frozenset(" \t\n;|&()<>")


# These run the program that follows them.
_WRAPPERS = frozenset(
    {"sudo", "env", "time", "timeout", "nohup", "exec", "command", "xargs", "nice", "setsid"}
)
_WRAPPER_ARGUMENT = re.compile(r"-|\d|\w+=")
_WITH_VALUE = frozenset({"-u", "-g", "-s", "-k", "-n", "-I", "-P"})


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where one stream goes."""

    stream: str
    """The descriptor: `0`, `1`, `2`, or `&` for both outputs."""

    target: str
    """File name, or `&1` for another descriptor."""


@dataclass(slots=True)
class Statement:
    """One simple command."""

    line: int
    """0-based line of the text on which it begins."""

    words: list[str] = field(default_factory=list)
    """Command and arguments as the shell would pass them, quotes removed,
    expansions unexpanded; without keywords and leading assignments."""

    bare: list[str] = field(default_factory=list)
    """Of those, the ones that stand there without any quote."""

    redirects: list[Redirect] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    """Bodies of its here-documents and here-strings."""

    condition: bool = False
    """Whether its status is asked for (`if`, `while`, `!`) and may be anything."""

    before: str = ""
    """The operator in front of it, e.g. `||`; empty at the beginning of a line."""

    after: str = ""
    """The operator behind it, e.g. `&&`; empty at the end of a line."""

    nested: bool = False
    """Whether it stands inside a substitution."""

    within: tuple[tuple[str, int], ...] = ()
    """The constructs that are open around it, outermost first, each with its ordinal: `(`,
    `{`, `function`, `if` and `case` with a `branch` of theirs, `do`."""

    @property
    def program(self) -> str:
        """The program's name without its folder; empty for a bare assignment."""
        return self.words[0].rsplit("/", 1)[-1] if self.words else ""


@dataclass(slots=True)
class _Document:
    end: str
    strip_tabs: bool
    statement: Statement


class _Scanner:
    def __init__(self, text: str, line: int = 0, *, nested: bool = False) -> None:
        self.text = text
        self.at = 0
        self.first_line = line
        self.nested = nested
        self.found: list[Statement] = []
        self.pending: list[_Document] = []
        self.current: Statement | None = None
        self.before = ""
        self.condition = False
        self.open: list[tuple[str, int]] = []
        self.opened = 0
        self.function = False

    def run(self) -> list[Statement]:
        while self.at < len(self.text):
            self._step()
        self._end("")
        return self.found

    def _step(self) -> None:
        text, at = self.text, self.at
        char = text[at]
        if text.startswith("\\\n", at):
            self.at += 2
        elif char in " \t":
            self.at += 1
        elif char == "#":
            self.at = self._line_end(at)
        elif char == "\n":
            self._end("")
            self.at += 1
            self._documents()
        elif text.startswith("((", at) and self.current is None:
            self.at = _closing(text, at + 2, "))")
        elif text.startswith(("<(", ">("), at):
            self._substitution(at + 1)
        elif self._redirect():
            pass
        elif operator := _first_of(text, at, _OPERATORS):
            self.function = self.function or (text.startswith("()", at) and bool(self.current))
            self._end(operator)
            self._construct(operator)
            self.at += len(operator)
        else:
            self._add(*self._word())

    def _statement(self) -> Statement:
        if self.current is None:
            self.current = Statement(
                self._line(),
                condition=self.condition,
                before=self.before,
                nested=self.nested,
                within=tuple(self.open),
            )
        return self.current

    def _add(self, word: str, quoted: bool) -> None:
        if not quoted and (self.current is None or not self.current.words):
            if word in _BEFORE:
                self.condition = True
            self._construct(word)
            if word in _KEYWORDS:
                if self.current is not None:
                    self.current.condition = self.condition
                return
            name, equals, _ = word.partition("=")
            if equals and name.rstrip("+").replace("_", "a").isalnum():
                self._statement()
                return
        statement = self._statement()
        statement.words.append(word)
        if not quoted:
            statement.bare.append(word)
        if word == "[[" and len(statement.words) == 1:
            self._test()

    def _construct(self, word: str) -> None:
        """Notes what a keyword or an operator opens or ends."""
        if word in ("(", "{") and self.function:
            # The brackets behind a function's name open nothing.
            if self.text.startswith("()", self.at):
                return
            self.function = False
            self._open("function")
        elif word in ("(", "{", "do", "if", "case"):
            self._open(word)
        elif word == "then":
            self._open("branch")
        elif word in ("elif", "else", ";;", ";&", ";;&"):
            self._close("branch")
            if word == "else":
                self._open("branch")
        elif word in (")", "}"):
            if word == ")" and self.open[-1:] and self.open[-1][0] == "case":
                self._open("branch")
            else:
                self._close({")": "(", "}": "{"}[word], "function")
        elif word == "done":
            self._close("do")
        elif word in ("fi", "esac"):
            self._close("branch")
            self._close("if", "case")

    def _open(self, kind: str) -> None:
        self.opened += 1
        self.open.append((kind, self.opened))

    def _close(self, *kinds: str) -> None:
        if self.open and self.open[-1][0] in kinds:
            self.open.pop()

    def _test(self) -> None:
        # Inside [[ ]] the signs < > | & ( ) are operators of the test.
        end = self.text.find("]]", self.at)
        end = len(self.text) if end < 0 else end
        self._statement().words.extend(self.text[self.at : end].split())
        at = self.text.find("$(", self.at, end)
        while at >= 0:
            closed = _closing(self.text, at + 2, ")")
            if not self.text.startswith("$((", at):
                self._nest(self.text[at + 2 : closed - 1], at)
            at = self.text.find("$(", closed, end)
        self.at = end

    def _end(self, operator: str) -> None:
        if self.current is not None:
            self.current.after = operator
            self.found.append(self.current)
        elif operator == "&":
            # A group or a loop as a whole: no words, but it runs on beside the shell.
            self.found.append(Statement(self._line(), after="&", nested=self.nested))
        self.before = operator
        self.current = None
        if operator not in ("&&", "||", "|", "|&", "("):
            self.condition = False

    def _redirect(self) -> bool:
        start = self.at
        at = start
        while at < len(self.text) and self.text[at].isdigit():
            at += 1
        operator = _first_of(self.text, at, _REDIRECTS)
        if not operator:
            return False
        stream = self.text[start:at] or ("0" if operator[0] == "<" else operator[0])
        stream = "1" if stream == ">" else stream
        self.at = at + len(operator)
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1
        statement = self._statement()
        target, _ = self._word()
        if operator in ("<<", "<<-"):
            self.pending.append(_Document(target, operator == "<<-", statement))
        elif operator == "<<<":
            statement.documents.append(target)
        else:
            mark = "&" if operator in ("<&", ">&") else ""
            statement.redirects.append(Redirect(stream, mark + target))
        return True

    def _documents(self) -> None:
        for document in self.pending:
            body: list[str] = []
            while self.at < len(self.text):
                end = self._line_end(self.at)
                line = self.text[self.at : end]
                line = line.lstrip("\t") if document.strip_tabs else line
                self.at = end + 1
                if line == document.end:
                    break
                body.append(line)
            document.statement.documents.append("\n".join(body))
        self.pending = []

    def _word(self) -> tuple[str, bool]:
        """Reads the next word: its text without quotes, and whether any was quoted."""
        value: list[str] = []
        quoted = False
        text = self.text
        start = self.at
        while self.at < len(text) and text[self.at] not in _ENDS_WORD:
            char = text[self.at]
            if text.startswith("\\\n", self.at):
                self.at += 2
            elif char == "\\":
                value.append(text[self.at + 1 : self.at + 2])
                self.at += 2
            elif text.startswith("$'", self.at):
                end = _quote_end(text, "'", self.at + 2)
                value.append(text[self.at + 2 : end].replace("\\'", "'"))
                self.at, quoted = end + 1, True
            elif char == "'":
                end = _index(text, "'", self.at + 1)
                value.append(text[self.at + 1 : end])
                self.at, quoted = end + 1, True
            elif char == '"':
                value.append(self._double())
                quoted = True
            else:
                value.append(self._expansion() or char)
                if self.at == start:
                    self.at += 1
            start = self.at
        return "".join(value), quoted

    def _double(self) -> str:
        value: list[str] = []
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != '"':
            if self.text[self.at] == "\\":
                value.append(self.text[self.at + 1 : self.at + 2])
                self.at += 2
                continue
            start = self.at
            found = self._expansion()
            value.append(found or self.text[start])
            if not found:
                self.at = start + 1
        self.at += 1
        return "".join(value)

    def _expansion(self) -> str:
        """Reads `$(...)`, `${...}` or backquotes, if one stands here."""
        text, start = self.text, self.at
        if text.startswith("$((", start):
            self.at = _closing(text, start + 3, "))")
        elif text.startswith("$(", start):
            self._substitution(start + 1)
        elif text.startswith("${", start):
            self.at = _closing(text, start + 2, "}")
        elif text[start] == "`":
            end = _index(text, "`", start + 1)
            self._nest(text[start + 1 : end], start)
            self.at = end + 1
        return text[start : self.at]

    def _substitution(self, bracket: int) -> None:
        end = _closing(self.text, bracket + 1, ")")
        self._nest(self.text[bracket + 1 : end - 1], bracket)
        self.at = end

    def _nest(self, text: str, at: int) -> None:
        line = self.first_line + self.text.count("\n", 0, at)
        self.found.extend(_Scanner(text, line, nested=True).run())

    def _line(self) -> int:
        return self.first_line + self.text.count("\n", 0, self.at)

    def _line_end(self, at: int) -> int:
        return _index(self.text, "\n", at)


def statements(text: str) -> list[Statement]:
    """The simple commands of a shell text, those in substitutions included.

    A command inside a substitution comes before the one that it stands in.
    """
    return _Scanner(text).run()


def unwrapped(words: Sequence[str]) -> Sequence[str]:
    """The words without the programs that only start another one."""
    while words and words[0].rsplit("/", 1)[-1] in _WRAPPERS:
        at = 1
        while at < len(words) and _WRAPPER_ARGUMENT.match(words[at]):
            at += 2 if words[at] in _WITH_VALUE else 1
        words = words[at:]
    return words


def _first_of(text: str, at: int, tokens: tuple[str, ...]) -> str:
    return next((token for token in tokens if text.startswith(token, at)), "")


def _index(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return len(text) if found < 0 else found


def _closing(text: str, at: int, mark: str) -> int:
    """The place behind the mark that closes what was opened before `at`."""
    opening = {")": "(", "}": "{", "))": "("}[mark]
    depth = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'" and mark == ")":
            at = _index(text, "'", at + 1)
        elif char == '"' and mark == ")":
            at = _quote_end(text, '"', at + 1)
        elif char == opening:
            depth += 1
        elif char == mark[0]:
            if not depth and text.startswith(mark, at):
                return at + len(mark)
            depth = max(0, depth - 1)
        at += 1
    return len(text)


def _quote_end(text: str, mark: str, at: int) -> int:
    while at < len(text) and text[at] != mark:
        at += 2 if text[at] == "\\" else 1
    return at
