"""Ends processes that were started together, whatever they did since.

Standard library only: this runs inside the hosts.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

_GIVE_UP_S = 20.0


def end_session(leader: int) -> None:
    """Kills a session and all descendants of its leader, and waits until they are gone.

    A process group is not enough: a shell's job can have one of its own. A daemon
    that left the session and was handed to another parent stays; that is what
    daemons are for.

    Args:
        leader: Process id of the session's leader, dead or alive; not yet reaped,
            so that no other process can have the number.
    """
    deadline = time.monotonic() + _GIVE_UP_S
    # Again and again, since what is being killed may be forking.
    while victims := _members(leader):
        watched = []
        for pid in victims:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                watched.append(descriptor := os.pidfd_open(pid))
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        for descriptor in watched:
            left_ms = max(deadline - time.monotonic(), 0) * 1000
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(left_ms)
            os.close(descriptor)
        if not watched or time.monotonic() >= deadline:
            return


def _members(leader: int) -> list[int]:
    """Living processes of the session, and living descendants of its leader."""
    parents: dict[int, int] = {}
    found: list[int] = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                # The command stands in brackets and can hold anything, brackets too.
                state, parent, _, session = file.read().rpartition(b")")[2].split()[:4]
        except OSError:
            continue  # it ended meanwhile
        if state in (b"Z", b"X"):
            continue
        pid = int(entry)
        parents[pid] = int(parent)
        if int(session) == leader:
            found.append(pid)
    return found + [pid for pid in parents if pid not in found and _descends(pid, leader, parents)]


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == ancestor:
            return True
    return False
