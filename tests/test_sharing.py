"""Tests that share a server are handed out together, others one by one."""

from __future__ import annotations

import pytest

from tests import sharing


@pytest.mark.parametrize(
    ("test", "unit"),
    [
        ("tests/stack/test_outages.py::test_x[db-1::y]", "tests/stack/test_outages.py"),
        ("tests/stack/webhooks/test_taken.py::test_x", "tests/stack/webhooks"),
        ("tests/stack/test_content.py::test_x", "tests/stack/test_content.py"),
        ("tests/test_run.py::test_x", "tests/test_run.py::test_x"),
    ],
)
def test_who_shares_a_server_stays_together(test: str, unit: str) -> None:
    assert sharing.unit(test) == unit
