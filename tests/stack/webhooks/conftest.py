"""What the tests of webhooks share: the web host, and who sends to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drillbook.sandboxes.local import LocalBackend
from tests.stack.box import Box
from tests.stack.webhooks.sender import Sender


@pytest.fixture(scope="package")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["db-1", "redis-1", "web"])
    yield box
    box.close()


@pytest.fixture(scope="package")
def sender(box: Box) -> Sender:
    return Sender(box)
