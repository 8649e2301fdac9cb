"""The commands of `sb` as data, read from the program itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

import click

from smartbeak_ops.cli import sb


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a group of them.

    Attributes:
        words: What is typed after `sb`.
        usage: With arguments and options.
        short: In one line.
        text: The whole help, paragraphs parted by empty lines.
        options: Each with its help.
        group: Whether others are below it.
    """

    words: tuple[str, ...]
    usage: str
    short: str
    text: str
    options: tuple[tuple[str, str], ...]
    group: bool


def commands() -> list[Command]:
    """Every command, a group before those below it."""
    context = click.Context(sb, info_name="sb")
    return list(_below(sb, context, ()))


def _below(group: click.Group, context: click.Context, words: tuple[str, ...]) -> Iterator[Command]:
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        inner = click.Context(found, info_name=name, parent=context)
        yield _command(found, inner, (*words, name))
        if isinstance(found, click.Group):
            yield from _below(found, inner, (*words, name))


def _command(found: click.Command, context: click.Context, words: tuple[str, ...]) -> Command:
    pieces = [piece for piece in found.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    options = [
        record
        for parameter in found.get_params(context)
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts
        if (record := parameter.get_help_record(context)) is not None
    ]
    names = [f"[{first.split(', ')[-1]}]" for first, _ in options]
    text = inspect.cleandoc(found.help or "").replace("\b\n", "")
    return Command(
        words=words,
        usage=" ".join(("sb", *words, *pieces, *names)),
        short=found.get_short_help_str(200),
        text=text,
        options=tuple(options),
        group=isinstance(found, click.Group),
    )
