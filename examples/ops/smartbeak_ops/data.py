"""Where the tool's data is: in the package once it is installed, beside it in a checkout."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def triage() -> Traversable:
    """Folder of the trees."""
    return _found("triage")


def plain() -> Traversable:
    """File with the plain commands that stand behind each command."""
    return _found("plain.yaml")


def _found(name: str) -> Traversable:
    inside = files("smartbeak_ops") / name
    return inside if inside.is_dir() or inside.is_file() else Path(__file__).parent.parent / name
