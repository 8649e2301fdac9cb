"""What `sb` prints for a shell to evaluate."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from drillbook.sandboxes import stack
from smartbeak_ops import settings
from smartbeak_ops.commands import names
from tests.conftest import ROOT
from tests.stack.guards.fakes import KNOWN


def test_the_names_that_hosts_sets_are_those_that_the_stack_declares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "read", lambda: KNOWN)
    said = CliRunner().invoke(names.hosts, [], catch_exceptions=False).output
    printed = [line.partition("=")[0] for line in said.splitlines()]
    assert tuple(printed) == stack.load(ROOT).sets["sb hosts"]
