"""The system calls that nothing in a sandbox may make.

What container engines refuse by default as well: ways to the machine's kernel that
no runbook needs. The table is written out, because the library that makes such
filters is one of the machine's and is not everywhere.

Standard library only: this runs inside the hosts.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator

# linux/audit.h, and the numbers of asm/unistd_64.h and asm-generic/unistd.h
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_MACHINES = ("x86_64", "aarch64")
_REFUSED: dict[str, tuple[int, int]] = {
    # keys of the machine's users
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # large interfaces with a long list of past holes
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "userfaultfd": (323, 282), "bpf": (321, 280), "perf_event_open": (298, 241),
    "fanotify_init": (300, 262), "kcmp": (312, 272), "lookup_dcookie": (212, 18),
    "open_by_handle_at": (304, 265), "syslog": (103, 116),
    # mounts and namespaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "setns": (308, 268), "unshare": (272, 97),
    # the machine itself
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "nfsservctl": (180, 42), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "vhangup": (153, 58),
}  # fmt: skip
_ONLY_X86 = {"iopl": 172, "ioperm": 173, "uselib": 134}
_SOCKET, _CLONE, _CLONE3 = (41, 198), (56, 220), (435, 435)
_X32 = 0x40000000
"""Calls of x86's third interface have this bit."""

FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
"""What a socket may be for; with the last one a program asks for its own interfaces."""

# linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_NEW_NAMESPACE = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x70000000

# linux/filter.h, linux/seccomp.h
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER = 22, 38, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refused(machine: str) -> dict[str, int]:
    """Number of each call that is refused outright on a kind of machine (`uname -m`)."""
    index = _MACHINES.index(machine)
    numbers = {name: pair[index] for name, pair in _REFUSED.items()}
    return numbers | (_ONLY_X86 if machine == "x86_64" else {})


def program(machine: str) -> bytes:
    """The filter as the kernel takes it: one instruction every eight bytes.

    Raises:
        OSError: ENOSYS for a kind of machine that the table does not have.
    """
    if machine not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no filter of system calls for {machine}")
    return b"".join(struct.pack("<HBBI", *each) for each in _instructions(machine))


def install() -> None:
    """Puts the filter on this process and all that it will start; it cannot be taken off.

    Raises:
        OSError: when the kernel does not take it: then nothing may run here.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    code = program(os.uname().machine)
    block = _Program(len(code) // 8, code)
    for what, arguments in (
        ("no new privileges", (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
        ("filter of system calls", (_PR_SET_SECCOMP, _FILTER, ctypes.byref(block), 0, 0)),
    ):
        if libc.prctl(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{what}: {os.strerror(number)}")


def _instructions(machine: str) -> Iterator[tuple[int, int, int, int]]:
    index = _MACHINES.index(machine)
    families = sorted(FAMILIES.values())
    # A program of another kind of machine has other numbers for the same calls.
    yield _LOAD, 0, 0, _ARCHITECTURE
    yield _EQUAL, 1, 0, _ARCHITECTURES[machine]
    yield _fails(errno.ENOSYS)
    yield _LOAD, 0, 0, _NUMBER
    if machine == "x86_64":
        yield _AT_LEAST, 0, 1, _X32
        yield _fails(errno.ENOSYS)
    for number in refused(machine).values():
        yield _EQUAL, 0, 1, number
        yield _fails(errno.EPERM)
    # Its flags are in memory that a filter cannot read; a C library then takes `clone`.
    yield _EQUAL, 0, 1, _CLONE3[index]
    yield _fails(errno.ENOSYS)
    yield _EQUAL, 0, 4, _CLONE[index]
    yield _LOAD, 0, 0, _FIRST_ARGUMENT
    yield _ANY_BIT, 0, 1, _NEW_NAMESPACE
    yield _fails(errno.EPERM)
    yield _RETURN, 0, 0, _ALLOW
    yield _EQUAL, 0, 2 + len(families), _SOCKET[index]
    yield _LOAD, 0, 0, _FIRST_ARGUMENT
    for position, family in enumerate(families):
        yield _EQUAL, len(families) - position, 0, family
    yield _fails(errno.EAFNOSUPPORT)
    yield _RETURN, 0, 0, _ALLOW


def _fails(number: int) -> tuple[int, int, int, int]:
    return _RETURN, 0, 0, _ERRNO | number
