"""Looks at the packages of a release's checkout: what one version holds is always the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from smartbeak_ops import settings
from smartbeak_ops.looks.seen import Seen

_SHOWN = 3


def see(seen: Seen) -> None:
    """Says which packages differ from those of the same version that the platform runs.

    Without a checkout that has packages of its own there is nothing to say.
    """
    checkout, running = settings.CHECKOUT, settings.PACKAGES
    if not (checkout / "node_modules").is_dir() or not running.is_dir():
        return
    found = changed(checkout / "node_modules", running)
    for name in found[:_SHOWN]:
        seen.lines.append(f"packages: {name} in {checkout} is not what runs as that version")
    if not found:
        seen.lines.append(f"packages: those of {checkout} are as they run")
    seen.know(packages__changed=len(found))


def changed(folder: Path, running: Path) -> list[str]:
    """Packages of which both folders have the same version with another content.

    Args:
        folder: `node_modules` of a release.
        running: The same, of what runs.
    """
    names = sorted(
        path.relative_to(folder).as_posix()
        for pattern in ("*", "@*/*")
        for path in folder.glob(pattern)
        if (path / "package.json").is_file()
    )
    return [name for name in names if _differs(folder / name, running / name)]


def _differs(package: Path, other: Path) -> bool:
    if package.resolve() == other.resolve() or not (other / "package.json").is_file():
        return False
    return _version(package) == _version(other) and _sums(package) != _sums(other)


def _version(package: Path) -> object:
    try:
        return json.loads((package / "package.json").read_text(encoding="utf-8")).get("version")
    except (ValueError, AttributeError):
        return None


def _sums(package: Path) -> dict[str, str]:
    """The hash of each file; packages inside it are others."""
    return {
        path.relative_to(package).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(package.rglob("*"))
        if path.is_file() and "node_modules" not in path.relative_to(package).parts
    }
