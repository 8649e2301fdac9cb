"""What the tests of the shell share: a shell, and the folder of its files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drillbook.inside.shell import Shell
from tests.shell.asked import ENV


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a shell puts its files, to see that nothing stays."""
    made = tmp_path / "tmp"
    made.mkdir()
    return made


@pytest.fixture
def shell(tmp_path: Path, folder: Path) -> Iterator[Shell]:
    made = Shell(env=ENV, cwd=str(tmp_path), tmp=str(folder))
    yield made
    made.close()
    made.close()
    assert not list(folder.iterdir())
