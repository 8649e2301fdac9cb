"""Which `sb` this is: a digest of all that decides what it does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from smartbeak_ops import VERSION, data


def full() -> str:
    """Version and digest: the same in a checkout and from the wheel."""
    digest = hashlib.sha256()
    parts = [("code", files("smartbeak_ops")), ("triage", data.triage())]
    for kind, folder in parts:
        for name, each in sorted(_files(folder, kind)):
            digest.update(name.encode() + b"\0" + each.read_bytes() + b"\0")
    digest.update(b"plain\0" + data.plain().read_bytes())
    return f"{VERSION}+{digest.hexdigest()[:12]}"


def _files(folder: Traversable, under: str) -> Iterator[tuple[str, Traversable]]:
    wanted = (".py",) if under.startswith("code") else (".yaml",)
    for each in folder.iterdir():
        if each.is_dir():
            if each.name not in ("__pycache__", "triage"):
                yield from _files(each, f"{under}/{each.name}")
        elif each.name.endswith(wanted):
            yield f"{under}/{each.name}", each
