"""The commands that look change nothing, say no secret, and end in time, whatever hangs."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator

import pytest

from drillbook.sandboxes.local import LocalBackend
from smartbeak_ops.looks import queues, seen
from tests.stack.box import Box, eventually

SERVICES = ("db-1", "db-2", "redis-1", "redis-2", "api", "web", "worker", "worker-eu")
LOOKING = (
    *("sb triage", "sb triage --json", "sb look postgres", "sb look redis", "sb look queues"),
    *("sb look payments", "sb look deploy", "sb show jobs", "sb show in-hand", "sb show missing"),
    *("sb show failed", "sb show curable", "sb show causes", "sb show doubled", "sb show late 5"),
    *("sb show posts --newest 5", "sb show pace"),
    *("sb show pools", "sb show kinds", "sb show holders", "sb hosts", "sb primary", "sb version"),
    *("sb may promote db-2", "sb may size 5", "sb may cancel 1", "sb may clear 'jwt:*'"),
    *("sb may resume publishing", "sb may retry-now", "sb may move eu-west-1 us-east-1"),
    *("sb queue requeue --dry-run", "sb queue pause publishing --dry-run", "sb explain look"),
)
"""Whatever only looks, as it is typed on `ops`."""


@pytest.fixture(scope="module")
def box(local_backend: LocalBackend) -> Iterator[Box]:
    """The whole platform, with nobody at work on it."""
    box = Box(local_backend, [*SERVICES, "wordpress", "linkedin"])
    yield box
    box.close()


def state(box: Box) -> dict[str, str]:
    """What the stack keeps: every row, every key, the settings."""
    tables = box.sql(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') "
        "AND (schemaname, tablename) <> ('drillbook', 'health') ORDER BY 1"
    )
    found = {
        table: box.sql(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} AS t")[0]
        for table in tables
    }
    found["settings"] = box.shell("ops", "cat /etc/smartbeak/platform.env")
    keys = box.shell("ops", "redis-cli -h redis-1 --scan | grep -v -e stalled-check -e meta | sort")
    found["redis"] = hashlib.sha256(keys.encode()).hexdigest()
    found["paused"] = box.shell("ops", "redis-cli -h redis-1 HEXISTS bull:publishing:meta paused")
    found["roles"] = "".join(
        box.shell(host, "psql -Atc 'SELECT pg_is_in_recovery()'") for host in ("db-1", "db-2")
    )
    found["home"] = box.shell("ops", "find ~ -newer /run/tls/ca.crt -type f | sort")
    return found


def typed(box: Box, command: str) -> str:
    """What a command prints on both streams, whatever its status."""
    reply = box.sandbox.host("ops").request(
        "exec", timeout_s=300, argv=["bash", "-c", command], input=""
    )
    assert not reply["timed_out"], command
    said = str(reply["stdout"]) + str(reply["stderr"])
    assert "Traceback" not in said, said
    return said


def secrets(box: Box) -> list[str]:
    return box.shell("ops", "cat /run/secrets/*").split()


def test_looking_changes_nothing_and_says_no_secret(box: Box) -> None:
    before = state(box)
    hidden = secrets(box)
    for command in LOOKING:
        said = typed(box, command)
        assert said or command.startswith(("sb show", "sb may")), command
        assert not [secret for secret in hidden if secret in said], command
        assert "\x1b[" not in said, command
    assert state(box) == before


def test_healthy_says_healthy(box: Box) -> None:
    said = eventually(
        lambda: typed(box, "sb triage --check; echo status $?"), lambda s: "status 0" in s
    )
    assert "\nnothing is wrong that sb can see\n" in said


@pytest.mark.parametrize("host", ["db-1", "redis-1", "worker", "api"])
def test_what_hangs_does_not_hold_it_up(box: Box, host: str) -> None:
    # How long it takes is not measured: on a busy machine that says nothing of `sb`. What hangs
    # goes on only once all is said, so that `sb` came to an end by its own limit.
    assert seen.ALL_S < 10
    box.signal(host, "STOP")
    try:
        said = typed(box, "sb triage")
        assert re.search(r"(?m)^branch: \S+$", said), said
    finally:
        box.signal(host, "CONT")
    eventually(lambda: typed(box, "sb triage"), lambda s: "nothing is wrong" in s)


def test_evidence_holds_what_decides_and_no_secret(box: Box) -> None:
    said = typed(box, "sb evidence")
    folder = said.split(" in ")[1].splitlines()[0]
    names = set(box.shell("ops", f"ls {folder}").split())
    assert {
        *("looked.json", "db-1-sessions.json", "db-1-locks.json", "db-1-slots.json"),
        *("db-2-recovery.json", "redis-info.json", "redis-clients.json", "queues.json"),
        *("platform-publishing_jobs.json", "platform.env", "api-metrics.txt"),
    } <= names
    text = box.shell("ops", f"cat {folder}/*")
    assert not [secret for secret in secrets(box) if secret in text]
    assert box.shell("ops", f"stat -c %a {folder}").strip() == "700"
    again = typed(box, f"sb evidence --to {folder}")
    assert again == f"REFUSED: {folder} is there already\n"
    box.shell("ops", f"rm -r {folder}")


def test_a_canary_says_which_step_failed(box: Box) -> None:
    assert typed(box, "sb canary") == "written 200, read back 200, archived 200\n"
    box.signal("db-1", "STOP")
    try:
        said = typed(box, "sb canary; echo status $?")
    finally:
        box.signal("db-1", "CONT")
    assert said.startswith("writing failed: 503 Service temporarily unavailable")
    assert "; whether it is there all the same is not known: " in said
    assert said.endswith("status 1\n")


def test_a_note_is_an_entry_of_a_timeline(box: Box) -> None:
    command = (
        "SB_TIMELINE=/tmp/t.md sb note 'db-2 promoted, password=hunter2' --role technical-lead"
    )
    assert typed(box, command) == "noted in /tmp/t.md\n"
    assert re.fullmatch(
        r"- \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ technical-lead: db-2 promoted, password=\*\*\*\n",
        box.shell("ops", "cat /tmp/t.md"),
    )
    assert typed(box, "sb note ' '") == "REFUSED: a note says something\n"


def test_a_queue_is_paused_and_resumed_once(box: Box) -> None:
    assert typed(box, "sb queue pause publishing") == "publishing: paused\n"
    assert typed(box, "sb queue pause publishing") == "REFUSED: publishing is paused already\n"
    assert typed(box, "sb queue resume publishing --dry-run") == ("publishing would be resumed\n")
    assert typed(box, "sb queue resume publishing") == "publishing: runs\n"
    assert typed(box, "sb queue resume publishing") == "REFUSED: publishing is not paused\n"


@pytest.mark.parametrize("said", ["", "{}", "[]", '{"timestamp": null}', '{"timestamp": "soon"}'])
def test_a_worker_that_says_no_time_has_no_wrong_clock(said: str) -> None:
    before = time.time()
    assert before <= queues._clock(said) <= time.time()


def test_a_worker_says_what_time_it_has() -> None:
    assert queues._clock('{"alive": true, "timestamp": "1970-01-01T00:10:00.000Z"}') == 600
