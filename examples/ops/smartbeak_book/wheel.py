"""The wheel of `sb`: made with the site, offered by it, with its checksum.

A wheel is the same on every machine: hatchling writes no times into it.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from hatchling.builders.wheel import WheelBuilder
from sphinx.util.docutils import SphinxDirective

from smartbeak_ops import identity
from smartbeak_ops.triage import BOOK

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PROJECT = Path(__file__).parent.parent
"""The folder of the tool."""


def build(folder: Path) -> Path:
    """The wheel of this version, made if it is not there yet.

    Args:
        folder: Where wheels are kept, one below each version's digest.
    """
    target = folder / identity.full().replace("+", "-")
    found = sorted(target.glob("*.whl"))
    if found:
        return found[0]
    making = target.with_name(f"{target.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    made = Path(next(iter(WheelBuilder(str(PROJECT)).build(directory=str(making)))))
    if target.exists():
        shutil.rmtree(making)
    else:
        making.rename(target)
    return target / made.name


def checksum(wheel: Path) -> str:
    """SHA-256 of the file, in hex."""
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def offer(app: Sphinx, error: Exception | None) -> None:
    """Puts the wheel beside the pages of a site."""
    if error is None and app.builder.name in ("html", "dirhtml", "singlehtml"):
        shutil.copy(build(_folder(app.confdir)), app.outdir)


class Install(SphinxDirective):
    """`{sb-install}`: the line that installs the tool, with the checksum that pip compares."""

    def run(self) -> list[nodes.Node]:
        """The line, and a link to the file for a machine without the network."""
        wheel = build(_folder(self.env.app.confdir))
        line = f"python3 -m pip install {BOOK}{wheel.name}#sha256={checksum(wheel)}"
        depth = "../" * self.env.docname.count("/")
        link = nodes.raw(
            "", f'<p><a href="{depth}{wheel.name}" download>{wheel.name}</a></p>', format="html"
        )
        return [nodes.literal_block(line, line, language="text"), link]


class Version(SphinxDirective):
    """`{sb-version}`: the version that this book was made with."""

    def run(self) -> list[nodes.Node]:
        """The command that compares it with the one that is installed."""
        line = f"sb version --book {identity.full()}"
        return [nodes.literal_block(line, line, language="text")]


def _folder(root: str | Path) -> Path:
    return Path(root) / "build/sb"
