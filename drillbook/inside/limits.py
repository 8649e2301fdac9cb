"""What the processes of one host of a local sandbox may use of the machine.

Standard library only: this runs inside the hosts.
"""

from __future__ import annotations

import os
import re
import resource

MEBIBYTES = 768
"""In all of a host's own folders together, which are in memory: `FOLDERS`.

Programs write whole files ahead: Prometheus allots 512 MiB to a block while it compacts.
"""

FILES = 100_000
"""In the same folders."""

PROCESSES = 1000
"""Processes and threads on a host."""

FOLDERS = {
    "/tmp": 0o1777,
    "/var/tmp": 0o1777,
    "/dev/shm": 0o1777,
    "/run": 0o755,
    "/var/log": 0o755,
    "/home": 0o755,
    "/srv": 0o755,
    "/var/lib": 0o755,
}
"""A host's own folders, with their modes."""

_NO_PROCESS = re.compile(
    r"fork: (?:retry: )?Resource temporarily unavailable|can't start new thread"
    r"|unable to create (?:new )?(?:native )?thread|BlockingIOError: \[Errno 11\]"
    r"|(?:spawn|fork)\b.*EAGAIN|could not fork .*Resource temporarily unavailable"
)
_NO_SPACE = re.compile(r"No space left on device|ENOSPC")

NO_PROCESS = f"the sandbox allows a host {PROCESSES} processes and threads, and it has as many"
NO_SPACE = (
    f"the sandbox allows a host {MEBIBYTES} MiB and {FILES} files in "
    f"{', '.join(FOLDERS)} together, and they are full"
)


def reached(said: str) -> list[str]:
    """The limits that something met, as far as it can be seen.

    Args:
        said: What it wrote to standard error.
    """
    found = []
    limited = resource.getrlimit(resource.RLIMIT_NPROC)[0] == PROCESSES
    if limited and _NO_PROCESS.search(said):
        found.append(NO_PROCESS)
    if _NO_SPACE.search(said) and _full("/tmp"):
        found.append(NO_SPACE)
    return found


def _full(folder: str) -> bool:
    state = os.statvfs(folder)
    return state.f_blocks > 0 and (
        state.f_bavail * state.f_frsize < 1 << 20 or 0 <= state.f_favail < 16
    )
