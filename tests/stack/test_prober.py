"""The prober against real servers: what is confirmed, lost, doubled, and who is primary."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills import prober
from smartbeak_drills.session import SessionError
from smartbeak_drills.settings import read_address

WAIT_S = 120.0
CONFIG = "/etc/smartbeak/platform.env"
LATE = re.compile("timeout|no answer|took longer|no write was confirmed|not yet for")
"""What clients say of an answer that was only late, as on a busy machine."""

PIDFILE = "/var/lib/postgresql/data/postmaster.pid"


class Probe:
    """A prober at work on a sandbox's `app`."""

    def __init__(self, sandbox: Sandbox, oracle: str = "writes") -> None:
        self.sandbox = sandbox
        self._app = sandbox.host("app")
        argv = ["python3", "-m", "smartbeak_drills.prober", "--config", CONFIG]
        argv += ["--oracle", oracle, "--nodes", "db-1,db-2"]
        self._app.request("spawn", timeout_s=30, name="prober", argv=argv)

    def until(self, held: bool, *, acknowledged: int = 0, error: str = "") -> dict[str, Any]:
        """The first state from now on that is like this."""
        deadline = time.monotonic() + WAIT_S
        last: dict[str, Any] = {}
        while time.monotonic() < deadline:
            line = self._app.request("read", timeout_s=1, name="prober")["line"]
            last = json.loads(line) if line else last
            wanted = line and last["held"] == held and last["acknowledged"] >= acknowledged
            if wanted and re.search(error, last["error"]):
                return last
        raise AssertionError(f"waited {WAIT_S} s; last: {last}")

    def finish(self) -> dict[str, Any]:
        """The account."""
        end = self._app.request("finish", timeout_s=WAIT_S, name="prober")
        assert (end["status"], end["stderr"]) == (0, "")
        account: dict[str, Any] = json.loads(end["stdout"].strip().splitlines()[-1])
        assert account["event"] == "account"
        return account


def sql(sandbox: Sandbox, statement: str, host: str = "db-1") -> str:
    """Behind the prober's back, as superuser on the database's own host."""
    argv = ["psql", "-Atq", "--set=ON_ERROR_STOP=1", "--dbname=smartbeak", f"--command={statement}"]
    reply = sandbox.host(host).request("exec", timeout_s=180, argv=argv)
    assert reply["status"] == 0, reply["stderr"]
    return str(reply["stdout"]).strip()


def becomes(sandbox: Sandbox, statement: str, wanted: str, host: str = "db-1") -> None:
    """Waits until a statement has this answer."""
    deadline = time.monotonic() + WAIT_S
    while (said := sql(sandbox, statement, host)) != wanted:
        assert time.monotonic() < deadline, said


def run(sandbox: Sandbox, host: str, *argv: str) -> str:
    reply = sandbox.host(host).request("exec", timeout_s=180, argv=list(argv))
    assert reply["status"] == 0, reply["stderr"]
    return str(reply["stdout"])


def signal(sandbox: Sandbox, host: str, name: str) -> None:
    sandbox.host(host).request("signal", timeout_s=30, pidfile=PIDFILE, signal=name)


def repoint(sandbox: Sandbox, host: str) -> None:
    run(sandbox, "app", "sed", "-i", f"s/@db-[12]:/@{host}:/", CONFIG)


def test_what_is_confirmed_is_there_and_nothing_is_lost(pair: Sandbox) -> None:
    probe = Probe(pair)
    state = probe.until(True, acknowledged=30)
    assert state == {
        "event": "state", "held": True, "at": pytest.approx(time.monotonic(), abs=WAIT_S),
        "failed": state["failed"], "acknowledged": state["acknowledged"], "error": "",
    }  # fmt: skip
    account = probe.finish()
    assert account["acknowledged"] >= 30
    # An insert that the end overtook may be there as well.
    assert int(sql(pair, "SELECT count(*) FROM drillbook.probe")) >= account["acknowledged"]
    assert (account["lost"], account["lost_s"], account["doubled"]) == ([], 0.0, 0)
    assert (account["held"], account["counted"], account["split_brain"]) == (True, True, False)
    late = [error for error in account["errors"] if LATE.search(error)]
    assert account["errors"] == late
    assert late or account["held_since"] <= state["at"]
    assert min(account["watched"].values()) > 0


def test_deleted_rows_are_lost_and_copied_rows_are_doubled(pair: Sandbox) -> None:
    probe = Probe(pair)
    probe.until(True, acknowledged=30)
    sql(pair, "DELETE FROM drillbook.probe WHERE seq IN (5, 6, 9)")
    sql(pair, "INSERT INTO drillbook.probe SELECT * FROM drillbook.probe WHERE seq IN (2, 3)")
    account = probe.finish()
    # One that was answered too late is not confirmed: it is neither.
    late = any(map(LATE.search, account["errors"]))
    assert account["lost"] == [5, 6, 9] or (late and {*account["lost"]} <= {5, 6, 9})
    assert late or account["lost_s"] > 0.02
    assert account["doubled"] == 2 or (late and account["doubled"] < 2)


def test_a_second_prober_does_not_reuse_numbers(pair: Sandbox) -> None:
    first = Probe(pair)
    first.until(True, acknowledged=10)
    first.finish()
    second = Probe(pair)
    second.until(True, acknowledged=10)
    assert second.finish()["doubled"] == 0
    assert sql(pair, "SELECT count(*) - count(DISTINCT seq) FROM drillbook.probe") == "0"


def test_a_pause_is_a_gap_and_an_unconfirmed_write_is_neither_lost_nor_doubled(
    pair: Sandbox,
) -> None:
    probe = Probe(pair)
    before = probe.until(True, acknowledged=10)
    signal(pair, "db-1", "STOP")
    probe.until(False)
    begin = time.monotonic()
    # Not the first trouble: what was on its way ends in other words.
    state = probe.until(False, error="timeout expired")
    paused_s = time.monotonic() - begin
    signal(pair, "db-1", "CONT")
    after = probe.until(True, acknowledged=state["acknowledged"] + 10)
    account = probe.finish()
    assert account["gap_s"] >= paused_s
    assert (account["lost"], account["doubled"], account["held"]) == ([], 0, True)
    assert before["at"] < state["at"] < min(after["at"], account["held_since"])
    # libpq's own words, and none of our own on the write that got no answer.
    errors = [re.sub(r"\([\d.]+\)", "(...)", text) for text in account["errors"]]
    assert 'connection to server at "db-1" (...), port 5432 failed: timeout expired' in errors
    assert not any(text.startswith("no answer") for text in errors)


def test_after_a_failover_the_new_address_counts_and_rows_not_replicated_are_lost(
    pair: Sandbox,
) -> None:
    probe = Probe(pair)
    probe.until(True, acknowledged=10)
    pair.host("db-1-repl").request("link", timeout_s=30, mode="cut")
    # Not up to a number: the writer and the oracle write side by side.
    there = sql(pair, "SELECT string_agg(seq::text, ' ') FROM drillbook.probe", "db-2")
    replicated = {int(number) for number in there.split()}
    probe.until(True, acknowledged=max(replicated) + 20)
    signal(pair, "db-1", "KILL")
    probe.until(False, error="Connection refused")
    run(pair, "db-2", "pg_ctl", "promote", "-D", "/var/lib/postgresql/data")
    # Promoted but not in the configuration: users are still not served.
    probe.until(False, error="Connection refused")
    repoint(pair, "db-2")
    probe.until(True)
    account = probe.finish()
    assert account["held"] is True
    assert len(account["lost"]) >= 10
    assert not replicated & {*account["lost"]}
    assert account["lost_s"] >= 0.02 * (len(account["lost"]) - 1) / 2
    assert (account["doubled"], account["split_brain"]) == (0, False)


def test_a_kept_connection_does_not_follow_a_changed_configuration(pair: Sandbox) -> None:
    probe = Probe(pair, "connections")
    state = probe.until(True, acknowledged=10)
    repoint(pair, "db-2")  # still a replica: whoever writes there fails
    state = probe.until(True, acknowledged=state["acknowledged"] + 60)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'smartbeak'"
    sql(pair, end)
    refused = "grep --quiet 'cannot execute INSERT in a read-only transaction' $SERVICE_LOG"
    run(pair, "db-2", "bash", "-c", f"until {refused}; do sleep 0.1; done")
    assert "ERROR:  cannot execute INSERT in a read-only transaction" in probe.finish()["errors"]


def test_two_primaries_that_take_writes_are_a_split_brain(pair: Sandbox) -> None:
    probe = Probe(pair)
    probe.until(True, acknowledged=10)
    begin = time.monotonic()
    run(pair, "db-2", "pg_ctl", "promote", "-D", "/var/lib/postgresql/data")
    state = probe.until(True)
    probe.until(True, acknowledged=state["acknowledged"] + 30)
    account = probe.finish()
    assert account["split_brain"] is True
    first, last = account["split_brain_at"]
    assert begin < first <= last <= time.monotonic()
    # Its own writes there were taken back.
    assert sql(pair, "SELECT count(*) FROM drillbook.probe WHERE seq = 0", "db-2") == "0"


def test_a_second_server_that_refuses_writes_is_no_split_brain(pair: Sandbox) -> None:
    probe = Probe(pair)
    probe.until(True, acknowledged=10)
    run(
        pair, "db-2", "bash", "-c",
        "echo 'default_transaction_read_only = on' >>/var/lib/postgresql/node.conf"
        " && pg_ctl reload -D $PGDATA && pg_ctl promote -D $PGDATA",
    )  # fmt: skip
    state = probe.until(True)
    probe.until(True, acknowledged=state["acknowledged"] + 30)
    assert probe.finish()["split_brain"] is False


def test_without_a_table_to_read_nothing_is_called_lost_and_nothing_held(
    pair: Sandbox,
) -> None:
    probe = Probe(pair)
    probe.until(True, acknowledged=10)
    signal(pair, "db-1", "KILL")
    probe.until(False, error="Connection refused")
    account = probe.finish()
    assert (account["counted"], account["held"], account["held_since"]) == (False, False, None)
    assert account["lost"] == []
    assert any(text.endswith("failed: Connection refused") for text in account["errors"])


def test_connections_breaks_when_only_new_ones_are_refused(pair: Sandbox) -> None:
    probe = Probe(pair, "connections")
    probe.until(True, acknowledged=10)
    sql(pair, "ALTER ROLE smartbeak CONNECTION LIMIT 0")
    state = probe.until(False, error='FATAL:  too many connections for role "smartbeak"')
    # The kept connection goes on.
    probe.until(False, acknowledged=state["acknowledged"] + 10)
    sql(pair, "ALTER ROLE smartbeak CONNECTION LIMIT -1")
    probe.until(True)
    assert probe.finish()["held"] is True


def test_replica_breaks_when_the_newest_row_does_not_arrive_though_it_says_streaming(
    pair: Sandbox,
) -> None:
    probe = Probe(pair, "replica")
    probe.until(True, acknowledged=10)
    pair.host("db-1-repl").request("link", timeout_s=30, mode="cut")
    probe.until(False, error=r"db-2: it does not show what was confirmed 0\.5 s ago")
    becomes(pair, "SELECT status FROM pg_stat_wal_receiver", "streaming", "db-2")
    pair.host("db-1-repl").request("link", timeout_s=30, mode="open")
    probe.until(True)
    assert probe.finish()["held"] is True


def test_rows_breaks_on_damage_and_holds_only_with_old_and_new_rows_back(pair: Sandbox) -> None:
    probe = Probe(pair, "rows")
    probe.until(True, acknowledged=10)
    sql(pair, "CREATE TABLE kept AS SELECT * FROM content_items")
    sql(pair, "DELETE FROM content_items WHERE id IN ('content_7', 'content_8');"
              " UPDATE content_items SET title = 'x' WHERE id = 'content_9'")  # fmt: skip
    probe.until(False, error="content_items: of 2000 rows 2 are missing and 1 changed")
    sql(pair, "INSERT INTO content_items SELECT * FROM kept WHERE id IN ('content_7', 'content_8')")
    probe.until(False, error="content_items: of 2000 rows 0 are missing and 1 changed")
    sql(pair, "UPDATE content_items SET title = kept.title FROM kept"
              " WHERE content_items.id = kept.id AND kept.id = 'content_9'")  # fmt: skip
    probe.until(True)
    # A new row is no damage; a confirmed row that vanishes is.
    sql(pair, "INSERT INTO content_items (id, domain_id, title, body, status)"
              " VALUES ('new', 'dom_1', 't', 'b', 'draft')")  # fmt: skip
    sql(pair, "DELETE FROM drillbook.probe WHERE seq = 3")
    probe.until(False, error="^1 confirmed rows are missing$")
    account = probe.finish()
    assert account["held"] is False
    assert account["lost"] == [3]


def test_roles_wants_the_first_node_as_primary_and_the_other_behind_it(pair: Sandbox) -> None:
    probe = Probe(pair, "roles")
    probe.until(True, acknowledged=10)
    signal(pair, "db-2", "KILL")
    probe.until(False, error="db-2.*Connection refused")
    run(pair, "db-2", "pg_ctl", "start", "-D", "/var/lib/postgresql/data", "-l", "/tmp/log")
    probe.until(True)
    run(pair, "db-2", "pg_ctl", "promote", "-D", "/var/lib/postgresql/data")
    probe.until(False, error="db-2: it is not in recovery")
    probe.finish()


def test_the_address_is_that_of_the_last_line_that_sets_it(tmp_path: Path) -> None:
    config = tmp_path / "platform.env"
    config.write_text(
        "# CONTROL_PLANE_DB=commented\nCONTROL_PLANE_DB=postgres://a@b/c\nOTHER=1\n"
        "export CONTROL_PLANE_DB='postgres://d@e/f?x=y'\n"
    )
    assert read_address(config) == "postgres://d@e/f?x=y"


def test_a_configuration_without_an_address_is_said(tmp_path: Path) -> None:
    config = tmp_path / "platform.env"
    with pytest.raises(SessionError, match=r"platform\.env: .*No such file"):
        read_address(config)
    config.write_text("OTHER=1\n")
    with pytest.raises(SessionError, match=r"platform\.env has no CONTROL_PLANE_DB$"):
        read_address(config)


def test_no_address_at_the_start_ends_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(tmp_path / "none.env")
    assert prober.main(["--config", config, "--oracle", "writes", "--nodes", "a"]) == 1
    assert capsys.readouterr().err == (
        f"prober: {config}: [Errno 2] No such file or directory: '{config}'\n"
    )


def test_an_oracle_of_the_platform_wants_a_platform(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "platform.env"
    config.write_text("CONTROL_PLANE_DB=postgres://a@b/c\n")
    argv = ["--config", str(config), "--oracle", "redis", "--hosts", "app,redis-1"]
    assert prober.main(argv) == 1
    assert capsys.readouterr().err == "prober: there is no host `api`\n"
