"""Python packages for hosts that have none of their own.

A host in a container has Debian's Python and no way to the registry. What
python snippets need there, and what the stack asks for, is unpacked on this
machine, at the versions and hashes of the project's lock, and shown to the hosts
read-only.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from drillbook.errors import HarnessError
from drillbook.sandboxes.docker import last_lines
from drillbook.sandboxes.made import made_once

ALWAYS = ("pytest-examples",)
"""What python snippets need, whatever the stack asks for."""

_PYTHON = "3.11"
"""Debian 12's."""

_PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
"""Tags of wheels that run with Debian 12's C library."""

TOOLS = "/opt/python"
"""Where every host sees the stack's tools in Python, a folder for each."""

_PIP_TIMEOUT_S = 300.0
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==.*(?:\n[ \t].*)*", re.MULTILINE)


def unpacked(lock: Path, names: Iterable[str], folder: Path) -> Path:
    """The folder with the packages, made if it is not there yet.

    Args:
        lock: Requirements with versions and hashes.
        names: The packages that the stack asks for.
        folder: Where such folders are kept, one for each version of the lock.

    Raises:
        HarnessError: `no-wheels` with pip's last lines.
    """
    wanted = locked(lock.read_text(encoding="utf-8"), names)
    made_of = f"{_PYTHON} {platform.machine()}\n{wanted}"
    return made_once(folder, made_of, lambda making: _unpack(wanted, making))


def tools(
    locks: Mapping[str, str], programs: Iterable[str], folder: Path, *, for_image: bool
) -> dict[Path, str]:
    """The folders with the stack's tools that are asked for, and where hosts see each.

    A tool whose packages do not go together with the project's has a lock of its own.

    Args:
        locks: Lock file of each tool, by name.
        programs: What the services ask for.
        folder: Where such folders are kept, one for each version of a lock.
        for_image: For the Python of the hosts' image; else for the one that runs this.

    Raises:
        HarnessError: `no-wheels` with pip's last lines.
    """
    python = _PYTHON if for_image else platform.python_version()
    found = {}
    for name in sorted(locks.keys() & set(programs)):
        wanted = Path(locks[name]).read_text(encoding="utf-8")
        found[
            made_once(
                folder,
                f"{name} {python} {platform.machine()}\n{wanted}",
                lambda making, wanted=wanted: _unpack(wanted, making, for_image=for_image),  # type: ignore[misc]
                say=f"the packages of {name}",
            )
        ] = f"{TOOLS}/{name}"
    return found


def locked(lock: str, names: Iterable[str]) -> str:
    """The entries of a lock for `ALWAYS`, these packages, and all that they need in turn."""
    entries: dict[str, str] = {}
    for match in _ENTRY.finditer(lock):
        # One for each range of Pythons, where they differ: pip takes the one that fits.
        name = _canonical(match[1])
        entries[name] = "\n".join(filter(None, [entries.get(name, ""), match[0]]))
    needed: dict[str, str] = {}
    queue = [*ALWAYS, *names]
    while queue:
        name = _canonical(queue.pop())
        if name in needed or name not in entries:
            continue
        try:
            requirements = metadata.requires(name) or ()
        except metadata.PackageNotFoundError:
            continue  # for another system: not installed here, and not needed on the hosts
        needed[name] = entries[name]
        for requirement in requirements:
            if "extra ==" not in requirement:
                queue.append(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])
    return "\n".join(needed[name] for name in sorted(needed)) + "\n"


def _unpack(wanted: str, target: Path, *, for_image: bool = True) -> None:
    requirements = target.with_suffix(".txt")
    requirements.write_text(wanted)
    machine = platform.machine()
    of_image = [
        "--implementation=cp", f"--python-version={_PYTHON}",
        *(f"--platform={tag}_{machine}" for tag in _PLATFORMS),
    ]  # fmt: skip
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--require-hashes", "--no-deps", "--only-binary=:all:", *(of_image if for_image else []),
         f"--target={target}", f"--requirement={requirements}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=_PIP_TIMEOUT_S,
    )  # fmt: skip
    requirements.unlink()
    if pip.returncode != 0:
        raise HarnessError(
            "no-wheels",
            f"pip could not unpack the packages of the hosts:\n{last_lines(pip.stderr)}",
            hint="the compose backend needs them once; then they are kept in build/",
        )


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
