"""What of the engine may import what, and what runs where nothing else is installed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

ENGINE = ROOT / "drillbook"

LAYERS = (
    ("errors", "model", "durations", "clock", "files", "records"),
    ("digests", "evidence", "findings", "inside", "verification"),
    ("seals",),
    ("sandboxes", "report"),
    ("drills",),
    ("pages",),
    ("plan", "snippets", "consistency"),
    ("run",),
    ("control",),
    ("prose", "runs", "shellcheck"),
    # Fronts, and what only shows or looks after pages.
    (
        *("cli", "pytest_plugin", "sphinx_ext", "site", "__main__"),
        *("decisions", "gameday", "incidents", "upkeep"),
    ),
)
"""Modules and packages of the engine: each imports only from the lines above its own; those
of the last line also from each other."""

NOT_OF_LIBRARY = {"pyworker": {"pytest", "pytest_examples", "ruff"}}
"""What a module of `inside` imports beside the standard library: python snippets are checked
and run by pytest-examples, which every host has, and with it ruff."""


def _modules() -> dict[str, Path]:
    """Every module of the engine by its dotted name without `drillbook.`."""
    found = {}
    for path in ENGINE.rglob("*.py"):
        name = ".".join(path.relative_to(ENGINE).with_suffix("").parts)
        found[name.removesuffix(".__init__") or "__init__"] = path
    return found


def _imports(path: Path) -> Iterator[str]:
    """Each dotted name that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _part(name: str) -> str:
    """The part of `LAYERS` that a dotted name below `drillbook.` belongs to."""
    return name.split(".")[0]


def test_every_part_of_the_engine_has_its_layer() -> None:
    parts = {_part(name) for name in _modules()} - {"__init__"}
    named = [part for layer in LAYERS for part in layer]
    assert sorted(named) == sorted(parts)


def test_a_part_imports_only_from_layers_above_it() -> None:
    level = {part: number for number, layer in enumerate(LAYERS) for part in layer}
    wrong = []
    for name, path in _modules().items():
        own = _part(name)
        if own == "__init__":
            continue
        for imported in _imports(path):
            if not imported.startswith("drillbook."):
                continue
            other = _part(imported.removeprefix("drillbook."))
            front = level[own] == len(LAYERS) - 1
            allowed = level.get(other, -1) < level[own] or front
            if other != own and not allowed:
                wrong.append(f"{name} imports {imported}")
    assert wrong == []


def test_no_two_parts_import_each_other() -> None:
    pairs = {
        (_part(name), _part(imported.removeprefix("drillbook.")))
        for name, path in _modules().items()
        for imported in _imports(path)
        if imported.startswith("drillbook.")
    }
    both = sorted(f"{a} and {b}" for a, b in pairs if a < b and (b, a) in pairs)
    assert both == []


def test_what_runs_on_hosts_is_standard_library() -> None:
    wrong = []
    for path in sorted((ENGINE / "inside").glob("*.py")):
        allowed = sys.stdlib_module_names | NOT_OF_LIBRARY.get(path.stem, set())
        for imported in _imports(path):
            ours = imported.startswith(("drillbook.inside", "drillbook.errors"))
            if not ours and imported.split(".")[0] not in allowed:
                wrong.append(f"{path.stem} imports {imported}")
    assert wrong == []


MODULES = sorted(path.stem for path in (ENGINE / "inside").glob("*.py"))


@pytest.mark.parametrize("name", [name for name in MODULES if name not in NOT_OF_LIBRARY])
def test_what_runs_on_hosts_is_imported_where_nothing_is_installed(name: str) -> None:
    module = "drillbook.inside" if name == "__init__" else f"drillbook.inside.{name}"
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {module}"
    # No site-packages, no environment: as the first interpreter of a sandbox.
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, timeout=300)


def test_the_runner_does_not_import_sphinx_and_the_engine_no_stack() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import drillbook.pytest_plugin, drillbook.cli\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=300
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"sphinx", "docutils", "smartbeak_drills", "smartbeak"}


OURS = re.compile(
    r"smartbeak|wordpress|linkedin|stripe|paddle|clerk|bullmq|content_items|`sb |\bsb may\b",
    re.IGNORECASE,
)
"""Words of the stack under `examples/`, which the engine has no use for. What it must know of a
client that many books type (psql, kubectl) is no such word."""


def test_the_engine_names_nothing_of_the_stack() -> None:
    named = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted(ENGINE.rglob("*"))
        if path.is_file() and path.suffix in (".py", ".html", ".mjs", ".yaml", ".json")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if OURS.search(line)
    ]
    assert named == []
