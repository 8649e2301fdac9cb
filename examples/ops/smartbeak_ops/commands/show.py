"""`sb show`: lists and counts that a step works on. They only read."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, LiteralString

import click

_SINCE = click.option("--since", default="1 hour", show_default=True, help="How far back.")


@click.group(short_help="Lists and counts that steps work on.")
def show() -> None:
    """Lists and counts that steps work on. They only read."""


@show.command()
@click.argument("queue", default="publishing")
def jobs(queue: str) -> None:
    """How many jobs QUEUE has to do, and in which states."""
    from smartbeak_ops import redisdb, settings
    from smartbeak_ops.guards.publishing import named
    from smartbeak_ops.looks import queues

    store = redisdb.Store.at(settings.read().redis)
    found = queues.counts(store, named(queue))
    parts = [
        f"{sum(found[state] for state in queues.OPEN)} to do",
        f"{found['failed']} failed",
        f"{found['completed']} completed",
    ]
    parts += ["PAUSED"] if store.ask("HEXISTS", f"bull:{queue}:meta", "paused") else []
    parts += [f"{found[state]} {state}" for state in queues.OPEN if found[state]]
    click.echo(f"{queue}: {', '.join(parts)}")


@show.command("in-hand")
@click.argument("queue", default="publishing")
@click.option("--unlocked", is_flag=True, help="Only the ids of those that nobody holds.")
def in_hand(queue: str, unlocked: bool) -> None:
    """Each job of QUEUE that was begun: whether a worker still holds it, how often it stalled."""
    from smartbeak_ops import redisdb, settings
    from smartbeak_ops.guards.publishing import named
    from smartbeak_ops.looks import queues

    store = redisdb.Store.at(settings.read().redis)
    for job in queues.in_hand(store, named(queue), most=1000):
        if unlocked:
            if not job["locked"]:
                click.echo(job["job"])
            continue
        lock = "locked" if job["locked"] else "NO LOCK"
        click.echo(
            f"{job['job']} {lock}, stalled {job['stalled']} times, "
            f"begun {round(job['age_s'])} s ago"
        )


@show.command()
@click.option("--list", "listed", is_flag=True, help="The jobs, a line of JSON each.")
def missing(listed: bool) -> None:
    """Jobs that PostgreSQL has as not done and that are in no queue."""
    from smartbeak_ops import settings
    from smartbeak_ops.jobs import as_json
    from smartbeak_ops.looks import queues

    found = queues.missing(settings.read())
    if listed:
        click.echo(as_json(found))
    else:
        click.echo(f"{len(found)} jobs are in no queue")


@show.command()
@click.option("--list", "listed", is_flag=True, help="The jobs, a line of JSON each.")
def unreadable(listed: bool) -> None:
    """Jobs of another release, which the worker of this one cannot read."""
    from smartbeak_ops import settings
    from smartbeak_ops.jobs import as_json
    from smartbeak_ops.looks import queues

    found = queues.unreadable(settings.read())
    if listed:
        click.echo(as_json([asdict(each) for each in found]))
    else:
        click.echo(f"{len(found)} jobs cannot be read by this release")


@show.command()
@click.option("--cause", default="", help="Text of the attempt's error.")
@_SINCE
def failed(cause: str, since: str) -> None:
    """Failed jobs by cause and time: organization and job, a line each."""
    from smartbeak_ops.looks import publishing_sql as sql

    for row in _rows(sql.FAILED, cause, since):
        click.echo(f"{row['org_id']}|{row['id']}")


@show.command()
@_SINCE
def curable(since: str) -> None:
    """Dead letters whose reason passes by itself: organization and job, a line each."""
    from smartbeak_ops.looks import publishing_sql as sql

    for row in _rows(sql.CURABLE_LETTERS, since):
        click.echo(f"{row['org_id']}|{row['id']}")


@show.command()
def causes() -> None:
    """Failed jobs by the cause of their last attempt: how many, which, the newest."""
    from smartbeak_ops.looks import publishing_sql as sql

    for row in _rows(sql.CAUSES):
        click.echo(f"{row['count']}|{row['cause']}|{row['newest']}")


@show.command()
@click.option("--within", type=float, default=60, show_default=True, help="Seconds between both.")
@click.option("--waiting", is_flag=True, help="Only those that can still be taken back.")
def doubled(within: float, waiting: bool) -> None:
    """Jobs that were ordered again soon: organization, the older one, state, the job."""
    from smartbeak_ops.looks import publishing_sql as sql

    states = ["pending"] if waiting else ["pending", "publishing", "published"]
    for row in _rows(sql.DOUBLES, within, states):
        click.echo(f"{row['org_id']}|{row['older']}|{row['status']}|{row['id']}")


@show.command()
@click.argument("jobs", metavar="[JOB]...", nargs=-1)
@click.option("--from", "listed", type=click.File("r"), help="A list, the id in the last column.")
@click.option("--newest", type=int, default=0, help="So many that were published last, too.")
def posts(jobs: tuple[str, ...], listed: IO[str] | None, newest: int) -> None:
    """How many of the jobs are published, and how many posts their sites show."""
    from collections import Counter

    from smartbeak_ops import posts as sites
    from smartbeak_ops.jobs import read_list
    from smartbeak_ops.looks import publishing_sql as sql

    wanted = [*jobs, *(read_list(listed.read()) if listed else ())]
    wanted += [str(row["id"]) for row in _rows(sql.NEWEST, newest)] if newest else []
    rows = _rows(sql.SITES_OF, wanted)
    undone = sum(row["status"] != "published" for row in rows)
    click.echo(f"{undone} of {len(rows)} are not published")
    found: Counter[str] = Counter()
    for row in rows:
        count = sites.count(str(row["id"]), row["url"])
        found["cannot be asked" if count is None else str(count)] += 1
    for words, number in sorted(found.items()):
        click.echo(f"posts {words}: {number} jobs")


@show.command()
@click.argument("seconds", type=int)
def late(seconds: int) -> None:
    """What waits for longer than SECONDS, by region."""
    from smartbeak_ops.looks import publishing_sql as sql

    for row in _rows(sql.LATE, seconds):
        waits = f"{row['waiting']} wait" if row["waiting"] else "none waits"
        click.echo(f"{row['region']}: {waits} for more than {seconds} s")


@show.command()
def pace() -> None:
    """How fast jobs are done, measured for 5 s, and when the last of them will be."""
    from smartbeak_ops.looks import publishing_sql as sql

    since = _rows("SELECT now()::timestamp AS now")[0]["now"]
    time.sleep(5)
    row = _rows(sql.PACE, since, since)[0]
    until = row["waiting"] * 5 // row["done"] if row["done"] else "?"
    click.echo(
        f"in 5 s {row['done']} published, {row['ordered']} ordered; {row['waiting']} wait, "
        f"the last of them done in {until} s"
    )


@show.command()
@click.option("--fit", is_flag=True, help="Only the size that fits.")
@click.option("--processes", type=int, default=4, show_default=True)
def pools(fit: bool, processes: int) -> None:
    """How large the platform's pools may be, and how large they are."""
    from smartbeak_ops import settings
    from smartbeak_ops.guards import database

    known = settings.read()
    slots = database.slots_of(known.primary)
    size = int(slots * database.SHARE / processes)
    if fit:
        click.echo(size)
        return
    now = known.values.get("DB_POOL_SIZE", "not set")
    click.echo(f"{slots} slots, {processes} processes: {size} each, and it is {now}")


@show.command()
@click.option("--locked", is_flag=True, help="Only who paid, and is past due or read-only here.")
def differing(locked: bool) -> None:
    """Subscriptions of which the platform says something else than Stripe, a line each.

    Subscription, customer, status and plan at Stripe, begin and end of the period there, status
    and plan here, parted by bars.
    """
    import stripe

    from smartbeak_ops import settings, stripe_api
    from smartbeak_ops.looks import agreement

    try:
        _, found = agreement.differing(settings.read())
    except stripe.StripeError as error:
        raise stripe_api.unanswered(error) from None
    for each in sorted(found, key=lambda one: one.id):
        if each.locked or not locked:
            click.echo(each.line)


@show.command()
@click.option("--since", type=click.DateTime(), help="Account instead: begin of the window, UTC.")
@click.option("--until", type=click.DateTime(), help="Its end; now without it.")
def paddle(since: datetime | None, until: datetime | None) -> None:
    """Organizations with another plan than they pay at Paddle, a line each.

    Organization, plan at Paddle, plan here, parted by bars. With --since an account of every
    organization: what Paddle took and gave back in the window, what it pays a month, and what it
    has here; then by day; status 1 if a cent is off.
    """
    from smartbeak_ops import paddle_api, paddle_books, settings

    try:
        found = paddle_books.accounts(settings.read())
        if since is not None:
            begins, ends = (
                each.replace(tzinfo=UTC) for each in (since, until or datetime.now(UTC))
            )
            found = paddle_books.with_payments(found, begins, ends)
    except paddle_api.UNANSWERED as error:
        raise paddle_api.unanswered(error) from None
    if since is None:
        for each in found:
            if each.differs:
                click.echo(each.line)
        return
    for each in found:
        click.echo(each.words)
    for day in sorted({day for each in found for day in each.days}):
        sums = [sum(each.days.get(day, (0, 0))[at] for each in found) / 100 for at in (0, 1)]
        click.echo(f"{day} taken {sums[0]:.2f}, back {sums[1]:.2f}")
    off = sum(each.off for each in found)
    taken = sum(each.taken for each in found)
    back = sum(each.back for each in found)
    given = f", back {back / 100:.2f}" if back else ""
    click.echo(f"taken {taken / 100:.2f}{given}; {off} of {len(found)} off")
    if off:
        raise click.exceptions.Exit(1)


@show.command()
def kinds() -> None:
    """How many keys Redis has of each kind."""
    from collections import Counter

    from smartbeak_ops import redisdb, settings

    store = redisdb.Store.at(settings.read().redis)
    found: Counter[str] = Counter()
    for key in store.scan("*", 5_000_000):
        found[":".join(key.split(":")[:2])] += 1
    for kind, count in found.most_common():
        click.echo(f"{count} {kind}")


@show.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def key(ctx: click.Context, file: Path) -> None:
    """Whether the API takes tokens signed with the key in FILE, and with the one that signs now.

    Ends with 1 where FILE's are taken, or today's are not.
    """
    from smartbeak_ops import keys

    tried = keys.tried(file)
    click.echo(f"{file}: {tried.line}")
    today = keys.tried(None)
    click.echo(f"the key that signs now: {today.line}")
    if tried.taken or not today.taken:
        ctx.exit(1)


@show.command()
def strangers() -> None:
    """Users in the API's log that are no users of the platform; typed on the API's host."""
    from smartbeak_ops.looks import strangers as looked

    for name in looked.unknown():
        click.echo(name)


@show.command()
def holders() -> None:
    """Processes of this host with most sockets: how many, process, last word of its command."""
    from smartbeak_ops.looks import host

    for count, pid, name in host.sockets():
        click.echo(f"{count} {pid} {name}")


def _rows(query: LiteralString, *values: object) -> list[dict[str, Any]]:
    from smartbeak_ops import postgres, settings

    with postgres.Server(settings.read().database) as server:
        return server.rows(query, list(values))
