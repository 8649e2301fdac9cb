"""`sb charges`: customers who were charged twice, and their refunds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from smartbeak_ops.doubled import Outcome

_HOURS = click.option(
    "--hours", type=click.FloatRange(0), default=24.0, show_default=True, help="How far back."
)


@click.group(short_help="Find customers who were charged twice, and refund them once.")
def charges() -> None:
    """Find customers who were charged twice, and refund them once.

    Two live subscriptions of one customer to one plan are one too many: at Stripe the one that
    the platform knows stays, at Paddle the oldest; the other is refunded and ended. Providers that
    this host knows are asked.
    """


@charges.command()
@_HOURS
def doubled(hours: float) -> None:
    """Print each subscription that is one too many, its charge last; it changes nothing."""
    from smartbeak_ops import doubled as work
    from smartbeak_ops import settings
    from smartbeak_ops.looks import paddle

    # Stripe also where neither is known: then it says so.
    only_paddle = paddle.asked() and not settings.known(settings.STRIPE)
    found: list[Any] = [] if only_paddle else list(work.find(hours))
    if paddle.asked():
        from smartbeak_ops import paddle_api, paddle_doubled

        try:
            found += paddle_doubled.find(hours)
        except paddle_api.UNANSWERED as error:
            raise paddle_api.unanswered(error) from None
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
    wanted = [line[-1] for line in words if line and line[-1].startswith(("ch_", "txn_"))]
    kinds = {each.partition("_")[0] for each in wanted}
    if len(kinds) != 1:
        raise click.UsageError("the list holds no charge, or charges of two providers")
    refunded = work.refund if kinds == {"ch"} else _at_paddle
    outcomes = refunded(
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


def _at_paddle(
    wanted: Sequence[str], *, hours: float, most: int, most_cents: int, dry_run: bool
) -> list[Outcome]:
    from smartbeak_ops import paddle_api, paddle_doubled

    try:
        return paddle_doubled.refund(
            wanted, hours=hours, most=most, most_cents=most_cents, dry_run=dry_run
        )
    except paddle_api.UNANSWERED as error:
        raise paddle_api.unanswered(error) from None
