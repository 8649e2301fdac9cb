"""Highlights console blocks as the runner reads them: prompt, command, output."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from typing import Any, ClassVar

from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers.shell import BashLexer
from pygments.token import Error, Generic, Text, _TokenType

from drillbook.pages.console import PROMPT, roles
from drillbook.pages.languages import CONSOLE

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
"""A line as `roles` counts them: U+2028 and its like end none."""

_Token = tuple[int, _TokenType, str]


class ConsoleLexer(Lexer):
    """Tells commands from output exactly as `drillbook.pages.console` does."""

    name = "Console"
    aliases: ClassVar[list[str]] = [CONSOLE.name]
    url = ""

    def get_tokens_unprocessed(self, text: str) -> Iterator[_Token]:
        """The prompt, the command's own tokens and the output, line by line."""
        lines = _LINE.findall(text)
        at = 0
        for is_output, group in groupby(
            zip(roles(text), lines, strict=False), key=lambda each: each[0] == "output"
        ):
            for token, value in _output(group) if is_output else _commands(group):
                yield at, token, value
                at += len(value)
        if at < len(text):
            yield at, Text, text[at:]


_Lines = Iterable[tuple[str, str]]


def _output(lines: _Lines) -> Iterator[tuple[_TokenType, str]]:
    yield Generic.Output, "".join(line for _, line in lines)


def _commands(lines: _Lines) -> Iterator[tuple[_TokenType, str]]:
    command = ""
    for role, line in lines:
        if role == "prompt":
            yield from _bash(command)
            yield Generic.Prompt, line[: len(PROMPT)]
            command = line[len(PROMPT) :]
        else:
            command += line
    yield from _bash(command)


def _bash(command: str) -> Iterator[tuple[_TokenType, str]]:
    for _, token, value in BashLexer().get_tokens_unprocessed(command):
        # Bash, not Pygments, is the judge of a command.
        yield (Text if token is Error else token), value


class CopyableHtmlFormatter(HtmlFormatter[str]):
    """HTML in which a line of output ends inside its own span.

    The copy button leaves output out by its class. With Pygments' own markup the line
    ends would stay, and every line of output would become an empty line in the copy.
    """

    def _format_lines(self, tokensource: Iterable[tuple[_TokenType, str]]) -> Iterator[Any]:
        for is_output, tokens in groupby(tokensource, key=lambda each: each[0] is Generic.Output):
            if is_output:
                for line in _LINE.findall("".join(value for _, value in tokens)):
                    yield 1, f'<span class="go">{escape(line.removesuffix(chr(10)))}\n</span>'
            else:
                yield from super()._format_lines(tokens)  # type: ignore[misc]
