"""Guards of the database pair that are asked on the operator's machine."""

from __future__ import annotations

from typing import Any

from smartbeak_ops import postgres, reading, settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.guards import sql
from smartbeak_ops.looks import sql as looking
from smartbeak_ops.looks.database import BEHIND, LONG_S, OWN
from smartbeak_ops.refusal import RefusedError, UnknownError

LAG_BYTES = 1_000_000
"""What a replica may lack when the roles are changed on purpose."""

GONE = ("refused", "no answer", "closed", "starting")
"""States of a managed database for which another server is the answer."""

SHARE = 0.8
"""Part of the slots that pools may take: a rolling restart holds old and new ones."""


def promote(host: str, off: str | None = None) -> str:
    """Lets a replica become primary: nothing else may take writes.

    Args:
        host: The replica.
        off: A host that is silent because it was seen to be powered off.

    Returns:
        How far it got.
    """
    other = settings.other(host, settings.DATABASES)
    try:
        with postgres.superuser(host) as server:
            row = server.one(sql.PROGRESS)
    except ServiceError as error:
        raise RefusedError(f"{host} does not answer: {error.said}") from error
    if not row["recovering"]:
        raise RefusedError(f"{host} is no replica")
    role = reading.role_of(other)
    if role in reading.SILENT and off != other:
        raise RefusedError(
            f"{other} is silent, not dead: fence it; or power it off, see that it is, "
            f"and add --off {other}"
        )
    if role not in (*reading.SILENT, "refused"):
        raise RefusedError(f"{other} still answers: two primaries would take writes")
    if row["pause"] != "not paused":
        raise RefusedError(
            f"{host} has paused replay: promoted now it ends or lacks rows; "
            "runbooks/database-failover/replay-paused"
        )
    return f"{host} has everything up to {row['replayed']}, the last row of {row['at']}"


def repoint(host: str) -> None:
    """Lets the platform's address name another server: it must be the one that takes writes."""
    other = settings.other(host, settings.DATABASES)
    if (role := reading.role_of(host)) != "primary":
        raise RefusedError(f"{host} is no primary: {role}")
    if reading.role_of(other) == "primary":
        raise RefusedError(f"{other} is primary as well: fence it first")


def reboot() -> None:
    """Lets a managed instance be rebooted with failover: nobody can write to it.

    Raises:
        RefusedError: The database is not managed, or it takes writes.
    """
    known = settings.read()
    if not known.managed:
        raise RefusedError("the platform's database is not managed: sb triage postgres")
    try:
        with postgres.Server(known.database) as server:
            row = server.one(looking.ACCESS)
    except ServiceError as error:
        if error.state not in GONE:
            raise RefusedError(f"a failover does not mend that: {error.said}") from error
        return
    if not row["recovering"]:
        raise RefusedError("the database answers as a primary: a failover ends every session")


def switch() -> None:
    """Lets the primary be stopped so that the replica takes over, in order."""
    known = settings.read()
    primary, replica = known.primary, known.replica
    if (role := reading.role_of(primary)) != "primary":
        raise RefusedError(f"{primary} is no primary: {role}")
    if (role := reading.role_of(replica)) != "replica":
        raise RefusedError(f"{replica} is no replica: {role}")
    with postgres.superuser(primary) as server:
        rows = server.rows(sql.FOLLOWERS)
    if not rows:
        raise RefusedError(f"nothing streams from {primary}")
    if rows[0]["behind"] > LAG_BYTES:
        raise RefusedError(f"{replica} is {rows[0]['behind']:.0f} bytes behind")


def end_idle(application: str, role: str, database: str) -> None:
    """Lets idle sessions be ended: an ordinary role's, of one application."""
    if database != "smartbeak":
        raise RefusedError(f"{database} is not the platform's database")
    if not application:
        raise RefusedError("no application is named, and all sessions are never ended")
    if application.startswith(OWN):
        raise RefusedError(
            f"{application} is the platform's own: runbooks/database-failover/pools-too-large"
        )
    if not _ordinary(settings.read().primary, role):
        raise RefusedError(f"{role} is no ordinary role")


def cancel(pid: int, decided_by: str | None = None) -> str:
    """Lets a session's statement be cancelled: others wait for it, or vacuum does.

    Args:
        pid: The session.
        decided_by: Who decided it, for a superuser's.

    Returns:
        Whose session it is.
    """
    row = _session(pid, decided_by)
    if row["state"] != "active":
        raise RefusedError(
            f"session {pid} runs no statement ({row['state']}): cancelling does nothing, end it"
        )
    return _who(row)


def end_session(pid: int, decided_by: str | None = None) -> str:
    """Lets a session be ended: others or vacuum wait. What it has not committed is undone."""
    return _who(_session(pid, decided_by))


def set_password(role: str) -> None:
    """Lets a password be set: an ordinary role's, on a primary that refuses its secret."""
    known = settings.read()
    primary = known.primary
    if (state := reading.role_of(primary)) != "primary":
        raise RefusedError(f"{primary} is no primary: {state}")
    if not _ordinary(primary, role):
        raise RefusedError(f"{role} is no ordinary role")
    if reading.platform_state(known) != "wrong password":
        raise RefusedError("the password is not what fails")


def size(pool: int, processes: int) -> None:
    """Lets pools have a size: so many processes with it fit into the server."""
    slots = slots_of(settings.read().primary)
    if pool < 1:
        raise RefusedError("a pool needs a connection at least")
    if processes < len(settings.PROCESSES):
        raise RefusedError(f"{len(settings.PROCESSES)} processes may run at once, not {processes}")
    if pool * processes > slots * SHARE:
        raise RefusedError(f"{slots} slots are too few for {processes} processes with {pool} each")


def slots_of(primary: str) -> int:
    """Connections that others than superusers may have."""
    with postgres.superuser(primary) as server:
        return int(server.value(sql.SLOTS))


def drop_slot(name: str) -> None:
    """Lets a replication slot be dropped: nobody reads it."""
    primary = settings.read().primary
    with postgres.superuser(primary) as server:
        rows = server.rows(sql.SLOT, [name])
    if not rows:
        raise RefusedError(f"{primary} has no slot {name}")
    if rows[0]["active"]:
        raise RefusedError(f"somebody reads {name}: process {rows[0]['active_pid']}")


def _session(pid: int, decided_by: str | None) -> dict[str, Any]:
    primary = settings.read().primary
    try:
        with postgres.superuser(primary) as server:
            rows = server.rows(sql.SESSION, [pid])
    except ServiceError as error:
        raise UnknownError(f"{primary}: {error.said}") from error
    if not rows:
        raise RefusedError(f"{primary} has no session {pid}")
    row = rows[0]
    if row["backend_type"] != "client backend":
        raise RefusedError(f"session {pid} is the server's own: {row['backend_type']}")
    if not row["blocks"] and row["open_s"] <= LONG_S and row["behind"] <= BEHIND:
        raise RefusedError(f"nobody waits for session {pid}, and it does not hold up vacuum")
    if row["rolsuper"] and not decided_by:
        raise RefusedError(
            f"session {pid} is a superuser's: the Database administrator decides; "
            "then add --decided-by with a name"
        )
    return row


def _who(row: dict[str, Any]) -> str:
    harm = f"{row['blocks']} wait for it"
    if not row["blocks"]:
        harm = f"vacuum waits for it, {row['behind']} transactions behind"
    return (
        f"session {row['pid']} of {row['usename']}, {row['application_name'] or 'without a name'}, "
        f"{row['state']}; {harm}"
    )


def _ordinary(host: str, role: str) -> bool:
    """Whether a role logs in and is neither a superuser nor there for replication."""
    with postgres.superuser(host) as server:
        return bool(server.value(sql.ORDINARY, [role]))
