"""Which host plays which part: `sb primary`, `sb replica`, `sb master`, `sb hosts`."""

from __future__ import annotations

import click

from smartbeak_ops import settings


@click.command(short_help="The database host that the platform's address names.")
def primary() -> None:
    """Print the database host that the platform's address names."""
    click.echo(settings.read().primary)


@click.command(short_help="The other database host.")
def replica() -> None:
    """Print the other database host."""
    click.echo(settings.read().replica)


@click.command(short_help="The Redis host that the platform's address names.")
def master() -> None:
    """Print the Redis host that the platform's address names."""
    click.echo(settings.read().master)


@click.command(short_help="All of them, as variables of the shell.")
@click.option("--export", is_flag=True, help="With `export`, for eval.")
def hosts(export: bool) -> None:
    """Print the parts as variables of the shell: eval "$(sb hosts)"."""
    known = settings.read()
    word = "export " if export else ""
    pairs = {
        "primary": known.primary,
        "replica": known.replica,
        "master": known.master,
        "follower": settings.other(known.master, settings.REDISES),
    }
    for name, host in pairs.items():
        click.echo(f"{word}{name}={host}")
