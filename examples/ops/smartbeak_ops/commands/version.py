"""`sb version`."""

from __future__ import annotations

import click


@click.command(short_help="Which sb this is, and whether the book belongs to it.")
@click.option("--book", metavar="VERSION", help="The version that the book names.")
def version(book: str | None) -> None:
    """Print the version with the digest of all that decides what sb does.

    With --book, refuse if the book was verified with another sb.
    """
    from smartbeak_ops import identity
    from smartbeak_ops.refusal import RefusedError

    mine = identity.full()
    click.echo(f"sb {mine}")
    if book and book != mine:
        raise RefusedError(f"the book was verified with {book}: install the sb that it offers")
