"""`sb may`: guards. Each lets a change through (0), or refuses it and says why (1)."""

from __future__ import annotations

from pathlib import Path

import click

_OFF = click.option("--off", metavar="HOST", help="A silent host that was seen to be powered off.")
_DECIDED = click.option(
    "--decided-by", metavar="NAME", help="Who decided it, where it is a superuser's session."
)


@click.group(short_help="Ask whether a change may be made: 0, or REFUSED and 1.")
def may() -> None:
    """Ask whether a change may be made, before the command that makes it:

    \b
        sb may promote db-2 && psql --host db-2 --command 'SELECT pg_promote()'

    Ends with 0, with 1 and the reason, or with 4 if what decides could not be found out.
    """


@may.command()
@click.argument("host")
@_OFF
def promote(host: str, off: str | None) -> None:
    """HOST may become primary, or Redis' master: a replica, and nothing else takes writes."""
    from smartbeak_ops import settings

    if host in settings.REDISES:
        from smartbeak_ops.guards import cache

        cache.promote(host)
    else:
        from smartbeak_ops.guards import database

        click.echo(database.promote(host, off))


@may.command()
@click.argument("host")
def repoint(host: str) -> None:
    """The platform's address may name HOST: it is the only primary."""
    from smartbeak_ops.guards import database

    database.repoint(host)


@may.command()
def reboot() -> None:
    """The managed database may be rebooted with failover: it takes no writes."""
    from smartbeak_ops.guards import database

    database.reboot()


@may.command()
def switch() -> None:
    """The primary may be stopped in order: the replica has nearly everything."""
    from smartbeak_ops.guards import database

    database.switch()


@may.command("end-idle")
@click.argument("application")
@click.option("--role", default="smartbeak", show_default=True)
@click.option("--database", default="smartbeak", show_default=True)
def end_idle(application: str, role: str, database: str) -> None:
    """APPLICATION's idle sessions may be ended: it is an ordinary role's, and not the platform."""
    from smartbeak_ops.guards import database as guards

    guards.end_idle(application, role, database)


@may.command()
@click.argument("pid", type=int)
@_DECIDED
def cancel(pid: int, decided_by: str | None) -> None:
    """The statement of session PID may be cancelled: others or vacuum wait for it."""
    from smartbeak_ops.guards import database

    click.echo(database.cancel(pid, decided_by))


@may.command("end-session")
@click.argument("pid", type=int)
@_DECIDED
def end_session(pid: int, decided_by: str | None) -> None:
    """Session PID may be ended: others or vacuum wait for it."""
    from smartbeak_ops.guards import database

    click.echo(database.end_session(pid, decided_by))


@may.command("set-password")
@click.argument("role")
def set_password(role: str) -> None:
    """ROLE's password may be set: it is what fails."""
    from smartbeak_ops.guards import database

    database.set_password(role)


@may.command()
@click.argument("pool", type=int)
@click.option("--processes", type=int, default=4, show_default=True)
def size(pool: int, processes: int) -> None:
    """Pools may have POOL connections each: so many processes fit."""
    from smartbeak_ops.guards import database

    database.size(pool, processes)


@may.command("drop-slot")
@click.argument("name")
def drop_slot(name: str) -> None:
    """The replication slot NAME may be dropped: nobody reads it."""
    from smartbeak_ops.guards import database

    database.drop_slot(name)


@may.command()
@click.argument("host", required=False)
@_OFF
@click.option("--empty", is_flag=True, help="Redis: begin with nothing.")
def start(host: str | None, off: str | None, empty: bool) -> None:
    """The server of this host may be started: PostgreSQL or Redis, by the host."""
    _is_here(host)
    if _on_database():
        from smartbeak_ops.guards import server

        server.start(off)
    else:
        from smartbeak_ops.guards import cache

        cache.start(empty)


@may.command("move-off")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
def move_off(file: Path, folder: Path) -> None:
    """FILE may be moved off the full disk to FOLDER: it is nothing of the server's own."""
    if _on_database():
        from smartbeak_ops.guards import server

        click.echo(server.move_off(file, folder))
    else:
        from smartbeak_ops.guards import cache

        click.echo(cache.move_off(file, folder))


@may.command("move-wal")
@click.argument("folder", type=click.Path(path_type=Path))
def move_wal(folder: Path) -> None:
    """All of pg_wal may be moved to FOLDER: no server runs, and it is a disk with room."""
    from smartbeak_ops.guards import server

    click.echo(server.move_wal(folder))


@may.command()
@click.argument("host", required=False)
def follow(host: str | None) -> None:
    """The server of this host may be started as a replica: PostgreSQL or Redis."""
    _is_here(host)
    if _on_database():
        from smartbeak_ops.guards import server

        server.follow()
    else:
        from smartbeak_ops.guards import cache

        cache.follow()


@may.command()
@click.argument("host", required=False)
def fence(host: str | None) -> None:
    """The server of this host may be shut off: it is not the one that serves."""
    _is_here(host)
    if _on_database():
        from smartbeak_ops.guards import server

        server.fence()
    else:
        from smartbeak_ops.guards import cache

        cache.fence()


@may.command()
@click.argument("host", required=False)
def rewind(host: str | None) -> None:
    """The old primary on this host may be rewound to the new one."""
    _is_here(host)
    from smartbeak_ops.guards import server

    server.rewind()


@may.command()
@click.argument("host", required=False)
def copy(host: str | None) -> None:
    """The primary may be copied beside the data of the replica on this host."""
    _is_here(host)
    from smartbeak_ops.guards import server

    server.copy()


@may.command()
@click.argument("host", required=False)
def exchange(host: str | None) -> None:
    """The copy may take the place of the data of the replica on this host."""
    _is_here(host)
    from smartbeak_ops.guards import server

    server.exchange()


@may.command()
@click.argument("transaction", type=int)
@click.option(
    "--backup",
    type=click.Path(path_type=Path),
    default="/srv/backup/base/latest",
    show_default=True,
)
@click.option(
    "--target",
    type=click.Path(path_type=Path),
    default="/var/lib/postgresql/restored",
    show_default=True,
)
def restore(transaction: int, backup: Path, target: Path) -> None:
    """A backup may be restored beside the primary on this host, up to TRANSACTION."""
    from smartbeak_ops.guards import server

    server.restore(transaction, backup, target)


@may.command()
def mend() -> None:
    """The append-only file on this Redis host may be cut: nothing runs, a copy is kept."""
    from smartbeak_ops.guards import cache

    cache.mend()


@may.command("raise")
@click.argument("size_in_bytes", metavar="BYTES", type=int)
def raise_limit(size_in_bytes: int) -> None:
    """Redis' maxmemory may be raised to BYTES: its host has room."""
    from smartbeak_ops.guards import cache

    cache.raise_limit(size_in_bytes)


@may.command("lower")
@click.argument("size_in_bytes", metavar="BYTES", type=int)
def lower_limit(size_in_bytes: int) -> None:
    """Redis' maxmemory may be lowered to BYTES: what is there fits."""
    from smartbeak_ops.guards import cache

    cache.lower_limit(size_in_bytes)


@may.command()
@click.argument("pattern")
def clear(pattern: str) -> None:
    """Keys of PATTERN may be removed from Redis: they can be made again."""
    from smartbeak_ops.guards import cache

    cache.clear(pattern)


@may.command("move-to")
@click.argument("host")
def move_to(host: str) -> None:
    """The platform's address may name the Redis HOST: it is the master."""
    from smartbeak_ops.guards import cache

    cache.move_to(host)


@may.command()
@click.argument("pid", type=int)
@click.argument("name")
def end(pid: int, name: str) -> None:
    """Process PID of this host may be ended: it is NAME, and none of the platform's."""
    from smartbeak_ops.guards import cache

    cache.end(pid, name)


@may.command()
@click.argument("queue")
def resume(queue: str) -> None:
    """QUEUE may be resumed: it is paused."""
    from smartbeak_ops.guards import publishing

    publishing.resume(queue)


@may.command()
@click.argument("queue")
def pause(queue: str) -> None:
    """QUEUE may be paused: it runs."""
    from smartbeak_ops.guards import publishing

    publishing.pause(queue)


@may.command()
@click.argument("queue")
@click.argument("job")
def remove(queue: str, job: str) -> None:
    """JOB may be taken out of QUEUE: it was begun and left, and no worker is connected."""
    from smartbeak_ops.guards import publishing

    publishing.remove(queue, job)


@may.command()
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True)
def retry(jobs: tuple[str, ...]) -> None:
    """Each JOB may be tried again: it failed, and is not at its target."""
    from smartbeak_ops.guards import publishing

    publishing.retry(jobs)


@may.command("retry-now")
def retry_now() -> None:
    """Dead letters may be retried: no kind of target fails."""
    from smartbeak_ops.guards import publishing

    publishing.retry_now()


@may.command("speed-up")
@click.argument("concurrency", type=int)
def speed_up(concurrency: int) -> None:
    """The worker may do CONCURRENCY jobs at once: nothing fails, and nobody limits us."""
    from smartbeak_ops.guards import publishing

    publishing.speed_up(concurrency)


@may.command()
@click.argument("kind")
def disable(kind: str) -> None:
    """Targets of KIND may be disabled: most of its last attempts failed."""
    from smartbeak_ops.guards import publishing

    publishing.disable(kind)


@may.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def move(source: str, target: str) -> None:
    """Jobs of region FROM may be moved to region TO: the first has a dead worker, TO a live one."""
    from smartbeak_ops.guards import publishing

    publishing.move(source, target)


@may.command("roll-back")
def roll_back() -> None:
    """The last batch of migrations may be taken back: the release has none of it, it only added."""
    from smartbeak_ops.guards import migrations

    click.echo(migrations.roll_back())


@may.command()
@click.option("--decided-by", metavar="NAME", help="Who decided it, where rows are rewritten.")
def migrate(decided_by: str | None) -> None:
    """Pending migrations may be made: nobody migrates, and what has no way back was decided."""
    from smartbeak_ops.guards import migrations

    click.echo(migrations.migrate(decided_by))


@may.command("unlock-migrations")
def unlock_migrations() -> None:
    """The lock of the migrations may be freed: no run is going on."""
    from smartbeak_ops.guards import migrations

    migrations.unlock()


@may.command("drop-index")
@click.argument("index")
def drop_index(index: str) -> None:
    """INDEX may be dropped: it was not built to its end, and nobody builds it."""
    from smartbeak_ops.guards import migrations

    migrations.drop_index(index)


@may.command()
@click.argument("deployment")
@click.option("--decided-by", metavar="NAME", help="Who decided it, where no number speaks for it.")
def undo(deployment: str, decided_by: str | None) -> None:
    """DEPLOYMENT may be rolled back: it errs, is slow or stuck, and it was not rolled back yet."""
    from smartbeak_ops.guards import release

    click.echo(release.undo(deployment, decided_by))


@may.command("go-on")
@click.argument("deployment")
def go_on(deployment: str) -> None:
    """DEPLOYMENT's rollout may go on: it is paused."""
    from smartbeak_ops.guards import release

    click.echo(release.resume(deployment))


def _on_database() -> bool:
    from smartbeak_ops.looks import host

    return host.data_folder() is not None


def _is_here(host: str | None) -> None:
    from smartbeak_ops import settings
    from smartbeak_ops.refusal import RefusedError

    if host is not None and host != settings.here():
        raise RefusedError(f"this is {settings.here()}: type it on {host}")


@may.command()
@click.argument("names", metavar="SECRET...", nargs=-1, required=True)
def rotate(names: tuple[str, ...]) -> None:
    """The new values of SECRETs may be put in place: each SECRET.new in the store is one."""
    from smartbeak_ops.guards import secrets

    secrets.rotate(names)


@may.command("take-role")
@click.argument("user")
@click.argument("org")
def take_role(user: str, org: str) -> None:
    """USER's role in ORG may be taken: it has one, and it is not the only owner."""
    from smartbeak_ops.guards import members

    members.take_role(user, org)


@may.command("close-login")
@click.argument("role")
def close_login(role: str) -> None:
    """ROLE of the database may be closed: it can log in, and it is not the platform's."""
    from smartbeak_ops.guards import members

    members.close_login(role)


@may.command("use-packages")
@click.argument("folder", type=click.Path(path_type=Path))
def use_packages(folder: Path) -> None:
    """FOLDER, a node_modules, may be used: npm made it, with the hashes of the platform's lock."""
    from smartbeak_ops.guards import packages

    packages.use(folder)


@may.command()
@click.argument("network")
def block(network: str) -> None:
    """NETWORK may be blocked: it is not wider than /24, and none of our hosts is in it."""
    from smartbeak_ops.guards import addresses

    addresses.block(network)
