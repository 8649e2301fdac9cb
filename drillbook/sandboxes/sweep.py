"""What is left behind on the engine, and its end.

Everything that the compose backend makes carries a label naming the process that
made it. Two things use it: a reaper, a process that outlives a killed runner for
as long as it takes to remove its project; and a sweep at the next start, for the
case that the reaper was killed too, or the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from drillbook.sandboxes.docker import Docker

LABEL = "drillbook.run"
"""On every container, network and volume; its value is the maker's `identity`."""

_PROJECT = "com.docker.compose.project"
_KINDS = (
    # containers first: they hold on to the rest
    ("container", ("container", "ls", "--all"), ("container", "rm", "--force", "--volumes")),
    ("network", ("network", "ls"), ("network", "rm")),
    ("volume", ("volume", "ls"), ("volume", "rm", "--force")),
)


def identity() -> str:
    """Says which process this is, so that it can be told from a later one of its number."""
    namespace = os.stat("/proc/self/ns/pid").st_ino
    return f"{os.getpid()}.{_start_time(os.getpid())}.{namespace}.{_boot()}"


def is_alive(owner: str) -> bool:
    """Whether the process of this `identity` still runs; yes where that cannot be told."""
    try:
        pid, started, namespace, boot = owner.split(".")
        if boot != _boot():
            return False
        if int(namespace) != os.stat("/proc/self/ns/pid").st_ino:
            return True  # somebody else's container on the same engine
        return _start_time(int(pid)) == int(started)
    except ValueError:
        return True  # not one of ours, e.g. a stack started by hand


def sweep(docker: Docker, states: Path) -> tuple[str, ...]:
    """Removes the projects whose maker is dead, and their folders; returns their names.

    Args:
        docker: The engine.
        states: Folder with one folder for each project of this checkout.
    """
    dead = {
        project
        for _, listing, _ in _KINDS
        for project, owner in _labels(docker, listing)
        if project and not is_alive(owner)
    }
    dead |= {
        folder.name
        for folder in (states.iterdir() if states.is_dir() else ())
        if (folder / "owner").is_file() and not is_alive((folder / "owner").read_text())
    }
    for project in sorted(dead):
        remove(docker, project, states / project)
    return tuple(sorted(dead))


def remove(docker: Docker, project: str, state: Path) -> None:
    """Removes everything of one project, as far as it is there."""
    for _, listing, removal in _KINDS:
        names = docker.must(*listing, "--quiet", "--filter", f"label={_PROJECT}={project}").split()
        if names:
            # Another sweep may be removing the same; what counts is that it goes.
            docker.call(*removal, *names)
    shutil.rmtree(state, ignore_errors=True)


def start_reaper(docker: Docker, project: str, state: Path) -> subprocess.Popen[bytes]:
    """Starts a process that removes a project once our end of its input is closed.

    The kernel closes it also when this process is killed.
    """
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _REAPER, str(Path(__file__).parent.parent.parent),
         docker.program, project, str(state)],
        env=docker.environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, cwd="/", start_new_session=True,
    )  # fmt: skip


_REAPER = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from drillbook.sandboxes.sweep import reap; reap()"
)


def reap() -> None:
    """Waits for the end of standard input, then removes what is left of a project."""
    program, project, state = sys.argv[2:]
    sys.stdin.buffer.read()
    if Path(state).exists():
        remove(Docker(program=program), project, Path(state))


def _labels(docker: Docker, listing: tuple[str, ...]) -> list[tuple[str, str]]:
    form = f'{{{{.Label "{_PROJECT}"}}}} {{{{.Label "{LABEL}"}}}}'
    lines = docker.must(*listing, "--filter", f"label={LABEL}", "--format", form).splitlines()
    return [(project, owner) for project, _, owner in (line.partition(" ") for line in lines)]


def _start_time(pid: int) -> int:
    """When a process began, in clock ticks since boot; -1 if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return -1
    return int(stat.rpartition(")")[2].split()[19])


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
