"""What the text of a snippet must not do: break a rule of its language, understate itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drillbook.errors import PageError, Where
from drillbook.model import Options
from drillbook.pages import effects
from drillbook.pages.console import Command
from drillbook.pages.languages import Language


def check(
    language: Language,
    commands: Sequence[Command],
    options: Options,
    at: Where,
    tools: effects.Tools = effects.NONE,
) -> Iterator[PageError]:
    """Everything wrong with a snippet's own text.

    Args:
        language: The snippet's language.
        commands: What its `parse` made of the block; empty where it could not.
        options: The block's options.
        at: Where the text begins.
        tools: What the stack's own programs do.
    """
    for command in commands:
        yield from language.check(command.text, Where(at.path, command.line))
    if not options.refusal_of:
        yield from _effect(language, [command.text for command in commands], options, at, tools)


def _effect(
    language: Language, texts: Sequence[str], options: Options, at: Where, tools: effects.Tools
) -> Iterator[PageError]:
    if options.eventually_s and options.effect != "read":
        yield PageError(
            "eventually-writes",
            "`eventually` repeats the block, so it must only read; its effect is "
            f"{options.effect or 'not declared'}.",
            where=at,
            hint="Declare `:effect: read`, or wait in a block of its own.",
        )
    if not options.effect:
        return
    found = effects.strongest(language.seen, texts, tools)
    if found and effects.RANK[found.effect] > effects.RANK[options.effect]:
        yield PageError(
            "understated-effect",
            f"The effect is declared as {options.effect}, but `{found.verb}` is {found.effect}.",
            where=at,
            hint=f"Declare `:effect: {found.effect}`, and how to undo it.",
        )
