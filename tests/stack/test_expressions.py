"""Faults: what an expression may say, and what it asks of the hosts."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from drillbook.drills import faults
from drillbook.drills.declarations import Step
from drillbook.errors import HarnessError, PageError, Where
from drillbook.sandboxes.service import Service
from smartbeak_drills.injections.redis import DAMAGE, GARBAGE
from smartbeak_drills.kit import KIT
from tests.stack.expressions import (
    KNOWN,
    SERVICES,
    fake_sandbox,
    inject,
    oracle,
    parse,
)


def test_an_expression_is_taken_apart_in_order() -> None:
    fault = parse(" cut db-1-repl;wait 1s ;  kill   db-1 ")
    assert fault.text == "cut db-1-repl; wait 1s; kill db-1"
    assert fault.steps == (
        Step("cut", ("db-1-repl",)), Step("wait", ("1s",)), Step("kill", ("db-1",)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("kill db-1", "writes"),
        ("kill db-2", "replica"),
        ("pause db-1", "writes"),
        ("lose-data db-2", "replica"),
        ("fill-disk db-1", "writes"),
        ("fill-disk redis-1", "redis"),
        ("kill worker; kill redis-2; lose-data redis-1", "restored"),
        ("split-masters", "publishing"),
        ("lose-power", "redis"),
        ("damage-aof redis-1", "redis"),
        ("lose-base redis-1", "restored"),
        ("restart-while-loading redis-1", "redis"),
        ("leave-slot", "kept-up"),
        ("lose-archive", "kept-up"),
        ("leave-session content_items", "kept-up"),
        ("use-up-ids", "kept-up"),
        ("cut db-1-repl", "replica"),
        ("exhaust db-1", "connections"),
        ("run-sql db-1 archive-everything.sql", "rows"),
        ("swap-roles", "roles"),
        ("break-replication db-2", "replica"),
        ("cut db-1-repl; wait 1s; kill db-1", "writes"),
        ("cut db-1-repl; until writes 5; kill db-1", "writes"),
        ("kill db-1; open db-1-repl", "writes"),
        ("kill redis-1", "redis"),
        ("kill sentinel-1; kill redis-1", "redis"),
        ("kill api", "content"),
        ("stop worker-eu", "publishing"),
        ("pause wordpress", "publishing"),
        ("cut wordpress-wan", "publishing"),
        ("exhaust redis-1", "redis"),
        ("exhaust-pool 40", "connections"),
        ("fill-memory redis-1", "redis"),
        ("corrupt-aof redis-1", "redis"),
        ("wrong-policy redis-1", "restored"),
        ("wipe-redis", "restored"),
        ("flush-redis redis-1", "restored"),
        ("fail-snapshots redis-1", "redis"),
        ("change-redis-password redis-1", "redis"),
        ("misname-redis", "redis"),
        ("kill redis-2", "followed"),
        ("stale-cache", "fresh"),
        ("pause-queue publishing", "publishing"),
        ("delay wordpress-wan 1s; backlog 300", "publishing"),
        ("double-orders 24", "once"),
        ("turn-back-clock worker 10min; overdue-jobs 5", "publishing"),
        ("kill-midjob worker", "publishing"),
        ("poison-job", "publishing"),
        ("break-target wordpress; wait 1s; mend-target wordpress", "publishing"),
        ("drop-answers wordpress 3; kill worker", "publishing"),
        ("change-password smartbeak", "writes"),
        ("fail-over-behind", "writes"),
        ("expire-certificate", "connections"),
        ("split-primaries", "one-primary"),
        ("fall-behind", "replica"),
        ("recover-slowly", "writes"),
        ("fall-behind; kill db-1", "writes"),
        # What comes in the middle of the recovery does not decide what users miss.
        ("kill db-1; after start; kill redis-1", "writes"),
        ("migrate content-locale", "content"),
        ("break-off-migration content-locale-index", "content"),
        ("jobs-of-new-shape 20", "publishing"),
        ("cache-of-new-shape", "fresh"),
        ("deploy-setting DB_POOL_SIZE=0; wrong-key", "content"),
        ("throttle api 2200ms", "content"),
        ("throttle redis-1 900ms", "redis"),
        ("take-port web", "webhooks"),
        ("deploy-release f4b81a6", "content"),
        ("lose-password-file", "content"),
        ("tamper-evidence", "intact"),
        ("use-leaked-login", "preserved"),
        ("exceed-quota api b41e7a0", "rolled"),
    ],
)
def test_the_oracle_is_that_of_the_last_step_that_has_one(expression: str, name: str) -> None:
    assert oracle(expression) == name


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("explode db-1", f"unknown-fault: there is no fault 'explode'\n  hint: {KNOWN}"),
        ("", f"unknown-fault: a step of the fault is empty\n  hint: {KNOWN}"),
        ("kill db-1; ", f"unknown-fault: a step of the fault is empty\n  hint: {KNOWN}"),
        (
            "kill",
            "fault-arguments: `kill` has 0 arguments, not 1\n  hint: write `kill HOST`",
        ),
        (
            "swap-roles db-1 db-2",
            "fault-arguments: `swap-roles db-1 db-2` has 2 arguments, not 0\n"
            "  hint: write `swap-roles`",
        ),
        (
            "delay db-1-repl soon",
            "fault-arguments: 'soon' is no DURATION: write a number and a unit: 250ms, 30s, 15min,"
            " 1h\n  hint: write `delay LINK DURATION`",
        ),
        (
            "delay db-1-repl 0s",
            "fault-arguments: '0s' is no DURATION: it must be longer than nothing\n"
            "  hint: write `delay LINK DURATION`",
        ),
        (
            "until soon 3",
            "fault-arguments: 'soon' is no STATE: it is one of letters, arrived, waiting, writes\n"
            "  hint: write `until STATE COUNT`",
        ),
        (
            "run-sql db-1 ../x.sql",
            "fault-arguments: '../x.sql' is no FILE: it is the name of a file under"
            " examples/faults that ends in .sql\n  hint: write `run-sql HOST FILE`",
        ),
        (
            "backlog many",
            "fault-arguments: 'many' is no COUNT: it is a whole number above 0\n"
            "  hint: write `backlog COUNT`",
        ),
        (
            "pause-queue Publishing",
            "fault-arguments: 'Publishing' is no QUEUE: it is a name in small letters\n"
            "  hint: write `pause-queue QUEUE`",
        ),
        (
            "migrate content",
            "fault-arguments: 'content' is no RELEASE: it is one of content-locale,"
            " content-locale-index, content-type-dropped\n  hint: write `migrate RELEASE`",
        ),
        (
            "deploy-setting DB_POOL_SIZE",
            "fault-arguments: 'DB_POOL_SIZE' is no SETTING: it is NAME=VALUE, without blanks and"
            " slashes\n  hint: write `deploy-setting SETTING`",
        ),
        (
            "drop-answers",
            "fault-arguments: `drop-answers` has 0 arguments, not 1 to 2\n"
            "  hint: write `drop-answers HOST [COUNT]`",
        ),
        (
            "kill db-1; after; kill db-2",
            "fault-arguments: `after` names 0 snippets, not 1\n  hint: write `after SNIPPET`",
        ),
        (
            "kill db-1; after start",
            "fault-arguments: `kill db-1; after start` breaks nothing before or behind `after`\n"
            "  hint: write `FAULT; after SNIPPET; FAULT`",
        ),
        (
            "after start; kill db-1",
            "fault-arguments: `after start; kill db-1` breaks nothing before or behind `after`\n"
            "  hint: write `FAULT; after SNIPPET; FAULT`",
        ),
        (
            "kill sentinel-1",
            "fault-without-oracle: `kill sentinel-1` damages nothing that a drill could measure\n"
            "  hint: add a step such as `kill HOST`",
        ),
        (
            "wait 1s; open db-1-repl",
            "fault-without-oracle: `wait 1s; open db-1-repl` damages nothing that a drill could"
            " measure\n  hint: add a step such as `kill HOST`",
        ),
    ],
)
def test_a_wrong_expression_is_explained_where_it_stands(expression: str, text: str) -> None:
    with pytest.raises(PageError) as caught:
        oracle(expression, Where("source/page.md", 12))
    assert str(caught.value) == f"source/page.md:12: {text}"


def test_hosts_that_are_named_or_used_are_known() -> None:
    def hosts(expression: str) -> tuple[str, ...]:
        return faults.hosts_named(parse(expression), KIT)

    assert hosts("cut db-1-repl; wait 1s; kill db-1") == ("db-1-repl", "db-1")
    assert hosts("exhaust db-1") == ("db-1", "app")
    assert hosts("run-sql db-1 x.sql") == ("db-1", "ops")
    assert hosts("swap-roles") == ("db-1", "db-2", "app")
    assert hosts("kill-midjob worker") == ("worker", "ops", "wordpress-wan")


def test_the_service_says_what_notices_that_it_is_gone() -> None:
    def noticed(said: str) -> str:
        services = {"x-1": Service("x-1", ("x-1",), noticed_by=said)}
        return faults.oracle(parse("kill x-1"), KIT, services, Where("source/page.md", 12))

    assert noticed("redis") == "redis"
    with pytest.raises(PageError) as caught:
        noticed("")
    assert str(caught.value) == (
        "source/page.md:12: not-noticed: `kill x-1`: the stack does not say what notices that x-1 "
        "is gone\n  hint: the service says `noticed-by` in its x-drillbook: nobody, or "
        + ", ".join(KIT.oracles)
    )
    with pytest.raises(PageError) as caught:
        noticed("somebody")
    assert str(caught.value) == (
        "source/page.md:12: unknown-oracle: `kill x-1` is noticed by 'somebody', which is no "
        "oracle of the stack\n  hint: oracles: " + ", ".join(KIT.oracles)
    )
    with pytest.raises(PageError, match="fault-without-oracle"):
        noticed("nobody")


def test_every_service_of_the_stack_says_what_notices_that_it_is_gone() -> None:
    said = {each.noticed_by for each in SERVICES.values()}
    assert said <= {"nobody", *KIT.oracles}


def test_every_fault_says_what_it_does() -> None:
    for name, declaration in KIT.faults.items():
        assert declaration.name == name
        assert declaration.help.endswith(".")


@pytest.mark.parametrize(
    ("name", "number"), [("kill", "KILL"), ("stop", "TERM"), ("pause", "STOP"), ("resume", "CONT")]
)
def test_a_fault_of_processes_is_a_signal_through_the_pidfile(name: str, number: str) -> None:
    sandbox = fake_sandbox()
    inject(parse(f"{name} db-1; cut db-1-repl; {name} redis-2; {name} worker"), sandbox)
    signals = [(host, fields) for host, op, fields in sandbox.log if op == "signal"]
    assert signals == [
        ("db-1", {"pidfile": "/data/postmaster.pid", "signal": number}),
        ("redis-2", {"pidfile": "/data/redis.pid", "signal": number}),
        ("worker", {"pidfile": "/run/p.pid", "signal": number}),
    ]


def test_a_host_without_a_service_cannot_be_killed() -> None:
    with pytest.raises(HarnessError) as caught:
        inject(parse("kill ops; kill db-1"), fake_sandbox())
    assert str(caught.value) == "fault-failed: `kill ops`: ops has no service to send SIGKILL to"


def test_a_fault_of_a_link_is_its_mode() -> None:
    sandbox = fake_sandbox()
    inject(parse("cut db-1-repl; delay db-2-repl 1500ms; open db-1-repl"), sandbox)
    assert sandbox.log == [
        ("db-1-repl", "link", {"mode": "cut", "delay_s": 0.0}),
        ("db-2-repl", "link", {"mode": "delay", "delay_s": 1.5}),
        ("db-1-repl", "link", {"mode": "open", "delay_s": 0.0}),
    ]


def test_the_outage_counts_from_the_begin_of_the_last_step_with_an_oracle() -> None:
    begin = time.monotonic()
    moment = inject(parse("cut db-1-repl; wait 200ms; kill db-1; wait 200ms"), fake_sandbox())
    assert begin + 0.2 <= moment <= time.monotonic() - 0.2


@pytest.mark.parametrize(("state", "counts"), [("letters", "0 2 3"), ("writes", "700 702 703")])
def test_a_state_is_waited_for_however_long_it_takes(state: str, counts: str) -> None:
    sandbox = fake_sandbox()
    sandbox.host("ops").answers["exec"] = [
        {"status": 0, "stdout": count, "stderr": ""} for count in counts.split()
    ]
    inject(parse(f"cut db-1-repl; until {state} 3; kill db-1"), sandbox)
    assert sandbox.host("ops").answers["exec"] == []
    assert [(host, op) for host, op, _ in sandbox.log] == [
        ("db-1-repl", "link"), *[("ops", "exec")] * 3, ("db-1", "signal"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "damaged"),
    [
        ({"appendonly.aof": "good"}, "appendonly.aof"),
        (
            {
                "appendonlydir/appendonly.aof.manifest": "file a.2.base.rdb seq 2 type b\n"
                "file a.2.incr.aof seq 2 type i\nfile a.3.incr.aof seq 3 type i\n",
                "appendonlydir/a.2.incr.aof": "good",
                "appendonlydir/a.3.incr.aof": "good",
            },
            "appendonlydir/a.3.incr.aof",
        ),
    ],
    ids=["6.2", "7"],
)
def test_garbage_comes_to_the_end_of_the_newest_append_only_file(
    tmp_path: Path, files: dict[str, str], damaged: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["bash", "-euc", GARBAGE, "bash", str(tmp_path)], check=True)
    changed = {name for name, text in files.items() if (tmp_path / name).read_text() != text}
    assert changed == {damaged}
    assert (tmp_path / damaged).read_text() == "good" + "x" * 64


def test_damage_is_at_the_command_in_the_middle(tmp_path: Path) -> None:
    file = tmp_path / "appendonly.aof"
    command = "*1\r\n$4\r\nPING\r\n"
    file.write_text(command * 5, newline="")
    subprocess.run(["bash", "-euo", "pipefail", "-c", DAMAGE, "bash", str(tmp_path)], check=True)
    damaged = [command, command, "x" + command[1:], command, command]
    assert file.read_bytes().decode() == "".join(damaged)


def test_without_an_append_only_file_nothing_can_be_corrupted(tmp_path: Path) -> None:
    argv = ["bash", "-euc", GARBAGE, "bash", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "no append-only file: appendonly.aof\n")


def test_a_step_that_cannot_be_done_is_the_harness_at_fault() -> None:
    sandbox = fake_sandbox()
    sandbox.host("ops").answers["exec"] = [
        {"status": 3, "stdout": "", "stderr": "psql: error: no such table\n"}
    ]
    with pytest.raises(HarnessError) as caught:
        inject(parse("run-sql db-1 bad.sql"), sandbox)
    assert str(caught.value) == (
        "fault-failed: `run-sql db-1 bad.sql`: `psql --no-psqlrc --quiet --host=db-1"
        " --username=smartbeak --dbname=smartbeak --set=ON_ERROR_STOP=1"
        " --file=/opt/smartbeak/faults/bad.sql` on ops ended with 3: psql: error: no such table"
    )


def test_connections_that_are_not_used_up_are_an_error() -> None:
    sandbox = fake_sandbox()
    app = sandbox.host("app")
    app.answers = {"read": [{"line": None}], "finish": [{"stderr": "leak: no such host\n"}]}
    with pytest.raises(HarnessError) as caught:
        inject(parse("exhaust db-2"), sandbox)
    assert str(caught.value) == (
        "fault-failed: `exhaust db-2`: the connections were never used up: leak: no such host"
    )
