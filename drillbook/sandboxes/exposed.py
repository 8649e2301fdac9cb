"""What a sandbox sees of this machine outside `/usr`: the interpreter, the servers.

Only files and folders that are theirs, each under its own path and read-only. A
program may stand in a home or beside things that are not for a page, so a folder
above it is never shown, and a home neither.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from drillbook.errors import HarnessError
from drillbook.sandboxes.made import made_once
from drillbook.sandboxes.servers import Server

_LIST = "needs"
"""In a folder of links to programs: the paths that they need, one a line."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_LDD_TIMEOUT_S = 60.0


def linked(server: Server, found: Path, builds: Path) -> Path:
    """A folder with links to a server's programs and to nothing else.

    Args:
        server: Whose programs.
        found: The folder that they were found in, with whatever else.
        builds: Where such folders are kept.
    """
    names = [n for n in (*server.programs, *server.aliases) if (found / n).exists()]
    real = {name: Path(os.path.realpath(found / name)) for name in names}

    def link(folder: Path) -> None:
        (folder / "bin").mkdir()
        for name, path in real.items():
            (folder / "bin" / name).symlink_to(path)
        paths = [*real.values(), *_own_folders(server, real.values())]
        paths += _libraries([path for path in real.values() if _is_elf(path)])
        needed = {str(path) for path in paths if not _of_the_system(path)}
        (folder / _LIST).write_text("".join(f"{path}\n" for path in sorted(needed)))

    made_of = [f"{path} {path.stat().st_mtime_ns}" for path in real.values()]
    return made_once(builds / "programs", "\n".join([str(server), *made_of]), link) / "bin"


def paths(programs: Iterable[Path], builds: Path) -> list[str]:
    """Everything outside `/usr` that is shown on every host, folders before what is in them.

    Args:
        programs: The folders of programs on a host's PATH.
        builds: Where lists are kept that take long to make.

    Raises:
        HarnessError: `home-exposed` when a home, or a folder with homes in it, would be shown.
    """
    wanted = set(_interpreter(builds))
    for folder in programs:
        listed = folder.parent / _LIST
        if listed.is_file():
            wanted |= {str(folder), *listed.read_text().splitlines()}
        elif not _of_the_system(folder):
            raise ValueError(f"{folder} was not made by `linked`")
    wanted = {path for path in wanted if not _of_the_system(Path(path))}
    for path in sorted(wanted):
        if exposed := _home_in(path):
            raise HarnessError(
                "home-exposed",
                f"a sandbox would show {path}, and with it {exposed}",
                hint="put the environment into a folder of its own: python3 -m venv .venv",
            )
    return sorted(wanted)


def _interpreter(builds: Path) -> Iterator[str]:
    """The environment, and of the Python below it no more than a program needs to run."""
    if sys.prefix != sys.base_prefix:
        yield sys.prefix
    executable = Path(sys.executable)
    for start in (executable, executable.with_name("python3")):
        yield from _chain(start)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = {f"{prefix}/{sys.platlibdir}/{version}" for prefix in (sys.base_prefix, sys.exec_prefix)}
    libraries = {str(Path(os.__file__).parent), *base}
    yield from (folder for folder in libraries if os.path.isdir(folder))
    real = Path(os.path.realpath(executable))
    if _of_the_system(real):
        return

    def list_libraries(folder: Path) -> None:
        modules = (Path(os.__file__).parent / "lib-dynload").glob("*.so")
        found = _libraries([real, *sorted(modules)])
        (folder / _LIST).write_text("".join(f"{path}\n" for path in found))

    made_of = f"python {real} {real.stat().st_mtime_ns}"
    yield from (
        (made_once(builds / "programs", made_of, list_libraries) / _LIST)
        .read_text()
        .split("\n")[:-1]
    )


def _chain(path: Path) -> Iterator[str]:
    """A file, and where its links lead one after the other."""
    while path.is_symlink():
        yield str(path)
        path = Path(os.path.normpath(path.parent / os.readlink(path)))
    if path.exists():
        yield str(path)


def _own_folders(server: Server, programs: Iterable[Path]) -> Iterator[Path]:
    """The folders beside the real programs that are known to be the server's own."""
    for path in programs:
        if path.suffix == ".js":  # a program of a package of npm: package/bin/name.js
            if (path.parents[1] / "package.json").is_file():
                yield path.parents[1]
            continue
        for pattern, mark in server.beside:
            for found in path.parents[1].glob(f"{pattern}/{mark}"):
                yield Path(os.path.normpath(found.parent))


def _libraries(files: Sequence[Path]) -> list[Path]:
    """The shared libraries that programs load from outside the system's own folders."""
    if not files:
        return []
    done = subprocess.run(
        ["ldd", *map(str, files)],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LDD_TIMEOUT_S,
        check=False,  # it complains of programs that load none
    )
    found = set()
    for line in done.stdout.splitlines():
        _, arrow, rest = line.partition(" => ")
        path = rest.rpartition(" (")[0].strip()
        if arrow and path.startswith("/"):
            for each in (path, os.path.realpath(path)):
                if not _of_the_system(Path(each)):
                    found.add(Path(each))
    return sorted(found)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _of_the_system(path: Path) -> bool:
    return any(path == Path(each) or Path(each) in path.parents for each in _SYSTEM)


def _home_in(path: str) -> str:
    """The home that is this path or below it; empty if there is none."""
    if not os.path.isdir(path):
        return ""
    homes = {os.path.expanduser("~"), *(each.pw_dir for each in pwd.getpwall())}
    known = {home for home in homes if home.count("/") and home != "/" and os.path.isdir(home)}
    real = os.path.realpath(path)
    return next(
        (
            home
            for home in sorted(known)
            if not _of_the_system(Path(home))
            and os.path.commonpath([real, os.path.realpath(home)]) == real
        ),
        "",
    )
