"""`sb explain`: the plain commands that a command stands for."""

from __future__ import annotations

import click


@click.command(short_help="The plain commands that a command stands for.")
@click.argument("command", metavar="COMMAND...", nargs=-1, required=True)
def explain(command: tuple[str, ...]) -> None:
    """Print the plain commands (psql, redis-cli, curl) that COMMAND stands for.

    \b
        sb explain may promote
        sb explain look redis

    For where sb is not installed, or is not trusted.
    """
    from smartbeak_ops import plain
    from smartbeak_ops.refusal import RefusedError

    words = [word for word in command if word != "sb"]
    found = plain.of(words)
    if found is None:
        raise RefusedError(f"{' '.join(words)} is no command: `sb --help` lists them")
    click.echo(found, nl=False)
