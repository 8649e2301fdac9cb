"""`sb queue`: changes of queues and jobs for which there is no plain command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import click

if TYPE_CHECKING:
    from smartbeak_ops.jobs import Outcome

_DRY = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
_JOBS = click.argument("jobs", metavar="[JOB]...", nargs=-1)
_LIST = click.option(
    "--from", "listed", type=click.File("r"), help="A list of jobs, the id in the last column."
)


@click.group(short_help="Change queues and jobs, where no plain command can.")
def queue() -> None:
    """Change queues and jobs, where no plain command can.

    Try each with --dry-run first. What a guard of `sb may` would refuse is refused here too.
    """


@queue.command()
@_JOBS
@_LIST
@_DRY
@click.option("--by-bullmq", is_flag=True, help="In the queue itself, as production needs it.")
@click.pass_context
def retry(
    ctx: click.Context,
    jobs: tuple[str, ...],
    listed: IO[str] | None,
    dry_run: bool,
    by_bullmq: bool,
) -> None:
    """Try each failed JOB again, once; what is published or on its way is refused."""
    from smartbeak_ops import jobs as work

    _tell(ctx, work.retry(_all(jobs, listed), dry_run=dry_run, by_bullmq=by_bullmq, wait=_say))


@queue.command()
@_DRY
@click.option(
    "--unreadable", is_flag=True, help="Those instead that another release wrote its own way."
)
@click.pass_context
def requeue(ctx: click.Context, dry_run: bool, unreadable: bool) -> None:
    """Put the jobs back that PostgreSQL has as not done and that are in no queue."""
    from smartbeak_ops import jobs as work

    done = work.requeue(dry_run=dry_run, unreadable=unreadable)
    _tell(ctx, done, none="0 jobs queued again")


@queue.command()
@click.argument("name", metavar="QUEUE")
@click.argument("job")
@_DRY
def remove(name: str, job: str, dry_run: bool) -> None:
    """Take a JOB that was begun and left out of its QUEUE: no worker may be connected."""
    from smartbeak_ops import jobs as work

    click.echo(work.remove(name, job, dry_run=dry_run))


@queue.command()
@click.argument("job")
@click.argument("reason")
@_DRY
def record(job: str, reason: str, dry_run: bool) -> None:
    """Record JOB as failed, with a dead letter, as a worker that gives it up does."""
    from smartbeak_ops import jobs as work

    click.echo(work.record(job, reason, dry_run=dry_run))


@queue.command("take-back")
@_JOBS
@_LIST
@_DRY
@click.pass_context
def take_back(
    ctx: click.Context, jobs: tuple[str, ...], listed: IO[str] | None, dry_run: bool
) -> None:
    """Take back each JOB that was ordered twice and still waits; the older one is kept."""
    from smartbeak_ops import jobs as work

    _tell(ctx, work.take_back(_all(jobs, listed), dry_run=dry_run))


@queue.command("drop-letters")
@_JOBS
@_LIST
@_DRY
@click.pass_context
def drop_letters(
    ctx: click.Context, jobs: tuple[str, ...], listed: IO[str] | None, dry_run: bool
) -> None:
    """Remove the dead letter of each JOB that is published; of others it stays."""
    from smartbeak_ops import jobs as work

    _tell(ctx, work.drop_letters(_all(jobs, listed), dry_run=dry_run, wait=_say))


@queue.command()
@click.argument("name", metavar="QUEUE")
@_DRY
def pause(name: str, dry_run: bool) -> None:
    """Pause QUEUE: jobs are taken and kept."""
    from smartbeak_ops import jobs as work

    click.echo(work.set_paused(name, True, dry_run=dry_run))


@queue.command()
@click.argument("name", metavar="QUEUE")
@_DRY
def resume(name: str, dry_run: bool) -> None:
    """Resume QUEUE, and wake its workers."""
    from smartbeak_ops import jobs as work

    click.echo(work.set_paused(name, False, dry_run=dry_run))


def _all(jobs: Sequence[str], listed: IO[str] | None) -> list[str]:
    from smartbeak_ops.jobs import read_list

    if not jobs and listed is None:
        raise click.UsageError("name a job, or a list with --from")
    return [*jobs, *(read_list(listed.read()) if listed else ())]


def _tell(ctx: click.Context, outcomes: Sequence[Outcome], none: str = "0 jobs, 0 refused") -> None:
    for outcome in outcomes:
        if outcome.done:
            click.echo(outcome.line)
        else:
            click.echo(f"REFUSED: {outcome.line}", err=True)
    done = sum(outcome.done for outcome in outcomes)
    click.echo(f"{done} jobs, {len(outcomes) - done} refused" if outcomes else none)
    if done < len(outcomes):
        ctx.exit(1)


def _say(line: str) -> None:
    click.echo(line, err=True)
