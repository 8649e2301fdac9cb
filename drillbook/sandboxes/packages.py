"""The packages that hosts see, made on this machine from the lock files of the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from drillbook.sandboxes import npm, servers, wheels
from drillbook.sandboxes.service import Service
from drillbook.sandboxes.stack import Stack


def shown(
    root: Path,
    definition: Stack,
    services: Sequence[Service],
    environ: Mapping[str, str],
    *,
    for_image: bool,
) -> dict[Path, str]:
    """Where hosts see the packages that their services ask for, by folder.

    Args:
        root: The project's folder.
        definition: The stack.
        services: Those that are started.
        environ: The caller's environment; npm gets it, since it may name a registry.
        for_image: For the Python of the hosts' image; else for the one that runs this.

    Raises:
        HarnessError: As `npm.installed` and `wheels.tools`.
    """
    asked = {name for service in services for name in service.programs}
    found: dict[Path, str] = {}
    if definition.node_packages and servers.NODE.name in asked:
        found[npm.installed(root, Path(definition.node_packages), environ)] = npm.NODE_MODULES
    found |= wheels.tools(
        definition.python_tools, asked, root / "build/python", for_image=for_image
    )
    found |= npm.tools(root, definition.npm_tools, asked, environ)
    if any(service.registry for service in services):
        found[npm.mirrored(root, definition.npm_mirror, environ)] = npm.MIRROR
    return found
