"""What an interactive bash reads differently from the one that runs the pages.

A reader types or pastes a block at a prompt. There bash expands its history and the
reader's aliases, completes at a tab, and shows prompts of its own. A block that would
be read differently there is refused, so what was run is what a reader's shell does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillbook.errors import PageError, Where
from drillbook.inside.commandline import CommandLine
from drillbook.pages.statements import Statement, statements
from drillbook.pages.syntax import unfinished

_SECONDARY = re.compile(
    r">(?: |$)"
    # zsh names what is open.
    r"|(?:(?:for|while|until|if|then|else|elif|do|case|select|function|quote|dquote|bquote|"
    r"heredoc|pipe|cmdand|cmdor|cmdsubst|subsh|braceparam|cursh|math|array) ?)+> "
)
_BLANK_AFTER_BACKSLASH = re.compile(r"(?<!\\)(?:\\\\)*\\[ \t]+$")
_OF_THE_PROMPT = re.compile(r"\$\{?(BASH_SOURCE|LINENO|PS1|PS2|HISTCMD|-)(?![\w-])")
_ALIASES = frozenset({"alias", "unalias"})


def check(text: str, at: Where) -> Iterator[PageError]:
    """Everything in typed commands that a reader's own shell would read differently.

    Args:
        text: Commands as they are typed, without prompts, their lines joined by newlines.
        at: Where the text begins.
    """
    reader = CommandLine()
    lines = text.split("\n")
    told: set[str] = set()
    for number, line in enumerate(lines):
        body = reader.in_document
        going_on = reader.wants_more
        where = Where(at.path, at.line + number)
        if _SECONDARY.match(line) and (going_on or unfinished("\n".join(lines[:number]))):
            yield from _once(told, _secondary(line, where))
        reader.feed(line)
        if not line.isprintable():
            yield from _once(told, _invisible(line, where))
        if not body and not reader.in_quote and _BLANK_AFTER_BACKSLASH.search(line):
            yield from _once(told, _blank_after_backslash(where))
        if event := "" if body else reader.event:
            yield from _once(told, _event(event, where))
    for statement in statements(text):
        yield from _statement(statement, at)
    for number, line in enumerate(lines):
        if found := _OF_THE_PROMPT.search(line):
            yield _other_value(found[1], Where(at.path, at.line + number))


def _once(told: set[str], error: PageError) -> Iterator[PageError]:
    """The error, unless one of its kind is told of this command already."""
    if error.code not in told:
        told.add(error.code)
        yield error


def _secondary(line: str, where: Where) -> PageError:
    prompt = line.partition(">")[0] + ">"
    return PageError(
        "secondary-prompt",
        f"the line begins with `{prompt} `, which a shell prints to ask for more; typed, it is a "
        "redirection.",
        where=where,
        hint="leave the prompt out; a redirection on a line of its own is indented, and a "
        "here-document does not begin a line with `> `.",
    )


def _invisible(line: str, where: Where) -> PageError:
    char = next(char for char in line if not char.isprintable())
    if char == "\t":
        return PageError(
            "typed-tab",
            "the line has a tab, which completes a name when it is typed at a prompt.",
            where=where,
            hint="indent with blanks; inside an argument write `$'\\t'`; for `<<-` write `<<`.",
        )
    return PageError(
        "invisible-character",
        f"the line has the character U+{ord(char):04X}, which a reader cannot see or type.",
        where=where,
        hint="write a plain blank, or `$'\\u....'` where the character is meant.",
    )


def _blank_after_backslash(where: Where) -> PageError:
    return PageError(
        "blank-after-backslash",
        "the line ends in a backslash and a blank, so the command ends there and does not go "
        "on over the next line.",
        where=where,
        hint="end the line with the backslash.",
    )


def _event(event: str, where: Where) -> PageError:
    return PageError(
        "history-expansion",
        f"an interactive bash reads `{event}` as an event of its history: event not found.",
        where=where,
        hint="put it in single quotes; put a blank after a `!` that negates, and write `[^a]` "
        "for `[!a]`.",
    )


def _statement(statement: Statement, at: Where) -> Iterator[PageError]:
    where = Where(at.path, at.line + statement.line)
    if statement.program in _ALIASES or "expand_aliases" in statement.words:
        yield PageError(
            "alias",
            "an alias is known to a reader's shell and not to the one that runs the page.",
            where=where,
            hint="write a function.",
        )


def _other_value(name: str, where: Where) -> PageError:
    return PageError(
        "prompt-dependent",
        f"`${name}` has another value at a reader's prompt than where the page is run.",
        where=where,
        hint="do not let the block depend on it.",
    )
