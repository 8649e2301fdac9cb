"""`sb`: the commands, each read only when it is used, so that the program starts at once."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from smartbeak_ops import VERSION
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.refusal import RefusedError, UnknownError

REFUSED, UNKNOWN, USAGE = 1, 4, 2

STATUSES = {
    0: "done; a guard lets it through; looked",
    1: "REFUSED: a guard says no; a canary failed",
    2: "the command was not typed as it must be",
    3: "`sb triage --check` found a branch to open",
    4: "what had to be known could not be found out",
    130: "interrupted",
}
"""What `sb` ends with."""

_COMMANDS = {
    "triage": ("look", "triage"),
    "look": ("look", "look"),
    "may": ("may", "may"),
    "show": ("show", "show"),
    "queue": ("queue", "queue"),
    "charges": ("charges", "charges"),
    "evidence": ("incident", "evidence"),
    "canary": ("incident", "canary"),
    "note": ("incident", "note"),
    "primary": ("names", "primary"),
    "replica": ("names", "replica"),
    "master": ("names", "master"),
    "hosts": ("names", "hosts"),
    "explain": ("explain", "explain"),
    "version": ("version", "version"),
}


class Lazy(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of the manual."""
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        found: click.Command = getattr(
            importlib.import_module(f"smartbeak_ops.commands.{module}"), name
        )
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; its refusals become messages and statuses."""
        try:
            return super().invoke(ctx)
        except RefusedError as error:
            click.echo(f"{click.style('REFUSED', fg='red')}: {error.reason}", err=True)
            ctx.exit(REFUSED)
        except UnknownError as error:
            click.echo(f"{click.style('UNKNOWN', fg='yellow')}: {error.reason}", err=True)
            ctx.exit(UNKNOWN)
        except ServiceError as error:
            click.echo(f"{click.style('UNKNOWN', fg='yellow')}: {error.said}", err=True)
            ctx.exit(UNKNOWN)


def _epilog() -> str:
    return "\b\nEnds with\n" + "\n".join(
        f"  {status}  {words}" for status, words in STATUSES.items()
    )


@click.command(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_epilog(),
)
@click.version_option(VERSION, "--version", message="sb %(version)s")
def sb() -> None:
    """Look at the platform, find the runbook's branch, and be refused what does harm.

    What changes the platform stays a plain command (psql, redis-cli, kubectl, kill); sb looks,
    says whether such a command may be typed, and does only what no plain command can.
    """


def main() -> None:
    """Runs `sb`, and ends at once: a look that hangs must not hold the program up."""
    status = 0
    try:
        sb(prog_name="sb")
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BrokenPipeError:
        status = 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (BrokenPipeError, ValueError):
        pass
    os._exit(status)
