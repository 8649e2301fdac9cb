"""What the tests of the pytest front share: the fake book."""

from __future__ import annotations

import os
import sys

import pytest

from tests.front.book import HERE, Book


@pytest.fixture
def book(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Book:
    for name in ("CI", "GITHUB_ACTIONS", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parent), *sys.path]))
    pytester.syspathinsert(HERE)
    return Book(pytester)
