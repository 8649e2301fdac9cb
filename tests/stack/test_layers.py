"""The platform's packages, and which of them may know which."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import smartbeak
from tests.stack.box import PLATFORM

PACKAGE = PLATFORM / "smartbeak"
ORDER = ("process", "data", "http", "access")
"""Each of them may import those before it; the programs may import all of these."""

PROGRAMS = ("api", "web", "worker")


def imported(path: Path) -> set[str]:
    """Packages of the platform that a module imports, its own left out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[1] for name in names if name.startswith("smartbeak.")}
    return found - {path.relative_to(PACKAGE).parts[0]}


@pytest.mark.parametrize("package", [*ORDER, *PROGRAMS])
def test_a_package_imports_only_those_below_it(package: str) -> None:
    allowed = ORDER[: ORDER.index(package)] if package in ORDER else ORDER
    modules = sorted((PACKAGE / package).rglob("*.py"))
    assert modules
    for path in modules:
        assert imported(path) <= set(allowed), path


def test_the_packages_are_those_that_the_platform_lists() -> None:
    listed = re.findall(r"(?m)^\| `(\w+)` \|", smartbeak.__doc__ or "")
    assert listed == [*ORDER, *PROGRAMS]
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(listed)
