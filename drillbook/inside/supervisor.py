"""The first process of a local sandbox: makes the world, starts one agent a host, waits.

Started as a fresh interpreter with nothing but the standard library. It reads
one JSON line, the specification, from standard input and reports one JSON line
on the status descriptor. When standard input closes, or anything above it dies,
the kernel ends every process of the sandbox.

Three generations: the outermost process owns the namespaces; its child is
process 1 of the sandbox; each host is a fork of that with a mount, host name and
process view of its own, whose agent runs one user namespace deeper as the
service user, so that it can change neither mounts nor network. Whoever starts
this, on the machine all of it is one unprivileged user (`privileges`).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from drillbook.inside import limits, privileges, resolver, world
from drillbook.inside.agent import Agent

_SERVICE_UID = 1000
_VOLUMES = "/volumes"

Spec = dict[str, Any]
"""`status`: descriptor; `resolver`: descriptor; `addresses`: address by name;
`show`: paths of the machine; `user`, `home`; `volumes`: `{name: {template|folder,
size}}`; `hosts`: `[{name, channel, env, cwd, log, mounts: [[source, target, kind]]}]`."""


def main() -> None:
    """Makes the sandbox and stays until it is over."""
    spec: Spec = json.loads(_read_line(0))
    step = "user"
    try:
        privileges.leave_the_session()
        was_root = privileges.step_down()
        # A change of the user takes this away.
        world.die_with_parent()
        step = "namespaces"
        uid, gid = os.getuid(), os.getgid()
        flags = (
            world.CLONE_NEWNET
            | world.CLONE_NEWNS
            | world.CLONE_NEWPID
            | world.CLONE_NEWIPC
            | world.CLONE_NEWUTS
        )
        world.unshare(flags if was_root else flags | world.CLONE_NEWUSER)
        if not was_root:
            world.map_user(0, uid, gid)
    except OSError as error:
        _fail(spec, step, error)
    first = os.fork()
    if first:
        privileges.drop()
        for number in _channels(spec):
            os.close(number)
        _, status = os.waitpid(first, 0)
        sys.exit(os.waitstatus_to_exitcode(status) & 0x7F)
    world.die_with_parent()
    _first_process(spec)


def _first_process(spec: Spec) -> NoReturn:
    step = "root"
    try:
        world.new_root()
        world.system_folders()
        world.processes()
        world.identity(spec["user"], spec["home"], {})
        step = "network"
        world.loopback_up()
        _fork(partial(_resolve, spec))
        step = "volumes"
        for name, volume in spec["volumes"].items():
            _mount_volume(name, volume)
        # Every host copies the mounts and still needs the machine's root for its own.
        made, made_end = os.pipe()
        for host in spec["hosts"]:
            step = f"host {host['name']}"
            _fork(partial(_host, spec, host, made_end))
        os.close(made_end)
        missing = len(spec["hosts"])
        while missing and (word := os.read(made, missing)):
            missing -= len(word)
        if missing:
            os._exit(1)  # the host that failed has said why
        step = "leaving the machine's root"
        world.leave_old_root()
        privileges.drop()
    except OSError as error:
        _fail(spec, step, error)
    for number in _channels(spec):
        if number != spec["status"]:
            os.close(number)
    _say(spec, {"ok": True})
    _wait_for_the_end()


def _fork(child: Callable[[], None]) -> int:
    """Forks; the child does its one thing and never comes back into its parent's code."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        child()
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _resolve(spec: Spec) -> None:
    _keep_only(spec, spec["resolver"])
    privileges.drop()
    resolver.serve(spec["addresses"], spec["resolver"])


def _mount_volume(name: str, volume: dict[str, str]) -> None:
    target = f"{_VOLUMES}/{name}"
    if "folder" in volume:
        folder = world.OLD_ROOT + volume["folder"]
        os.chown(folder, os.getuid(), os.getgid())
        world.bind(folder, target, writable=True)
        return
    layers = f"/layers/{name}"
    world.tmpfs(layers, size=volume.get("size", ""))
    world.overlay(world.OLD_ROOT + volume["template"], layers, target)


def _host(spec: Spec, host: dict[str, Any], made: int) -> None:
    """Makes a host's view of the sandbox and stays until its first process ends."""
    _keep_only(spec, host["channel"])
    try:
        world.unshare(world.CLONE_NEWNS | world.CLONE_NEWUTS | world.CLONE_NEWPID)
        socket.sethostname(host["name"])
        size = f"{limits.MEBIBYTES}m"
        world.own_folders(limits.FOLDERS, size=size, files=limits.FILES)
        # After the empty folders: a project may live below any of them.
        world.show(spec["show"])
        for source, target, kind in host["mounts"]:
            if kind == "volume":
                world.bind(f"{_VOLUMES}/{source}", target, writable=True)
            else:
                world.bind(world.OLD_ROOT + source, target)
        os.makedirs(host["cwd"], exist_ok=True)
        for hidden in (_VOLUMES, "/layers"):
            world.tmpfs(hidden)
        world.leave_old_root()
        # These are in memory too, and shared by all hosts.
        for folder in ("/", "/dev", "/var", _VOLUMES, "/layers"):
            world.read_only(folder, recursive=False)
    except OSError as error:
        _fail(spec, f"host {host['name']}", error)
    os.write(made, b".")
    os.close(made)
    _fork(partial(_host_first_process, spec, host))
    privileges.drop()
    os.wait()


def _host_first_process(spec: Spec, host: dict[str, Any]) -> None:
    """Process 1 of a host: reaps what others leave.

    A dead server that is still listed looks alive to `pg_ctl`.
    """
    try:
        world.processes()
        uid, gid = os.getuid(), os.getgid()
        world.unshare(world.CLONE_NEWUSER)
        world.map_user(_SERVICE_UID, uid, gid)
        privileges.confine()
    except OSError as error:
        _fail(spec, f"host {host['name']}", error)
    agent = _fork(partial(_serve, host))
    while os.wait()[0] != agent:
        pass


def _serve(host: dict[str, Any]) -> None:
    os.umask(0o022)
    agent = Agent(host["name"], host["env"], host["cwd"], host["log"])
    signal.signal(signal.SIGCHLD, lambda *_: agent.reap())
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        channel = socket.socket(fileno=host["channel"])
        agent.serve(channel.makefile("rb"), channel.makefile("wb"))


def _wait_for_the_end() -> NoReturn:
    """Reaps what ends until standard input closes; then everything ends with us."""
    wake, wake_end = os.pipe()
    for number in (wake, wake_end):
        os.set_blocking(number, False)
    signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if 0 in ready and not os.read(0, 4096):
            os._exit(0)
        if wake in ready:
            os.read(wake, 4096)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _channels(spec: Spec) -> list[int]:
    return [spec["status"], spec["resolver"], *(host["channel"] for host in spec["hosts"])]


def _keep_only(spec: Spec, channel: int) -> None:
    """Closes what belongs to others: a host must not hold another's channel open."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number in _channels(spec):
        if number not in (channel, spec["status"]):
            os.close(number)
    os.set_inheritable(spec["status"], False)


def _read_line(number: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        chunk = os.read(number, 65_536)
        if not chunk:
            sys.exit(0)
        line += chunk
    return line


def _say(spec: Spec, message: dict[str, Any]) -> None:
    os.write(spec["status"], json.dumps(message).encode() + b"\n")
    os.close(spec["status"])


def _fail(spec: Spec, step: str, error: OSError) -> NoReturn:
    _say(spec, {"ok": False, "step": step, "errno": error.errno, "message": str(error)})
    os._exit(1)


if __name__ == "__main__":
    main()
