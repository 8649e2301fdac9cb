"""The runner's view of the prober: which of its words still counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from drillbook.drills.watch import Kind, Watch
from drillbook.errors import HarnessError
from tests.fake_sandbox import FakeSandbox

ACCOUNT = {
    "event": "account", "acknowledged": 12, "lost": [3], "lost_s": 0.5, "doubled": 1, "gap_s": 2.0,
    "split_brain": False, "counted": True, "watched": {"db-1": 5, "db-2": 0}, "held": True,
    "held_since": 7.5, "errors": ["refused"],
    "kinds": [{"kind": "content", "acknowledged": 12, "lost": 1, "doubled": 1, "gap_s": 2.0,
               "counted": True, "asked": ["wordpress"], "attempted": 14, "recovered": 1,
               "unexpected": 0, "stale": 0}],
    "took": [[5.0, 0.25]],
}  # fmt: skip


def state(
    held: bool, acknowledged: int = 20, error: str = "", failed: float = 1.0
) -> dict[str, Any]:
    event = {"event": "state", "held": held, "at": 9.0, "acknowledged": acknowledged}
    return {"line": json.dumps({**event, "failed": failed, "error": error}), "ended": False}


QUIET = {"line": None, "ended": False}


def watching(*lines: Mapping[str, Any]) -> tuple[Watch, FakeSandbox]:
    sandbox = FakeSandbox()
    sandbox.host("app").answers["read"] = [dict(line) for line in lines]
    return Watch(sandbox, "app", "some.prober", "redis"), sandbox


def test_the_prober_is_told_what_is_there() -> None:
    _, sandbox = watching()
    host, op, fields = sandbox.log[0]
    assert (host, op, fields["name"]) == ("app", "spawn", "prober")
    argv = fields["argv"]
    assert argv[:3] == ["python3", "-m", "some.prober"]
    assert argv[argv.index("--oracle") + 1] == "redis"
    assert argv[argv.index("--hosts") + 1] == ",".join(sandbox.hosts)


def test_what_was_said_while_nobody_listened_is_over() -> None:
    # A restart on the way: down, up again, and then down for good.
    watch, _ = watching(state(False), state(True), state(False, error="gone"), QUIET)
    assert watch.until(False, timeout_s=5) is True
    assert watch.last_error == "gone"
    watch, sandbox = watching(state(True), state(False, error="gone"), QUIET, state(True))
    assert watch.until(True, timeout_s=5) is True
    assert sandbox.host("app").answers["read"] == []


def test_the_last_word_still_counts_when_nothing_new_was_said() -> None:
    watch, _ = watching(state(False), QUIET, QUIET, QUIET)
    assert watch.until(False, timeout_s=5) is True
    assert watch.until(False, timeout_s=0) is True
    assert watch.until(True, timeout_s=0) is False


def test_what_failed_before_the_fault_was_complete_is_not_the_fault() -> None:
    watch, _ = watching(state(False, error="slow", failed=4.0), QUIET, QUIET)
    assert watch.until(False, timeout_s=0, failed_since=5.0) is False
    watch, _ = watching(state(False, failed=4.0), QUIET, state(False, error="gone", failed=5.1))
    assert watch.until(False, timeout_s=5, failed_since=5.0) is True
    assert watch.last_error == "gone"


def test_enough_must_be_confirmed_as_well() -> None:
    watch, _ = watching(state(True, 3), QUIET, state(True, 9), state(True, 10), state(True, 11))
    assert watch.until(True, timeout_s=5, acknowledged=10) is True


def test_the_account_is_taken_over_with_each_kind() -> None:
    watch, sandbox = watching()
    sandbox.host("app").answers["finish"] = [
        {"status": 0, "stderr": "", "stdout": f"{json.dumps(ACCOUNT)}\n"}
    ]
    account = watch.finish()
    assert account is watch.account
    assert (account.acknowledged, account.lost, account.doubled) == (12, (3,), 1)
    assert account.unwatched == ("db-2",)
    assert account.kinds == (Kind("content", 12, 1, 1, 2.0, True, ("wordpress",), 14, 1, 0, 0),)
    assert account.took == ((5.0, 0.25),)


def test_a_prober_that_ended_by_itself_is_the_harness_at_fault() -> None:
    watch, sandbox = watching({"line": None, "ended": True})
    sandbox.host("app").answers["finish"] = [
        {"status": 1, "stderr": "prober: there is no host `api`\n", "stdout": ""}
    ]
    with pytest.raises(HarnessError) as caught:
        watch.until(True, timeout_s=5)
    assert str(caught.value) == (
        "prober-broke: the prober (redis) ended with status 1 and no account: "
        "prober: there is no host `api`"
    )
