"""`sb note`, `sb canary`, `sb evidence`: what an incident needs beside looking."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Add a line to the incident's timeline.")
@click.argument("text")
@click.option("--role", default="on-call-engineer", show_default=True, help="Who did it.")
def note(text: str, role: str) -> None:
    """Add TEXT to the incident's timeline, with the time in UTC.

    The file is ~/incident/timeline.md, or what SB_TIMELINE names. Passwords are left out.
    """
    from smartbeak_ops import timeline

    click.echo(f"noted in {timeline.note(text, role)}")


@click.command(short_help="Write, read back and remove, as a user does.")
@click.option("--database", is_flag=True, help="Only a row, past the API; it stays.")
@click.pass_context
def canary(ctx: click.Context, database: bool) -> None:
    """Write a draft through the API, read it back and archive it, as a user does.

    Says which step failed, with the status it got, and whether what failed is there all the
    same. Ends with 1 then.
    """
    from smartbeak_ops import canary as bird
    from smartbeak_ops.api import Api
    from smartbeak_ops.failures import ServiceError

    if database:
        try:
            click.echo(bird.row())
        except ServiceError as error:
            click.echo(f"writing failed: {error.said}")
            ctx.exit(1)
        return
    flight = bird.fly(Api())
    click.echo(flight.line)
    if not flight.whole:
        ctx.exit(1)


@click.command(short_help="Keep what decides, before anything is changed.")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), help="A folder that is not there yet."
)
def evidence(folder: Path | None) -> None:
    """Keep what decides: sessions and locks, slots, queues, last log lines, configuration.

    Off the data disk, without secrets, at most 32 MB. It holds customers' data: remove it when
    the post-mortem has it.
    """
    from smartbeak_ops import evidence as keeper

    kept = keeper.keep(folder)
    click.echo(f"{kept.files} files, {kept.size} in {kept.folder}")
    for line in kept.missing:
        click.echo(f"not kept: {line}")
