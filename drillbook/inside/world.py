"""A world of its own for a scenario: Linux namespaces and a root made from nothing.

Nothing of the machine is visible inside unless it is listed here, and what is
listed is read-only: no host socket, no home, no `/run`, no `/sys`. Everything
works without privileges where unprivileged user namespaces are allowed.

Standard library only: this is the first code that a sandbox runs, and every
import costs a scenario time.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

# linux/sched.h
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
# linux/mount.h
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
MNT_DETACH = 2
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID = 1, 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
# mount_setattr(2), pivot_root(2): glibc 2.31 has no wrapper for either. The first
# has one number on every architecture, the second has not.
_SYS_MOUNT_SETATTR = 442
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_PR_SET_PDEATHSIG = 1
_SIOCSIFFLAGS, _IFF_UP_RUNNING = 0x8914, 0x41

OLD_ROOT = "/oldroot"
"""Where the machine's root is until `leave_old_root`."""

_libc = ctypes.CDLL(None, use_errno=True)


def _check(status: int, what: str) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def die_with_parent(signal_number: int = 9) -> None:
    """Has the kernel kill this process when the thread that started it ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "prctl(PDEATHSIG)")


def unshare(flags: int) -> None:
    """Puts this process into new namespaces (`unshare(2)`; os.unshare is 3.12)."""
    _check(_libc.unshare(flags), "unshare")


def map_user(inside: int, uid: int, gid: int) -> None:
    """Shows the caller's one user and group under another number.

    Args:
        inside: Number inside the new user namespace.
        uid: The caller's user id in the parent namespace.
        gid: The caller's group id in the parent namespace.
    """
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{inside} {gid} 1")


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """`mount(2)`.

    Raises:
        OSError: with both paths in its text.
    """
    _check(
        _libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()),
        f"mount {kind} {source} on {target}",
    )


def tmpfs(target: str, mode: str = "755", size: str = "") -> None:
    """Mounts an empty in-memory file system on `target`, made if needed."""
    os.makedirs(target, exist_ok=True)
    mount(
        "tmpfs",
        target,
        "tmpfs",
        MS_NOSUID | MS_NODEV,
        f"mode={mode}" + (f",size={size}" * bool(size)),
    )


def own_folders(folders: Mapping[str, int], *, size: str, files: int) -> None:
    """Puts empty folders of one in-memory file system in place.

    Args:
        folders: Mode of each, by its path.
        size: What all of them together may hold, as `mount(8)` takes it.
        files: How many files all of them together may hold.
    """
    aside = "/volumes"
    os.makedirs(aside, exist_ok=True)
    mount("tmpfs", aside, "tmpfs", MS_NOSUID | MS_NODEV, f"mode=755,size={size},nr_inodes={files}")
    for number, (folder, mode) in enumerate(folders.items()):
        os.mkdir(f"{aside}/{number}")
        os.chmod(f"{aside}/{number}", mode)
        os.makedirs(folder, exist_ok=True)
        mount(f"{aside}/{number}", folder, "none", MS_BIND)
    _check(_libc.umount2(aside.encode(), MNT_DETACH), f"umount {aside}")


def bind(source: str, target: str, *, writable: bool = False) -> None:
    """Shows `source` (file or folder) at `target`, read-only unless asked otherwise."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    # Recursive: the mounts below belong to the parent's namespace and may not be
    # taken apart (EINVAL).
    mount(source, target, "none", MS_BIND | MS_REC)
    if not writable:
        read_only(target)


def read_only(target: str, *, recursive: bool = True) -> None:
    """Makes a mount, and all below it, read-only and without set-uid (`mount_setattr(2)`)."""
    attributes = struct.pack("QQQQ", _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    _check(
        _libc.syscall(
            _SYS_MOUNT_SETATTR, _AT_FDCWD, target.encode(), flags, attributes, len(attributes)
        ),
        f"mount_setattr {target}",
    )


def overlay(lower: str, layers: str, target: str) -> None:
    """Shows the template `lower` at `target`; what is written lands under `layers`."""
    upper, work = f"{layers}/upper", f"{layers}/work"
    for folder in (upper, work, target):
        os.makedirs(folder, exist_ok=True)
    # The merged root takes its mode from the upper folder; PostgreSQL refuses a
    # data folder that others may read.
    os.chmod(upper, os.stat(lower).st_mode & 0o7777)
    mount(
        "overlay",
        target,
        "overlay",
        0,
        f"lowerdir={lower},upperdir={upper},workdir={work},userxattr",
    )


def loopback_up() -> None:
    """Brings up `lo`, the only interface of a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP_RUNNING))


def new_root() -> None:
    """Makes an empty in-memory root; the machine's is at `OLD_ROOT` for now.

    The empty file system is mounted over `/tmp` and pivoted to: behind the pivot
    `OLD_ROOT/tmp` is again the machine's own, so projects under `/tmp` work.
    """
    mount("none", "/", "none", MS_REC | MS_PRIVATE)
    tmpfs("/tmp")
    os.mkdir(f"/tmp{OLD_ROOT}")
    _check(
        _libc.syscall(_SYS_PIVOT_ROOT[os.uname().machine], b"/tmp", f"/tmp{OLD_ROOT}".encode()),
        "pivot_root",
    )
    os.chdir("/")


def leave_old_root() -> None:
    """Cuts off the machine's root; only what was bound stays.

    The empty folder is left: removing it would take the mount away from every
    other mount namespace that still needs it.
    """
    _check(_libc.umount2(OLD_ROOT.encode(), MNT_DETACH), f"umount {OLD_ROOT}")


def system_folders() -> None:
    """Shows the machine's programs, and `/dev`, `/proc`, `/tmp`, `/run` and `/var` of its own."""
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        old = f"{OLD_ROOT}/{name}"
        if os.path.islink(old):
            os.symlink(os.readlink(old), f"/{name}")
        elif os.path.isdir(old):
            bind(old, f"/{name}")
    # What programs read to find libraries, alternatives and TLS settings; nothing else of /etc.
    for name in (
        "ld.so.cache",
        "ld.so.conf",
        "ld.so.conf.d",
        "alternatives",
        "ssl",
        "pki",
        "crypto-policies",
        "protocols",
        "services",
        "inputrc",
        "chromium.d",
        "fonts",
        "chromium.d",
        "fonts",
    ):
        old = f"{OLD_ROOT}/etc/{name}"
        if os.path.exists(old):
            bind(old, f"/etc/{name}")
    devices()
    for folder, mode in (("tmp", "1777"), ("run", "755"), ("var", "755")):
        tmpfs(f"/{folder}", mode)
    for folder in (
        "/var/lib",
        "/var/log",
        "/var/cache",
        "/var/tmp",
        "/home",
        "/srv",
        "/opt",
        "/root",
    ):
        os.makedirs(folder, exist_ok=True)
    os.mkdir("/proc")


def devices() -> None:
    """Makes a `/dev` with the six harmless nodes and nothing of the machine's."""
    tmpfs("/dev")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        old = f"{OLD_ROOT}/dev/{name}"
        if not os.path.exists(old):
            continue
        # A device can be written to all the same; its mode cannot be changed.
        bind(old, f"/dev/{name}")
    for link, to in (
        ("fd", "/proc/self/fd"),
        ("stdin", "fd/0"),
        ("stdout", "fd/1"),
        ("stderr", "fd/2"),
    ):
        os.symlink(to, f"/dev/{link}")
    tmpfs("/dev/shm", "1777")


def processes() -> None:
    """Mounts this PID namespace's `/proc`; what in it is the machine's is read-only or empty.

    Service users may listen on ports below 1024: production's ports are used.
    """
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV)
    low_ports = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if low_ports.read_text().strip() != "0":
        low_ports.write_text("0")
    # The same as container engines close.
    for name in ("sys", "irq", "bus", "fs", "pressure", "acpi", "scsi", "sysrq-trigger"):
        if os.path.exists(f"/proc/{name}"):
            bind(f"/proc/{name}", f"/proc/{name}")
    for name in ("kcore", "keys", "key-users", "timer_list", "sched_debug", "kallsyms"):
        if os.path.exists(f"/proc/{name}"):
            mount("/dev/null", f"/proc/{name}", "none", MS_BIND)


def identity(user: str, home: str, names: Mapping[str, str]) -> None:
    """Writes the `/etc` files that say who is here and how names are found.

    Args:
        user: Name of the service user, number 1000.
        home: The service user's home.
        names: Address by name, for `/etc/hosts` of the machine itself only.
    """
    files = {
        "passwd": f"root:x:0:0:root:/root:/bin/bash\n{user}:x:1000:1000::{home}:/bin/bash\n",
        "group": f"root:x:0:\n{user}:x:1000:\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "resolv.conf": "nameserver 127.0.0.1\noptions timeout:2 attempts:5\n",
        "hosts": "127.0.0.1 localhost\n" + "".join(f"{a} {n}\n" for n, a in names.items()),
    }
    for name, text in files.items():
        Path("/etc", name).write_text(text)


def show(paths: Iterable[str]) -> None:
    """Shows files and folders of the machine read-only under their own paths.

    A link stays a link: where it leads is a path of its own.
    """
    for path in paths:
        if os.path.islink(OLD_ROOT + path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if not os.path.lexists(path):
                os.symlink(os.readlink(OLD_ROOT + path), path)
        elif os.path.exists(OLD_ROOT + path):
            bind(OLD_ROOT + path, path)
