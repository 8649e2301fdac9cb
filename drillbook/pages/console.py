"""Takes a console block apart: commands as they are typed, and what they print.

A line that begins with `$ ` starts a command. The command goes on over the next
line while bash itself would ask for more: after a backslash, inside a
here-document, a quote, a bracket or a compound command. Every other line is expected output of the
command before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from drillbook.errors import PageError, Where
from drillbook.inside.commandline import CommandLine
from drillbook.pages.syntax import unfinished

PROMPT = "$ "
ELLIPSIS = "..."

_CLOSE = (
    "to give a command several lines, end each but the last in a backslash, or use a here-document."
)
_NO_PROMPTS = "leave out the `> ` that a shell prints to ask for more."
_CLOSE_COMPOUND = "write it to its end (`done`, `fi`, `esac`, `}`) before anything else."

Role = Literal["prompt", "continuation", "output"]
"""What a line of the block is: a command's first line with its prompt, a further
line of that command, or a line of output."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a console block and what it must print."""

    text: str
    """The command as printed, without the prompt, its lines joined by newlines."""

    line: int
    """1-based line of the prompt in the page's source."""

    expected: tuple[str, ...]
    """The lines after it, as printed: literal text, masks and `...`."""

    @property
    def expected_line(self) -> int:
        """1-based line on which the expected output begins (or would begin)."""
        return self.line + self.text.count("\n") + 1


def _lines(text: str) -> list[str]:
    # Not splitlines(): a form feed or U+2028 in an output ends no line.
    return text.removesuffix("\n").split("\n")


@dataclass(frozen=True, slots=True)
class _Part:
    """A command's lines (or, with `opened`, lines that never became one)."""

    first: int
    """Index of the line with the prompt; -1 for output before any prompt."""

    typed: int
    """How many lines the command has."""

    end: int
    """Index after its last line of output."""

    opened: str
    """What was still open where the command had to end; empty if nothing was."""

    heredoc: str | None
    """Delimiter of a here-document that never ended; None if all did."""

    compound: str = ""
    """How a compound command begins that never ended, e.g. `for`."""


def _parts(lines: list[str]) -> Iterator[_Part]:
    at = 0
    if not lines[0].startswith(PROMPT):
        at = _next_prompt(lines, 0)
        yield _Part(-1, 0, at, "", None)
    while at < len(lines):
        first = at
        reader = CommandLine()
        text = lines[at][len(PROMPT) :]
        reader.feed(text)
        at += 1
        while at < len(lines) and (reader.wants_more or unfinished(text)):
            if lines[at].startswith(PROMPT) and reader.heredoc is None:
                break
            reader.feed(lines[at])
            text += f"\n{lines[at]}"
            at += 1
        typed = at - first
        compound = "" if reader.wants_more else unfinished(text)
        if not (reader.wants_more or compound):
            at = _next_prompt(lines, at)
        yield _Part(first, typed, at, reader.opened, reader.heredoc, compound)


def _next_prompt(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].startswith(PROMPT):
        at += 1
    return at


def roles(text: str) -> tuple[Role, ...]:
    """What each line of a console block is. Never fails: a bad block has roles too.

    Args:
        text: The block, as `parse` takes it.
    """
    found: list[Role] = []
    for part in _parts(_lines(text)):
        if part.first >= 0:
            found.append("prompt")
            found.extend(["continuation"] * (part.typed - 1))
        found.extend(["output"] * (part.end - len(found)))
    return tuple(found)


def parse(text: str, path: str, line: int) -> tuple[Command, ...]:
    """Takes a console block apart.

    Args:
        text: The block as rendered.
        path: Page it stands on, relative to the project.
        line: 1-based line of the block's first line in the page.

    Raises:
        PageError: `no-command` when the block does not begin with `$ `,
            `empty-command`, `open-heredoc`, `open-command` when a quote, bracket,
            backslash or compound command leaves the command unfinished,
            `empty-expectation` when `...` is all that is expected, `loose-ellipsis` when
            a `...` has no literal line above or below it.
    """
    lines = _lines(text)
    commands: list[Command] = []
    for part in _parts(lines):
        if part.first < 0:
            raise PageError(
                "no-command",
                f"a console block begins with a command, and this one begins with {lines[0]!r}.",
                where=Where(path, line),
                hint="begin the command with `$ `; for text that is not run, use `text`.",
            )
        typed = lines[part.first : part.first + part.typed]
        command = Command(
            text="\n".join(typed)[len(PROMPT) :],
            line=line + part.first,
            expected=tuple(lines[part.first + part.typed : part.end]),
        )
        following = line + part.end if part.end < len(lines) else 0
        _check_typed(command, part, Where(path, command.line), following)
        _check_expected(command, path)
        commands.append(command)
    return tuple(commands)


def _check_typed(command: Command, part: _Part, where: Where, following: int) -> None:
    if not command.text.strip():
        raise PageError("empty-command", "there is no command after `$ `.", where=where)
    prompted = any(f"{line} ".startswith("> ") for line in command.text.split("\n")[1:])
    if part.heredoc is not None:
        raise PageError(
            "open-heredoc",
            f"the here-document is not ended: there is no line {part.heredoc!r} by itself "
            "in the rest of the block.",
            where=where,
            hint=_NO_PROMPTS if prompted else "",
        )
    if opened := part.opened or (part.compound and f"a compound command ({part.compound})"):
        raise PageError(
            "open-command",
            f"the command is not finished: {opened} is open, and "
            + (f"a new command begins on line {following}." if following else "the block ends."),
            where=where,
            hint=_NO_PROMPTS if prompted else _CLOSE_COMPOUND if part.compound else _CLOSE,
        )


def _check_expected(command: Command, path: str) -> None:
    said = [line for line in command.expected if line.strip()]
    if said and all(line == ELLIPSIS for line in said):
        at = command.expected.index(ELLIPSIS)
        raise PageError(
            "empty-expectation",
            "an expected output that is only `...` matches anything and proves nothing.",
            where=Where(path, command.expected_line + at),
            hint="keep one line that must be there, above or below the `...`.",
        )
    around = ("", *command.expected, "")
    for index, line in enumerate(command.expected):
        if line == ELLIPSIS and all(
            not near.strip() or near == ELLIPSIS for near in (around[index], around[index + 2])
        ):
            raise PageError(
                "loose-ellipsis",
                "`...` stands for lines beside a literal one, and there is none directly "
                "above or below it.",
                where=Where(path, command.expected_line + index),
            )
