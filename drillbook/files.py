"""Files that several processes read and write: replaced whole, and locked."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":  # where pages are only built, linted and read
    import fcntl

_BINARY = getattr(os, "O_BINARY", 0)


def replace(
    path: str | Path, content: str | bytes, *, mode: int | None = None, durable: bool = False
) -> None:
    """Puts a file's content in place in one step: a reader sees the old or the new, whole.

    Folders above it are made where they are missing. When it fails, what stood there
    still does, and nothing stands beside it.

    Args:
        path: The file. A link is replaced, not followed.
        content: A text is written as UTF-8.
        mode: Permissions, whatever the umask is; 0o644 less the umask without it.
        durable: Whether it must outlast a power failure.
    """
    folder, name = os.path.split(path)
    # A name of this thread alone, in the same folder: only there is renaming one step.
    part = os.path.join(folder, f".{name}.{threading.get_native_id()}")
    data = content.encode() if isinstance(content, str) else content
    try:
        try:
            _write(part, data, mode, durable)
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
            _write(part, data, mode, durable)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise


def _write(path: str, data: bytes, mode: int | None, durable: bool) -> None:
    # No file object: evidence is written for each snippet, and that is half of what it costs.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, 0o644)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        if mode is not None:
            os.chmod(path, mode)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock file, alone among processes and threads; waits for it as long as it takes.

    What the lock guards has another name: a lock on a file that is renamed over holds
    nobody up. The system lets go of it when its holder dies. Nothing is held on Windows,
    where nothing is run.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
