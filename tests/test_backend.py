"""The contract that every backend keeps; the same tests for each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.errors import HarnessError
from drillbook.run import make_backend
from drillbook.sandboxes.sandbox import Backend, Sandbox
from tests.conftest import ROOT

STACK = ["ops", "app", "db-1", "db-2"]


def _backend(name: str) -> Backend:
    return make_backend(name, ROOT)


@pytest.fixture(scope="module", params=["local", "compose"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Each backend; compose only where it was asked for, since it needs an engine."""
    if request.param == "compose" and not os.environ.get("DRILLBOOK_TEST_COMPOSE"):
        pytest.skip("compose is tested with DRILLBOOK_TEST_COMPOSE=1, on a machine with an engine")
    made = _backend(request.param)
    yield made
    made.close()


@pytest.fixture(scope="module")
def sandbox(backend: Backend) -> Iterator[Sandbox]:
    """One sandbox for the tests that only look."""
    made = backend.open(STACK, label="contract")
    yield made
    made.close()


def typed(sandbox: Sandbox, text: str, host: str = "ops", **fields: Any) -> dict[str, Any]:
    """What a command typed on a host comes to."""
    return sandbox.host(host).request(
        "shell",
        timeout_s=fields.pop("timeout_s", 180),
        kind="command",
        path="source/page.md",
        line=7,
        text=text,
        merge=fields.pop("merge", False),
    )


def test_servers_say_their_version(sandbox: Sandbox) -> None:
    assert sandbox.versions["postgresql"].split(".")[0].isdigit()


@pytest.mark.parametrize("host", STACK)
def test_a_host_knows_its_name_and_its_service_user(sandbox: Sandbox, host: str) -> None:
    outcome = typed(sandbox, 'echo "$(uname -n) $(id -un) $HOME"', host)
    home = "/var/lib/postgresql" if host.startswith("db") else "/home/operator"
    assert outcome["stdout"] == f"{host} postgres {home}\n"


QUEUES = ["ops", "redis-1", "redis-2", "sentinel-1", "sentinel-2", "sentinel-3"]
COUNTS = """cd /opt/smartbeak/platform && node --input-type=module <<'JS'
import { Queue } from "bullmq";
const queue = new Queue("publishing", { connection: { host: "redis-1" } });
await queue.add("example", {}, { delay: 3_600_000 });
console.log(JSON.stringify(await queue.getJobCounts("waiting", "delayed")));
await queue.close();
JS"""


@pytest.fixture(scope="module")
def queues(backend: Backend) -> Iterator[Sandbox]:
    """A sandbox with Redis, for the tests that leave nothing behind that others mind."""
    made = backend.open(QUEUES, label="queues")
    yield made
    made.close()


def test_redis_is_a_pair_that_three_sentinels_agree_on(queues: Sandbox) -> None:
    ask = "until redis-cli -h redis-2 info replication | grep '^master_link_status:up'; do :; done"
    typed(queues, ask)
    shown = typed(queues, "redis-cli -h redis-2 info replication")["stdout"].splitlines()
    assert {"role:slave", "master_host:redis-1"} <= {*shown}
    for number in (1, 2, 3):
        ask = f"redis-cli -h sentinel-{number} -p 26379 sentinel"
        assert typed(queues, f"{ask} get-master-addr-by-name smartbeak")["stdout"] == (
            "redis-1\n6379\n"
        )
    # One that was kept from answering for a while is not counted until it has answered again.
    seen = typed(queues, f"until {ask} ckquorum smartbeak | grep '^OK 3 usable'; do :; done")
    assert seen["stdout"].startswith("OK 3 usable")


def test_redis_keeps_what_it_confirms_and_evicts_nothing(queues: Sandbox) -> None:
    kept = ("appendonly", "appendfsync", "maxmemory-policy")
    shown = typed(queues, f"redis-cli -h redis-1 config get '{kept[0]}'")["stdout"]
    assert shown == "appendonly\nyes\n"
    for name, value in zip(kept[1:], ("everysec", "noeviction"), strict=True):
        assert typed(queues, f"redis-cli -h redis-1 config get {name}")["stdout"] == (
            f"{name}\n{value}\n"
        )


def test_operators_have_the_platforms_own_queue_library(queues: Sandbox) -> None:
    assert typed(queues, COUNTS)["stdout"] == '{"waiting":0,"delayed":1,"paused":0}\n'


def test_a_killed_redis_has_what_it_confirmed_when_it_is_started_again(backend: Backend) -> None:
    sandbox = backend.open(["ops", "redis-1"], label="kill redis")
    try:
        assert typed(sandbox, "redis-cli -h redis-1 set a b")["stdout"] == "OK\n"
        service = sandbox.services["redis-1"]
        sandbox.host("redis-1").request(
            "signal", timeout_s=60, pidfile=service.pidfile, signal="KILL"
        )
        refused = typed(sandbox, "redis-cli -h redis-1 ping")
        assert (refused["status"], refused["stdout"]) == (1, "")
        start = "redis-server /var/lib/redis/redis.conf --daemonize yes >/dev/null"
        assert typed(sandbox, start, "redis-1")["status"] == 0
        again = typed(sandbox, "until redis-cli -h redis-1 get a | grep b; do sleep 0.1; done")
        assert again["stdout"] == "b\n"
    finally:
        sandbox.close()


def test_a_sandbox_has_only_what_was_asked_for_and_what_that_needs(queues: Sandbox) -> None:
    assert set(queues.hosts) == {*QUEUES}
    assert set(queues.versions) == {"redis"}


def test_unknown_host_is_named_with_those_there_are(sandbox: Sandbox) -> None:
    with pytest.raises(HarnessError, match=r"unknown-host: .*db-9.*\n.*ops"):
        sandbox.host("db-9")


def test_primary_and_replica_answer_over_tls_with_a_password(sandbox: Sandbox) -> None:
    query = "SELECT pg_is_in_recovery(), ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    for host, answer in (("db-1", "f|t\n"), ("db-2", "t|t\n")):
        outcome = typed(sandbox, f'psql -h {host} -U postgres -d smartbeak -Atc "{query}"')
        assert (outcome["stdout"], outcome["stderr"]) == (answer, "")


def test_the_replica_follows_over_its_link(sandbox: Sandbox) -> None:
    ask = 'psql -h db-2 -U postgres -Atc "SELECT status, sender_host FROM pg_stat_wal_receiver"'
    # It connects anew where it was kept waiting for too long.
    outcome = typed(sandbox, f"until {ask} | grep streaming; do sleep 0.1; done")
    assert outcome["stdout"] == "streaming|db-1.repl\n"


def test_state_lasts_from_command_to_command(sandbox: Sandbox) -> None:
    typed(sandbox, "cd /tmp && MARK=unexported && f() { echo from $PWD; }")
    assert typed(sandbox, 'f; echo "$MARK"')["stdout"] == "from /tmp\nunexported\n"


def test_streams_and_status_are_kept_apart(sandbox: Sandbox) -> None:
    outcome = typed(sandbox, "echo out; echo err >&2; (exit 3)")
    assert (outcome["stdout"], outcome["stderr"], outcome["status"]) == ("out\n", "err\n", 3)


def test_bash_names_the_page_and_the_line(sandbox: Sandbox) -> None:
    assert "source/page.md: line 7: nosuchcommand:" in typed(sandbox, "nosuchcommand")["stderr"]


def test_a_host_outside_the_stack_is_not_found(sandbox: Sandbox) -> None:
    outcome = typed(sandbox, "curl -sS --max-time 60 https://api.stripe.com/v1/charges")
    assert outcome["status"] == 6
    assert "Could not resolve host: api.stripe.com" in outcome["stderr"]


def test_a_name_outside_the_stack_is_answered_that_there_is_none(sandbox: Sandbox) -> None:
    # Without an answer the lookup would end in a time-out: "Temporary failure in name resolution".
    outcome = typed(sandbox, "python3 -c 'import socket; socket.getaddrinfo(\"db-9\", 5432)'")
    assert "socket.gaierror: [Errno -2] Name or service not known" in outcome["stderr"]


def test_no_address_outside_can_be_reached(sandbox: Sandbox) -> None:
    # 192.0.2.1 is reserved for documentation (RFC 5737): nobody is there to be bothered.
    assert typed(sandbox, "curl -sS --max-time 3 http://192.0.2.1/")["status"] in (7, 28)


def test_the_callers_environment_does_not_come_in(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGHOST", "DATABASE_URL", "HTTPS_PROXY", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"):
        monkeypatch.setenv(name, "elsewhere.example.com")
    sandbox = backend.open(STACK, label="environment")
    try:
        assert "elsewhere" not in typed(sandbox, "env")["stdout"]
        assert (
            typed(sandbox, "psql -h db-1 -U smartbeak -d smartbeak -Atc 'SELECT 1'")["stdout"]
            == "1\n"
        )
    finally:
        sandbox.close()


def test_secrets_are_known_for_redaction(sandbox: Sandbox) -> None:
    shown = typed(sandbox, "cut -d: -f5 ~/.pgpass")["stdout"].split()
    assert shown and set(shown) <= set(sandbox.secrets)


def test_a_killed_server_is_gone_and_can_be_started_on_its_host(backend: Backend) -> None:
    sandbox = backend.open(STACK, label="kill")
    try:
        pids = sandbox.host("db-1").request(
            "signal", timeout_s=60, pidfile="/var/lib/postgresql/data/postmaster.pid", signal="KILL"
        )["pids"]
        assert len(pids) > 3
        refused = typed(sandbox, "psql -h db-1 -U postgres -Atc 'SELECT 1'")
        assert refused["status"] == 2
        assert "Connection refused" in refused["stderr"]
        started = typed(sandbox, 'pg_ctl -D "$PGDATA" -w -s -l "$SERVICE_LOG" start', "db-1")
        # The dead server left its pid file; pg_ctl says so and goes on.
        assert started["status"] == 0
        assert typed(sandbox, "psql -h db-1 -U postgres -Atc 'SELECT 1'")["stdout"] == "1\n"
    finally:
        sandbox.close()


def test_two_sandboxes_do_not_see_each_other(backend: Backend) -> None:
    first, second = (backend.open(STACK, label=f"twin {n}") for n in (1, 2))
    try:
        table = "psql -h db-1 -U smartbeak -d smartbeak -Atc"
        assert (
            typed(first, f"{table} 'DELETE FROM drillbook.probe' -c 'CREATE TABLE only_here ()'")[
                "status"
            ]
            == 0
        )
        assert (
            typed(second, f"""{table} "SELECT to_regclass('only_here') IS NULL" """)["stdout"]
            == "t\n"
        )
    finally:
        first.close()
        second.close()
