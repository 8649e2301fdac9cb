"""What the processes of a sandbox may do to the machine: as little as an ordinary user.

Standard library only: this is the first code that a sandbox runs.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct
from pathlib import Path

from drillbook.inside import limits, seccomp

UNPRIVILEGED = 65530
"""User and group that run a sandbox which root has started. Of the range that no
distribution gives to anybody (https://systemd.io/UIDS-GIDS)."""

# linux/prctl.h, linux/securebits.h, linux/capability.h
_PR_SET_DUMPABLE, _PR_SET_SECUREBITS = 4, 28
_NO_SETUID_FIXUP = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522
_SETGID, _SETUID, _NET_ADMIN, _SYS_ADMIN = 6, 7, 12, 21
_NEEDED = sum(1 << each for each in (_SETGID, _SETUID, _NET_ADMIN, _SYS_ADMIN))
# linux/keyctl.h
_SYS_KEYCTL = {"x86_64": 250, "aarch64": 219}
_KEYCTL_JOIN_SESSION_KEYRING = 1

_libc = ctypes.CDLL(None, use_errno=True)


def step_down() -> bool:
    """Gives up being root, if this process is; its capabilities stay until `drop`.

    They are what the mounts of a sandbox are made with: as an unprivileged user in a
    user namespace one could not pass through root's own folders.

    Returns:
        Whether this was root, so that no user namespace is needed for the mounts.

    Raises:
        OSError: EPERM for a root that cannot become anybody else.
    """
    if os.getuid() != 0 or not _is_the_machines_root():
        return False
    if _effective() & _NEEDED != _NEEDED:
        raise OSError(errno.EPERM, "this root may not make namespaces or change its user")
    _check(_libc.prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0), "securebits")
    try:
        os.setgroups([])
        os.setresgid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
        os.setresuid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
    except OSError as error:
        raise OSError(
            error.errno, f"this root cannot become user {UNPRIVILEGED}: {error.strerror}"
        ) from error
    # Else this process's own folder in /proc belongs to root, with its user map.
    _check(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "dumpable")
    return True


def drop() -> None:
    """Gives up every capability: what is left can do what its user can."""
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")


def leave_the_session() -> None:
    """Takes a session keyring of its own, and the first place when memory runs out."""
    number = _SYS_KEYCTL.get(os.uname().machine)
    if number is not None and _libc.syscall(number, _KEYCTL_JOIN_SESSION_KEYRING, None) < 0:
        failed = ctypes.get_errno()
        # In a container such calls are refused, to everything that starts here as well.
        if failed not in (errno.ENOSYS, errno.EPERM):
            raise OSError(failed, f"session keyring: {os.strerror(failed)}")
    Path("/proc/self/oom_score_adj").write_text("500")


def confine() -> None:
    """Puts on this process, and all that it will start, what holds inside a sandbox."""
    drop()
    resource.setrlimit(resource.RLIMIT_NPROC, (limits.PROCESSES, limits.PROCESSES))
    # One byte: no dump is written, nor given to a program of the machine (core(5)).
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    seccomp.install()


def _is_the_machines_root() -> bool:
    """Whether user 0 is not, in a namespace of its own, somebody else of the machine."""
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    outside = {int(line.split()[0]): int(line.split()[1]) for line in lines}
    return outside.get(0, 0) == 0


def _effective() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _check(status: int, what: str) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
