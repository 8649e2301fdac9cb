"""The local backend: sandboxes out of Linux namespaces, servers as child processes.

No Docker, no root. A template of the stack's data is made once for each version
of the stack's files and of the servers; a scenario then starts on overlays of it.
"""

from __future__ import annotations

import compileall
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from drillbook import digests
from drillbook.errors import HarnessError
from drillbook.sandboxes import certs, debian, exposed, npm, packages, servers, stack, versions
from drillbook.sandboxes.local_sandbox import LocalSandbox
from drillbook.sandboxes.made import made_once
from drillbook.sandboxes.servers import SYSTEM_PATH
from drillbook.sandboxes.service import Service

_TEMPLATE_KEEP_S = 900.0
"""How long a template stays that nobody has used; longer than any scenario takes."""

_VOLUME_SIZE = "512m"
"""Of a volume for which the stack says none."""


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
        state = self._state()
        definition = stack.load(self._root)
        wanted = definition.of_sandbox(services)
        volumes = {
            volume: {
                "template": str(folder / volume),
                "size": definition.sizes.get(volume, _VOLUME_SIZE),
            }
            for volume, folder in self._templates(wanted, state).items()
        }
        sandbox = self._make(services, programs, state, volumes)
        try:
            sandbox.start(in_order=False)
        except BaseException:
            sandbox.close()
            raise
        return sandbox

    def versions(self, services: Sequence[str]) -> Mapping[str, str]:
        """See `drillbook.sandboxes.sandbox.Backend`."""
        wanted = stack.load(self._root).closure(services)
        return versions.of_programs(wanted, self._programs(services))

    def found(self) -> dict[str, str]:
        """Version and folder of each program that a service asks for, or why there is none.

        Nothing is fetched for that.
        """
        definition = stack.load(self._root)
        packages, said = self._root / "build/debian", {}
        asked = {name for each in definition.services.values() for name in each.programs}
        for name in sorted(asked & definition.programs.keys()):
            server = definition.programs[name]
            try:
                folder = servers.find(
                    server,
                    self._environ,
                    unpack=lambda names: debian.unpacked(names, packages, fetch=False),
                )
            except HarnessError:
                said[name] = (
                    "not here; fetched when a run needs it" if server.unpack else "not here"
                )
            else:
                said[name] = f"{versions.of_program(folder / server.programs[0])} in {folder}"
        return said

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
            packages = self._root / "build/debian"
            found = servers.find(
                server, self._environ, unpack=lambda names: debian.unpacked(names, packages)
            )
        if str(found).startswith("/usr/") and str(found) not in SYSTEM_PATH:
            return found
        # What else stands in such a folder is not for a page, nor may it come first on a
        # host's PATH: the machine's Python, or somebody's own programs.
        return exposed.linked(server, found, self._root / "build")

    def _make(
        self,
        services: Sequence[str],
        programs: Sequence[Path],
        state: Path,
        volumes: Mapping[str, Mapping[str, str]],
    ) -> LocalSandbox:
        definition = stack.load(self._root, {"DRILLBOOK_STATE": str(state)})
        wanted = definition.closure(services)
        found = packages.shown(self._root, definition, wanted, self._environ, for_image=False)
        secrets = certs.read_secrets(state)
        shown = exposed.paths(programs, self._root / "build")
        return LocalSandbox(wanted, definition.user, volumes, programs, secrets, shown, found)

    def _templates(self, services: Sequence[Service], state: Path) -> dict[str, Path]:
        """Folder of the template that each volume of these services is found in.

        Services whose data agrees, as a primary's and its replica's, share a template, and
        so do all stacks with any of them.
        """
        needed = {volume for service in services for volume in service.volumes}
        definition = stack.load(self._root)
        found = dict.fromkeys(needed - set(definition.data_volumes), self._empty(definition))
        for together in definition.together():
            volumes = {volume for service in together for volume in service.volumes}
            if volumes & needed:
                folder = self._template(together, sorted(volumes), state)
                found |= dict.fromkeys(volumes & needed, folder)
        return found

    def _empty(self, definition: stack.Stack) -> Path:
        """A folder with an empty one for each volume that holds no data."""
        volumes = {volume for each in definition.services.values() for volume in each.volumes}

        def fill(folder: Path) -> None:
            for volume in volumes:
                (folder / volume).mkdir()

        return made_once(self._kept, f"empty {sorted(volumes)}", fill, keep_s=_TEMPLATE_KEEP_S)

    def _template(self, services: Sequence[Service], volumes: Sequence[str], state: Path) -> Path:
        """The folder with these services' data at rest, made if it is not there yet."""
        names = [service.name for service in services]
        programs = self._programs(names)
        made_of = [state.name, *(f"{p} {os.path.getmtime(p)}" for p in programs), *names, *volumes]
        made_of.append(str(os.getuid()))  # the data belongs to whoever the sandbox runs as

        def fill(folder: Path) -> None:
            own = {volume: {"folder": str(folder / volume)} for volume in volumes}
            for volume in volumes:
                (folder / volume).mkdir()
            with contextlib.closing(self._make(names, programs, state, own)) as sandbox:
                sandbox.start(in_order=True)
                sandbox.stop()

        return made_once(self._kept, "\n".join(made_of), fill, keep_s=_TEMPLATE_KEEP_S)

    def _state(self) -> Path:
        """The folder with the secrets and certificates of this version of the stack's files."""
        definition = stack.load(self._root)
        made_of = digests.of_files(digests.stack_files(self._root))

        def fill(folder: Path) -> None:
            # Hosts see the stack read-only: what its Python means is written down here.
            compileall.compile_dir(self._root / "examples", quiet=2)
            certs.write_state(folder, definition)

        return made_once(self._kept, f"state {made_of}", fill, keep_s=_TEMPLATE_KEEP_S)

    @property
    def _kept(self) -> Path:
        return self._root / "build/templates"
