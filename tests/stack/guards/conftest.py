"""What every test of a guard begins with."""

from __future__ import annotations

from typing import Any

import pytest

from smartbeak_ops import postgres, posts, settings, web
from tests.stack.guards.fakes import (
    KNOWN,
    MP,
)


@pytest.fixture(autouse=True)
def known(monkeypatch: MP) -> None:
    """The platform's settings, and no server at all unless a test gives one."""
    monkeypatch.setattr(settings, "read", lambda: KNOWN)

    def nobody(*_: object, **__: object) -> Any:
        raise AssertionError("no server was given")

    for name in ("superuser", "replicator", "local", "Server"):
        monkeypatch.setattr(postgres, name, nobody)
    monkeypatch.setattr(web, "probe", nobody)
    monkeypatch.setattr(posts, "count", nobody)
