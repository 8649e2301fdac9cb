"""What tests of the stack share: a sandbox with the API in it, and simulators."""

from __future__ import annotations

import os
import re
import resource
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from drillbook.sandboxes.local import LocalBackend
from tests.stack.box import Box
from tests.stack.simulated import (
    API_KEY,
    PASSWORD,
    PROGRAM,
    SIGNING_SECRET,
    TOKEN,
    Endpoint,
    Running,
    Start,
    await_that,
)


@pytest.fixture(scope="session")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    """The API on PostgreSQL and Redis; a module that needs more has a `box` of its own."""
    box = Box(local_backend, ["db-1", "redis-1", "api"])
    yield box
    box.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts simulators and ends those that are left."""
    running: list[Running] = []

    def begin(
        name: str,
        *options: str,
        file_size: int | None = None,
        host: str = "127.0.0.1",
        environment: Mapping[str, str] = {},
    ) -> Running:
        root = tmp_path / f"simulator-{len(running)}"
        (root / "run/secrets").mkdir(parents=True)
        (root / "run/secrets/wordpress").write_text(f"{PASSWORD}\n")
        (root / "run/secrets/linkedin").write_text(f"{TOKEN}\n")
        for provider in ("stripe", "paddle"):
            (root / f"run/secrets/{provider}-key").write_text(f"{API_KEY}\n")
            (root / f"run/secrets/{provider}-webhook").write_text(f"{SIGNING_SECRET}\n")
        limit = (
            (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size)))
            if file_size
            else None
        )
        process = subprocess.Popen(
            [PROGRAM, name, "--port", "0", "--host", host, "--root", root, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=limit, env={**os.environ, **environment},
        )  # fmt: skip
        one = Running(root, process, name, 0)
        running.append(one)
        await_that(lambda: one.pidfile.exists() or process.poll() is not None)
        said = one.log.read_text() if one.log.exists() else ""
        found = re.search(rf"{name} listens on \S+:(\d+)", said)
        assert found, f"{said}{process.communicate(timeout=60)[0].decode()}"
        one.port = int(found[1])
        return one

    yield begin
    for one in running:
        one.process.kill()
        one.process.communicate()


@pytest.fixture
def wordpress(start: Start) -> Running:
    return start("wordpress", "--insecure")


@pytest.fixture
def linkedin(start: Start) -> Running:
    return start("linkedin", "--insecure")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.shutdown()
    server.server_close()
