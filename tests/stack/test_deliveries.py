"""The wait for a provider's deliveries, and the reading of its key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drillbook.inside.trouble import Trouble
from smartbeak_drills import deliveries
from smartbeak_ops import secrets, settings
from smartbeak_ops.refusal import UnknownError


def test_what_is_still_to_be_delivered_is_waited_for() -> None:
    left = [True, True, False]
    deliveries.settle("Stripe", lambda: left.pop(0), 0.0)
    assert left == []


def test_what_is_never_delivered_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "_PATIENCE_S", 0.01)
    with pytest.raises(Trouble, match=r"^Paddle has not delivered all that it has to$"):
        deliveries.settle("Paddle", lambda: True, 0.001)


def test_a_key_is_read_without_its_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SECRETS", tmp_path)
    (tmp_path / "stripe-key").write_text("one\n")
    assert secrets.read("stripe-key") == "one"


def test_a_key_that_is_not_here_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SECRETS", tmp_path)
    said = f"{tmp_path}/paddle-key cannot be read (No such file or directory): type this on ops"
    with pytest.raises(UnknownError, match=f"^{re.escape(said)}$"):
        secrets.read("paddle-key")
