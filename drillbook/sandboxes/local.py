"""The local backend: sandboxes out of Linux namespaces, servers as child processes.

No Docker, no root. A template of the stack's data is made once for each version
of the stack's files and of the servers; a scenario then starts on overlays of it.
"""

from __future__ import annotations

import compileall
import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from drillbook import digests
from drillbook.sandboxes import certs, exposed, npm, servers, stack
from drillbook.sandboxes.local_sandbox import SYSTEM_PATH, LocalSandbox

_TEMPLATE_KEEP_S = 24 * 3600
_VOLUME_SIZE = "512m"


class LocalBackend:
    """Makes local sandboxes.

    Args:
        root: The project's folder.
        environ: The caller's environment; read only to find server programs.
    """

    name = "local"

    def __init__(self, root: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._root = root
        self._environ = environ

    def open(self, services: Sequence[str], *, label: str) -> LocalSandbox:
        """See `drillbook.sandboxes.sandbox.Backend`."""
        programs = self._programs(services)
        template = self._template(services, programs)
        sandbox = self._make(services, programs, template, None)
        try:
            sandbox.start(in_order=False)
        except BaseException:
            sandbox.close()
            raise
        return sandbox

    def close(self) -> None:
        """See `drillbook.sandboxes.sandbox.Backend`; templates stay, nothing else is left."""

    def _programs(self, services: Sequence[str]) -> tuple[Path, ...]:
        """Folders of the server programs that these services need."""
        definition = stack.load(self._root)
        names = {name for each in definition.closure(services) for name in each.programs}
        known = definition.programs
        return tuple(dict.fromkeys(self._folder(known[n]) for n in sorted(names & known.keys())))

    def _folder(self, server: servers.Server) -> Path:
        if server == servers.NODE:
            found = npm.programs(self._root, self._environ)
        else:
            found = servers.find(server, self._environ)
        if str(found).startswith("/usr/") and str(found) not in SYSTEM_PATH:
            return found
        # What else stands in such a folder is not for a page, nor may it come first on a
        # host's PATH: the machine's Python, or somebody's own programs.
        return exposed.linked(server, found, self._root / "build")

    def _make(
        self, services: Sequence[str], programs: Sequence[Path], state: Path, fresh: Path | None
    ) -> LocalSandbox:
        definition = stack.load(self._root, {"DRILLBOOK_STATE": str(state / "state")})
        wanted = definition.closure(services)
        volumes = {
            mount.source: {"folder": str(fresh / mount.source)}
            if fresh
            else {"template": str(state / "volumes" / mount.source), "size": _VOLUME_SIZE}
            for service in wanted
            for mount in service.mounts
            if mount.volume
        }
        for volume in volumes.values() if fresh else ():
            Path(volume["folder"]).mkdir(parents=True, exist_ok=True)
        packages = None
        if definition.node_packages and any(servers.NODE.name in s.programs for s in wanted):
            packages = npm.installed(self._root, Path(definition.node_packages), self._environ)
        secrets = certs.read_secrets(state / "state")
        shown = exposed.paths(programs, self._root / "build")
        return LocalSandbox(wanted, definition.user, volumes, programs, secrets, shown, packages)

    def _template(self, services: Sequence[str], programs: Sequence[Path]) -> Path:
        """The folder with the stack's data at rest, made if it is not there yet."""
        names = sorted({s.name for s in stack.load(self._root).closure(services)})
        made_of = [
            digests.of_files(digests.stack_files(self._root)),
            *(f"{folder} {os.path.getmtime(folder)}" for folder in programs),
            *names,
            str(os.getuid()),  # the data belongs to whoever the sandbox runs as
        ]
        key = digests.of_bytes("\n".join(made_of).encode())
        folder = self._root / "build/templates"
        folder.mkdir(parents=True, exist_ok=True)
        # A link would be followed inside the sandbox, where it leads nowhere.
        folder = folder.resolve()
        target = folder / key[:16]
        with _locked(folder / "lock"):
            # Nobody else is making one now: these are of runs that were killed.
            for unfinished in folder.glob("*.making"):
                shutil.rmtree(unfinished, ignore_errors=True)
            if target.exists():
                os.utime(target)
                return target
            _remove_old(folder)
            making = folder / f"{key[:16]}.making"
            try:
                # Hosts see the stack read-only: what its Python means is written down here.
                compileall.compile_dir(self._root / "examples", quiet=2)
                self._write_state(making / "state")
                with contextlib.closing(
                    self._make(services, programs, making, making / "volumes")
                ) as sandbox:
                    sandbox.start(in_order=True)
                    sandbox.stop()
                making.rename(target)
            finally:
                shutil.rmtree(making, ignore_errors=True)
        return target

    def _write_state(self, folder: Path) -> None:
        certs.write_state(folder, stack.load(self._root))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_old(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and time.time() - entry.stat().st_mtime > _TEMPLATE_KEEP_S:
            shutil.rmtree(entry, ignore_errors=True)
