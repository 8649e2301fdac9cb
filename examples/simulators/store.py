"""What a simulator accepted, in one append-only file that several processes share."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class Record:
    """One accepted post."""

    key: str
    """What the client calls it."""

    site: str
    """Host name that it was posted to."""

    title: str
    """Its title, or how its text begins."""

    id: str
    """What the service calls it."""

    details: Mapping[str, Any] = field(default_factory=dict)
    """What else the service needs to show it again."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was accepted."""


class Store:
    """The file of accepted posts.

    Args:
        path: The file; made with its folder when the first post comes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, containing: str = "") -> list[Record]:
        """The accepted posts, oldest first.

        Args:
            containing: Only records with this text in them; saves reading the others.
        """
        try:
            with self._path.open("rb") as file:
                return _records(file, containing)
        except FileNotFoundError:
            return []

    @contextlib.contextmanager
    def changing(self) -> Iterator[Draft]:
        """The file, for this process alone, to look and then add to it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield Draft(file)


class Draft:
    """The file while nobody else changes it.

    Args:
        file: Open for reading and appending, without a buffer.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, containing: str = "") -> list[Record]:
        """See `Store.read`."""
        self._file.seek(0)
        return _records(self._file, containing)

    def add(self, record: Record) -> None:
        """Appends a record and returns when it is on disk; else nothing of it is there."""
        line = {
            **{"key": record.key, "site": record.site, "title": record.title, "id": record.id},
            **record.details,
            "time": record.time.isoformat(timespec="milliseconds"),
        }
        append(self._file, line)


def append(file: IO[bytes], line: Mapping[str, Any]) -> None:
    """Appends one line of JSON to a file that nobody else changes, wholly or not at all."""
    end = os.fstat(file.fileno()).st_size
    if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
        # Somebody was killed in the middle of a line, which nobody has read.
        end = os.pread(file.fileno(), end, 0).rfind(b"\n") + 1
        os.ftruncate(file.fileno(), end)
    data = json.dumps(line).encode() + b"\n"
    try:
        if file.write(data) != len(data):
            raise OSError("the disk is full")
        os.fsync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), end)
        raise


def _records(lines: IO[bytes], containing: str) -> list[Record]:
    wanted = containing.encode()
    found = []
    for line in lines.read().splitlines(keepends=True):
        if wanted in line and line.endswith(b"\n"):
            values = json.loads(line)
            time = datetime.fromisoformat(values.pop("time"))
            named = {name: values.pop(name) for name in ("key", "site", "title", "id")}
            found.append(Record(**named, details=values, time=time))
    return found
