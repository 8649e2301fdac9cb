"""The measurement by mutants: a test that looks kills one, a test that does not lets it live."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stack.guards import mutation

GUARD = """\
def may(count):
    if count > 3:
        return "refused"
    return ""
"""
LOOKS = """\
from package.guard import may


def test_may():
    assert [may(count) for count in (0, 3, 4)] == ["", "", "refused"]
"""
DOES_NOT = """\
from package.guard import may


def test_may():
    assert may(4)
"""


@pytest.mark.parametrize(("test", "status"), [(LOOKS, 0), (DOES_NOT, 1)], ids=["looks", "not"])
def test_a_change_that_no_test_notices_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], test: str, status: int
) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "guard.py").write_text(GUARD)
    folder = tmp_path / "project"
    mutation.project(folder, package, "guard.py", {"test_guard.py": test})
    found = mutation.measure(folder)
    assert mutation.told(found, folder) == status
    shown = capsys.readouterr()
    assert found.total > 3
    assert (len(found.survivors) == 0) is (status == 0)
    assert shown.out.count("SURVIVED package.guard.x_may__mutmut_") == len(found.survivors)
    assert ("too few: at least 95 % must" in shown.err) is (status == 1)
