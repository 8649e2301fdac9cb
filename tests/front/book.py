"""A project folder with the fake book (`fake_book`) in it, for tests of the pytest front."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drillbook import pytest_plugin
from tests import fake_book

HERE = Path(fake_book.__file__).parent
# Imported here, the plugin and all it needs is one and the same for every run in this process.
DRILL = f"{pytest_plugin.PLAN}::guide#primary-lost::"
PAGE = f"{pytest_plugin.PLAN}::guide#page::"


class Book:
    """A project folder with the fake book in it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path
        (self.folder / "build").mkdir()
        (self.folder / "build/plan.json").write_text("{}")
        (self.folder / "examples").mkdir()
        (self.folder / "examples/compose.yaml").write_text("services: {db-1: {}}\n")
        # This process has imported the plugin before.
        (self.folder / "pytest.ini").write_text(
            "[pytest]\nfilterwarnings = ignore::pytest.PytestAssertRewriteWarning\n"
        )

    def behave(self, **said: Any) -> None:
        (self.folder / "behaviour.json").write_text(json.dumps(said))

    def run(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_inprocess(
            "-p", "fake_book", "-p", "drillbook.pytest_plugin", *self._paths(arguments)
        )

    def run_apart(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(
            "-p", "fake_book", "-p", "drillbook.pytest_plugin", *self._paths(arguments)
        )

    @staticmethod
    def _paths(arguments: tuple[str, ...]) -> tuple[str, ...]:
        named = any(argument.startswith("build/") for argument in arguments)
        return arguments if named else ("build/plan.json", *arguments)

    def log(self) -> list[str]:
        path = self.folder / "log.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def ran(self) -> list[str]:
        return [line.removeprefix("ran ") for line in self.log() if line.startswith("ran ")]

    def report(self, backend: str = "local") -> dict[str, Any]:
        path = self.folder / f"build/report-{backend}.json"
        data: dict[str, Any] = json.loads(path.read_text())
        return data

    def statuses(self) -> dict[str, str]:
        return {f"{r['scenario']} {r['id']}": r["status"] for r in self.report()["results"]}
