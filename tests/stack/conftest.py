"""What tests of the stack share: a sandbox with the API in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drillbook.sandboxes.local import LocalBackend
from tests.stack.box import Box


@pytest.fixture(scope="session")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    """The API on PostgreSQL and Redis; a module that needs more has a `box` of its own."""
    box = Box(local_backend, ["db-1", "redis-1", "api"])
    yield box
    box.close()
