"""`sb charges`: customers who were charged twice, and their refunds."""

from __future__ import annotations

from typing import IO

import click

_HOURS = click.option(
    "--hours", type=click.FloatRange(0), default=24.0, show_default=True, help="How far back."
)


@click.group(short_help="Find customers who were charged twice, and refund them once.")
def charges() -> None:
    """Find customers who were charged twice, and refund them once.

    Two live subscriptions of one customer to one plan are one too many: the one that the
    platform knows stays, the other is refunded and ended.
    """


@charges.command()
@_HOURS
def doubled(hours: float) -> None:
    """Print each subscription that is one too many, its charge last; it changes nothing."""
    from smartbeak_ops import doubled as work

    found = work.find(hours)
    for each in found:
        click.echo(each.line)
    cents = sum(each.cents for each in found if each.state == "to refund")
    currency = found[0].currency if found else "usd"
    click.echo(f"{len(found)} charged twice, {work.money(cents, currency)} to refund")


@charges.command()
@click.argument("listed", metavar="FILE", type=click.File("r"))
@_HOURS
@click.option("--most", type=click.IntRange(1), required=True, help="Refuse more charges.")
@click.option("--most-amount", type=click.FloatRange(0), required=True, help="Refuse more money.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.pass_context
def refund(
    ctx: click.Context,
    listed: IO[str],
    hours: float,
    most: int,
    most_amount: float,
    dry_run: bool,
) -> None:
    """Refund the charges in FILE, lines of `sb charges doubled`, and end what they were for.

    Typed again, by somebody else or after an interruption, it refunds nothing twice.
    """
    from smartbeak_ops import doubled as work

    words = (line.split() for line in listed)
    wanted = [line[-1] for line in words if line and line[-1].startswith("ch_")]
    if not wanted:
        raise click.UsageError("the list holds no charge")
    outcomes = work.refund(
        wanted, hours=hours, most=most, most_cents=round(most_amount * 100), dry_run=dry_run
    )
    for each in outcomes:
        click.echo(each.line, err=not each.done)
    refused = sum(not each.done for each in outcomes)
    cents = sum(each.cents for each in outcomes)
    said = "would be refunded" if dry_run else "refunded"
    click.echo(f"{len(outcomes)} charges, {refused} refused, {work.money(cents, 'usd')} {said}")
    if refused:
        ctx.exit(1)
