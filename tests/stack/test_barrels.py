"""A folder of TypeScript with an index is imported by it: decision ADR-004."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tests.stack.box import PLATFORM

EXAMPLES = PLATFORM.parent
_FROM = re.compile(r"(?m)^(?:import|export)\b[^;]*?\bfrom '(\.[^']*)'")


def _modules(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*.ts")):
        if "node_modules" not in path.parts:
            yield path


def _leads_to(path: Path) -> Iterator[Path]:
    """What a module imports or exports from, without the ending."""
    for relative in _FROM.findall(path.read_text(encoding="utf-8")):
        yield Path(os.path.normpath(path.parent / relative))


def _past_an_index(root: Path) -> list[str]:
    """Imports of a file beside an index, from outside its folder."""
    return [
        f"{path.relative_to(root)}: {target.relative_to(root)}"
        for path in _modules(root)
        for target in _leads_to(path)
        if target.name != "index"
        and not target.is_dir()
        and (target.parent / "index.ts").is_file()
        and target.parent not in path.parents
    ]


def _chains(root: Path) -> list[str]:
    """Indexes that export from an index."""
    return [
        f"{path.relative_to(root)}: {target.relative_to(root)}"
        for path in _modules(root)
        if path.name == "index.ts"
        for target in _leads_to(path)
        if target.name == "index" or (target / "index.ts").is_file()
    ]


def test_a_folder_with_an_index_is_imported_by_it_alone() -> None:
    assert list(_modules(EXAMPLES))
    assert _past_an_index(EXAMPLES) == []


def test_no_index_exports_from_an_index() -> None:
    assert _chains(EXAMPLES) == []


def test_both_mistakes_are_found(tmp_path: Path) -> None:
    files = {
        "kernel/index.ts": "export { id } from './ids';\nexport { all } from '../other';\n",
        "kernel/ids.ts": "export const id = 1;\n",
        "other/index.ts": "export const all = 1;\n",
        "user.ts": "import { id } from './kernel';\nimport {\n  id as i,\n} from './kernel/ids';\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert _past_an_index(tmp_path) == ["user.ts: kernel/ids"]
    assert _chains(tmp_path) == ["kernel/index.ts: other"]
