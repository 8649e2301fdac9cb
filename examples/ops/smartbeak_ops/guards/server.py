"""Guards that are asked on a database host, about its own files and server."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from smartbeak_ops import postgres, reading, settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.guards import disk, sql
from smartbeak_ops.looks import host
from smartbeak_ops.looks.seen import size
from smartbeak_ops.refusal import RefusedError

BACKUPS = Path("/srv/backup/base")


def start(off: str | None = None) -> None:
    """Lets the server of this host be started.

    Args:
        off: The other host, if it is silent because it was seen to be powered off.
    """
    data, other = _here()
    _stopped()
    if not (data / "global/pg_control").exists():
        raise RefusedError("the data folder is gone: runbooks/database-failover/disk-gone")
    if host.free(data) < host.FREE_PERCENT:
        raise RefusedError(
            f"its disk is full, {host.room(data)} are free: runbooks/database-failover/disk-full"
        )
    role = reading.role_seen_by_peer(other)
    if (data / "standby.signal").exists():
        return
    if role == "primary":
        raise RefusedError(f"{other} is primary now, rewind this server instead")
    if role in reading.SILENT and off != other:
        raise RefusedError(
            f"{other} is silent and may be primary: see that it is off, and add --off {other}"
        )


def move_off(file: Path, folder: Path) -> str:
    """Lets a file be moved off the full disk: it is nothing of the server's own.

    Args:
        file: What fills the disk.
        folder: Where it goes.

    Returns:
        How much room that makes.
    """
    data, _ = _here()
    return disk.move_off(file, folder, data, _own(data))


def move_wal(folder: Path) -> str:
    """Lets the log be moved to another disk: the one way in which it may leave its own.

    Args:
        folder: Where it goes, under its name.

    Returns:
        How much room that makes.
    """
    data, _ = _here()
    _stopped()
    log = data / "pg_wal"
    if log.is_symlink():
        raise RefusedError(f"it was moved already: {log} is a link to {log.readlink()}")
    if not folder.is_dir() or folder.stat().st_dev == data.stat().st_dev:
        raise RefusedError(f"{folder} is no folder on another disk")
    if (folder / log.name).exists():
        raise RefusedError(f"{folder / log.name} is there already: look what is in it")
    needed = disk.used(log)
    if needed > shutil.disk_usage(folder).free:
        raise RefusedError(f"{needed} bytes are needed in {folder}, {host.room(folder)} are free")
    return f"{size(needed)} of WAL have room in {folder}, and no server runs"


def _own(data: Path) -> list[Path]:
    """What the server needs: its data, wherever links in it lead, and what stands beside it."""
    inside = (data / "pg_wal", *(data / "pg_tblspc").glob("*"))
    beside_it = (data.with_name(each) for each in ("node.conf", "tls", ".pgpass"))
    return [each.resolve() for each in (data, *inside, *beside_it)]


def fence() -> None:
    """Lets the server of this host be shut off: unless it is the one that serves."""
    _, other = _here()
    try:
        with postgres.local() as server:
            serving = not server.value("SELECT pg_is_in_recovery()")
    except ServiceError:
        return
    if serving and reading.role_seen_by_peer(other) != "primary":
        raise RefusedError("this server answers and is the only primary: there is nothing to fence")
    if not serving:
        raise RefusedError("this server is a replica, and takes no writes")


def rewind() -> None:
    """Lets the old primary of this host be rewound to the new one."""
    data, other = _here()
    _stopped()
    if (data / "standby.signal").exists():
        raise RefusedError("it was rewound already: rewound twice it is ruined")
    if (role := reading.role_seen_by_peer(other)) != "primary":
        raise RefusedError(f"{other} is no primary to rewind to: {role}")
    with postgres.replicator(other) as server:
        row = server.one(sql.TIMELINE)
    own = timeline(data)
    if row["version"] < 160000 and own is not None and row["timeline_id"] <= own:
        raise RefusedError(
            f"{other} made no checkpoint since its promotion: CHECKPOINT there first"
        )


def follow() -> None:
    """Lets the server of this host be started as a replica."""
    data, other = _here()
    _stopped()
    if not (data / "standby.signal").exists():
        raise RefusedError("there is no standby.signal: it would start as a primary")
    state = host.cluster_state(data)
    if state == "in production" and not (data / "backup_label").exists():
        raise RefusedError("it was a primary and was not rewound: it has rows of its own")
    if (role := reading.role_seen_by_peer(other)) != "primary":
        raise RefusedError(f"{other} is no primary to follow: {role}")


def copy() -> None:
    """Lets the primary be copied beside this replica's data."""
    data, other = _here()
    fresh = beside(data, "new")
    if not (data / "standby.signal").exists():
        raise RefusedError("this server is no replica")
    if fresh.exists():
        raise RefusedError(f"{fresh} is there already: look what is in it")
    if (role := reading.role_seen_by_peer(other)) != "primary":
        raise RefusedError(f"{other} is no primary to copy: {role}")
    if (state := reading.link_state(other)) != "open":
        raise RefusedError(f"the link {other}.repl is dead ({state}): a copy does not mend it")
    needed, free = disk.used(data), shutil.disk_usage(data).free
    if needed > free:
        raise RefusedError(f"{needed} bytes are needed, {free} are free")


def exchange() -> None:
    """Lets the copy take the place of this replica's data."""
    data, _ = _here()
    fresh, old = beside(data, "new"), beside(data, "old")
    if not (data / "standby.signal").exists():
        raise RefusedError("this server is no replica")
    if not (fresh / "PG_VERSION").exists():
        raise RefusedError(f"there is no copy in {fresh}")
    if not (fresh / "backup_manifest").exists():
        raise RefusedError(f"the copy in {fresh} was not finished")
    if old.exists():
        raise RefusedError(f"{old} is there already: the folders were exchanged before")


def restore(transaction: int, backup: Path, target: Path) -> None:
    """Lets a backup be restored beside the primary, up to a transaction."""
    data, _ = _here()
    if target.exists():
        raise RefusedError(f"{target} is there already: remove the restored server first")
    if not (backup / "backup_label").exists():
        raise RefusedError(f"{backup} is no base backup")
    if target.resolve() == data.resolve() or data.resolve() in target.resolve().parents:
        raise RefusedError("the primary's own folder is never restored over")
    try:
        with postgres.local() as server:
            newest = int(server.value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
    except ServiceError as error:
        raise RefusedError(f"the primary does not answer: {error.said}") from error
    if not 3 <= transaction < newest:
        raise RefusedError(f"{transaction} is no transaction of this server")
    needed, free = disk.used(backup.resolve()), shutil.disk_usage(target.parent).free
    if needed > free:
        raise RefusedError(f"{needed} bytes are needed, {free} are free")


def timeline(data: Path) -> int | None:
    """Timeline of the last checkpoint, as pg_controldata says it."""
    try:
        said = subprocess.run(
            ["pg_controldata", str(data)], capture_output=True, text=True, timeout=3, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"^Latest checkpoint's TimeLineID: *(\d+)", said, re.MULTILINE)
    return int(found[1]) if found else None


def beside(data: Path, ending: str) -> Path:
    """The folder beside the data folder, with that ending."""
    return data.with_name(f"{data.name}.{ending}")


def _here() -> tuple[Path, str]:
    data = host.data_folder()
    if data is None:
        raise RefusedError(f"{settings.here()} is no database host: type this on the one you mean")
    return data, settings.other(settings.here(), settings.DATABASES)


def _stopped() -> None:
    if host.running("postgres"):
        raise RefusedError(f"a server runs on {settings.here()} already")
