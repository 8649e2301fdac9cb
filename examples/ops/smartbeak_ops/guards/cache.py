"""Guards of Redis: its process and files on its own host, its memory, its clients."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from smartbeak_ops import reading, redisdb, settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.guards import disk
from smartbeak_ops.looks import host
from smartbeak_ops.refusal import RefusedError, UnknownError

OWN_FILES = ("*.conf", "*.pid", "appendonly*", "dump.rdb", "temp-*")
"""What Redis needs of its data folder, or writes there, by pattern."""

KEPT = host.REDIS / "incident"
"""Where the files are copied before they are mended."""

OWN = ("smartbeak-api", "smartbeak-web", "smartbeak-worker", "smartbeak.")
"""Processes of the platform, which are restarted and not ended, and the modules that they run."""


def start(empty: bool = False) -> None:
    """Lets Redis be started on this host.

    Args:
        empty: Whether it is to begin with nothing.
    """
    name = _here()
    _stopped(name)
    master = _other_master(name)
    if master is not None:
        raise RefusedError(f"{master} is master now, this host must follow it")
    file = host.append_only(host.REDIS)
    if empty and file is not None:
        raise RefusedError(f"there is data: {file}")
    if not empty and file is None:
        raise RefusedError("there is no append-only file: it would begin empty")
    if file is not None and (part := host.lacks(file)):
        raise RefusedError(f"{file.name}: {part}: runbooks/redis-recovery/base-missing")
    if host.free(host.REDIS) < host.FREE_PERCENT:
        raise RefusedError(
            f"its disk is full, {host.room(host.REDIS)} are free: runbooks/redis-recovery/disk-full"
        )


def follow() -> None:
    """Lets Redis be started on this host as a replica."""
    name = _here()
    _stopped(name)
    master = _other_master(name)
    if master is None:
        raise RefusedError("no other host is master")
    if (role := reading.redis_role(master)) != "master":
        raise RefusedError(f"{master} does not say that it is master: {role}")


def promote(name: str) -> None:
    """Lets a replica be made master by hand: nothing else is one, and nobody else makes one.

    Args:
        name: The Redis host.
    """
    master = settings.other(name, settings.REDISES)
    if (role := reading.redis_role(name)) != "replica":
        raise RefusedError(f"{name} is no replica: {role}")
    if (role := reading.redis_role(master)) != "refused":
        raise RefusedError(f"{master} may still be master: {role}")
    if _promoted() == name:
        raise RefusedError(f"the sentinels make {name} master: wait for it")


def fence() -> None:
    """Lets the second master on this host be stopped: nothing of the platform writes to it."""
    name = _here()
    if (role := reading.redis_role(name)) != "master":
        raise RefusedError(f"{name} is no master: {role}")
    if _promoted() == name:
        raise RefusedError(f"the sentinels say that the master is {name}")
    peer = settings.other(name, settings.REDISES)
    if (role := reading.redis_role(peer)) != "master":
        raise RefusedError(f"{peer} is no master: {role}")
    if writer := _writer(name):
        raise RefusedError(f"{writer} writes here: restart it first")


def mend() -> None:
    """Lets the append-only file be cut: nothing runs, and a copy is kept."""
    name = _here()
    _stopped(name)
    if host.append_only(host.REDIS) is None:
        raise RefusedError("there is no append-only file")
    if not any(KEPT.glob("appendonly*")):
        raise RefusedError(f"there is no copy of the files in {KEPT}: it is the only way back")


def move_off(file: Path, folder: Path) -> str:
    """Lets a file be moved off the full disk: it is nothing of Redis' own.

    Args:
        file: What fills the disk.
        folder: Where it goes.

    Returns:
        How much room that makes.
    """
    _here()
    own = [each for name in OWN_FILES for each in host.REDIS.glob(name)]
    return disk.move_off(file, folder, host.REDIS, [each.resolve() for each in own])


def raise_limit(wanted: int) -> None:
    """Lets maxmemory be raised: there is room for it on Redis' host."""
    info = _info()
    if wanted <= int(info["maxmemory"]):
        raise RefusedError(f"it is {info['maxmemory']} bytes now, which is not less")
    if wanted >= int(info["total_system_memory"]) / 2:
        raise RefusedError(f"{wanted} bytes are more than half of its host")


def lower_limit(wanted: int) -> None:
    """Lets maxmemory be lowered: what is in Redis fits, with a fifth to spare."""
    used = int(_info()["used_memory"])
    if used * 5 >= wanted * 4:
        raise RefusedError(f"{used} bytes are in use")


def clear(pattern: str) -> None:
    """Lets keys be removed by pattern: only what can be made again."""
    if not pattern.startswith("cache:"):
        raise RefusedError(f"{pattern} is not below cache:, nothing is removed")


def move_to(name: str) -> None:
    """Lets the platform's address name another Redis host."""
    settings.other(name, settings.REDISES)
    master = _promoted()
    if master is None:
        if reading.redis_role(settings.other(name, settings.REDISES)) == "master":
            raise RefusedError("the other host is master, and no sentinel says otherwise")
    elif master != name:
        raise RefusedError(f"the sentinels say that the master is {master}")
    if (role := reading.redis_role(name)) != "master":
        raise RefusedError(f"{name} does not say that it is master: {role}")


def end(pid: int, name: str) -> None:
    """Lets a process of this host be ended: it bears that name, and is none of the platform's."""
    if not name or name.startswith(OWN):
        raise RefusedError(f"'{name}' is not ended here")
    words = reading.command_line(pid)
    if words is None:
        raise RefusedError(f"there is no process {pid}")
    if name not in words:
        raise RefusedError(f"process {pid} is not {name}")


def _here() -> str:
    if not (host.REDIS / "redis.conf").exists():
        raise RefusedError(f"{settings.here()} is no Redis host: type this on the one you mean")
    return settings.here()


def _stopped(name: str) -> None:
    """Nothing listens here, not even something that hangs."""
    if reading.redis_role(name) != "refused" or host.running("redis-server"):
        raise RefusedError(f"something listens on {name} already")


def _other_master(name: str) -> str | None:
    """The other host, if it is master: by the sentinels, or by itself where there are none."""
    named = _promoted()
    if named is not None:
        return None if named == name else named
    peer = settings.other(name, settings.REDISES)
    return peer if reading.redis_role(peer) == "master" else None


def _promoted() -> str | None:
    try:
        return redisdb.promoted()
    except ServiceError as error:
        raise UnknownError(f"no sentinel says who is master: {error.said}") from error


def _writer(name: str) -> str:
    """A process of the platform that is connected to a Redis host; empty if there is none."""
    try:
        clients = str(redisdb.Store(name).ask("CLIENT", "LIST"))
    except ServiceError as error:
        raise UnknownError(f"{name}: {error.said}") from error
    found = re.search(r" name=(smartbeak-[a-z]+)", clients)
    return found[1] if found else ""


def _info() -> dict[str, Any]:
    try:
        return redisdb.Store.at(settings.read().redis).info()
    except ServiceError as error:
        raise UnknownError(f"Redis: {error.said}") from error


def limit_of() -> int:
    """What maxmemory is now."""
    return int(_info()["maxmemory"])
