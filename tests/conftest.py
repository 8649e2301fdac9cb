"""What the tests share: the project's folder and the backends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drillbook.errors import HarnessError
from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.local_sandbox import LocalSandbox
from tests.sharing import Together

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent


def pytest_xdist_auto_num_workers() -> int:
    """Tests mostly wait for servers, so that more of them than cores go on at once."""
    return 2 * len(os.sched_getaffinity(0))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """Tests that share a server keep their order, on one worker."""
    return Together(config, log)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def local_backend() -> LocalBackend:
    """The local backend; where it cannot work, a laptop skips and CI fails."""
    backend = LocalBackend(ROOT)
    try:
        backend.open(["ops"], label="probe").close()
    except HarnessError as error:
        if error.code in ("missing-server", "namespaces-refused") and not os.environ.get("CI"):
            pytest.skip(str(error))
        raise
    return backend


@pytest.fixture
def pair(local_backend: LocalBackend) -> Iterator[LocalSandbox]:
    """A sandbox with the database pair, the operator's machine and the platform's host."""
    sandbox = local_backend.open(["ops", "app", "db-1", "db-2"], label="test")
    yield sandbox
    sandbox.close()
