"""The languages whose blocks are run: how each is parsed, which rules it keeps, how it is run.

A language is one record. Whoever adds one adds it here; a new `Way` of running needs a
player in `drillbook.snippets.play`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from drillbook.errors import PageError, Where
from drillbook.model import Snippet
from drillbook.pages import blanks, console, effects, hidden, interactive, lost
from drillbook.pages.console import Command
from drillbook.pages.statements import statements

Way = Literal["commands", "script", "module"]
"""How a block is run: each command by itself and its output compared; as one script in the
shell; as one module in the host's Python."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language."""

    name: str
    """The label of its blocks."""

    holds: str
    """What a block of it holds, for a hint; empty where its name says so."""

    parse: Callable[[str, str, int], tuple[Command, ...]]
    """Takes a block apart: its text, its page's path, its first line there. What is not
    made of commands is one command that must print nothing of its own."""

    check: Callable[[str, Where], Iterator[PageError]]
    """Everything wrong with one command's text that begins at a place."""

    seen: effects.Seen
    """What a command's text does to the stack, as far as the tables see it."""

    way: Way

    shell: bool
    """Whether its commands are typed into the snippets' shell."""

    @property
    def prompts(self) -> bool:
        """Whether its blocks hold commands after prompts, with what they print."""
        return self.way == "commands"


def _whole(text: str, path: str, line: int) -> tuple[Command, ...]:
    return (Command(text, line, ()),)


def _in_shell(text: str, at: Where) -> Iterator[PageError]:
    found = statements(text)
    yield from interactive.check(text, at)
    yield from hidden.check(found, at)
    yield from lost.check(text, at)
    yield from blanks.of_shell(found, text, at)


CONSOLE = Language(
    "console", "commands after `$ `", console.parse, _in_shell, effects.in_shell, "commands", True
)
BASH = Language("bash", "a script", _whole, _in_shell, effects.in_shell, "script", True)
PYTHON = Language("python", "", _whole, blanks.of_python, effects.in_python, "module", False)

LANGUAGES: Mapping[str, Language] = {each.name: each for each in (CONSOLE, BASH, PYTHON)}
"""Every language by its name; a block with another label is not run."""


def of(snippet: Snippet) -> Language:
    """The language of a snippet."""
    return LANGUAGES[snippet.language]


def commands(snippet: Snippet) -> tuple[Command, ...]:
    """What a snippet of the plan is made of."""
    return of(snippet).parse(snippet.text, snippet.path, snippet.line)


def choice() -> str:
    """The languages, for a hint: `a` (what it holds), `b` or `c`."""
    *others, last = (
        f"`{each.name}`" + (f" ({each.holds})" if each.holds else "") for each in LANGUAGES.values()
    )
    return f"{', '.join(others)} or {last}"
