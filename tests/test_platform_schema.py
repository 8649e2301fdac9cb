"""The reference platform does what its OpenAPI document says, whatever it is sent."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from drillbook.sandboxes.local import LocalBackend
from tests.platform_box import PLATFORM, Box

EXAMPLES = 8
"""Requests that are made up for each operation and kind."""

# Everything but the owner's own routes is open to an admin, or closed to both.
_OWNERS = "--include-path-regex 'flags|targets|publishing/jobs$'"


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    services = ["db-1", "redis-1", "api"]
    box = Box(local_backend, services, {"ENABLE_RATE_LIMITING": "false"})
    yield box
    box.close()


def test_the_document_that_is_kept_is_the_one_that_is_made() -> None:
    made = subprocess.run(
        [sys.executable, "-c", "from smartbeak import openapi; print(openapi.text(), end='')"],
        cwd=PLATFORM,
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == (PLATFORM / "openapi.json").read_text()


@pytest.mark.parametrize(("user", "only"), [(1, _OWNERS), (2, "")], ids=["owner", "admin"])
def test_no_request_gets_an_answer_that_is_not_documented(box: Box, user: int, only: str) -> None:
    said = box.shell(
        "ops",
        f"cd /tmp && python3 -m schemathesis.cli run http://api:3001/openapi.json {only} "
        f"-H 'Authorization: Bearer {box.token(user)}' --checks all "
        f"--max-examples {EXAMPLES} --seed 7 --no-color --request-timeout 5 2>&1 || echo FAILED",
        timeout_s=180,
    )
    assert not said.endswith("FAILED\n"), said[-6000:]
    assert not [line for line in box.log("api") if line["level"] == "error"]
