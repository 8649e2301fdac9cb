"""What may leave a full disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from smartbeak_ops.looks import host
from smartbeak_ops.looks.seen import size
from smartbeak_ops.refusal import RefusedError


def move_off(file: Path, folder: Path, data: Path, own: Iterable[Path]) -> str:
    """Lets a file be moved off the full disk: it is nothing of the server's own.

    Args:
        file: What fills the disk.
        folder: Where it goes.
        data: The server's data folder, on the full disk.
        own: Files and folders that the server needs.

    Returns:
        How much room that makes.
    """
    if not file.exists():
        raise RefusedError(f"{file} is not there")
    place = file.resolve()
    for each in own:
        if each == place or each in place.parents or place in each.parents:
            raise RefusedError(f"{file} is the server's own: without it nothing starts again")
    # Of the folders: a file may show another device than the disk that it is on.
    if place.parent.stat().st_dev != data.stat().st_dev:
        raise RefusedError(f"{file} is not on the disk of {data}: moving it makes no room there")
    if not folder.is_dir() or folder.stat().st_dev == data.stat().st_dev:
        raise RefusedError(f"{folder} is no folder on another disk")
    if holder := host.holder(place):
        raise RefusedError(
            f"process {holder} has {file} open: it would keep the room; end it first"
        )
    needed = used(place) if place.is_dir() else place.stat().st_size
    if needed > shutil.disk_usage(folder).free:
        raise RefusedError(f"{needed} bytes are needed in {folder}, {host.room(folder)} are free")
    return f"{size(needed)} in {file} are nothing of the server's, and no process has them open"


def used(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for each in folder.rglob("*"):
        try:
            if each.is_file() and not each.is_symlink():
                total += each.stat().st_size
        except OSError:
            continue
    return total
