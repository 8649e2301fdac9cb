"""Faults: what each really does to a running stack."""

from __future__ import annotations

import pytest

from drillbook.errors import HarnessError
from drillbook.sandboxes.sandbox import Sandbox
from tests.stack.expressions import (
    inject,
    parse,
)
from tests.stack.test_prober import CONFIG, Probe, becomes, run, signal, sql


def test_kill_leaves_no_process_of_the_service(pair: Sandbox) -> None:
    probe = Probe(pair)
    probe.until(True, acknowledged=10)
    inject(parse("kill db-1"), pair)
    probe.until(False, error="Connection refused")
    assert run(pair, "db-1", "bash", "-c", "pgrep -c postgres || [[ $? = 1 ]]") == "0\n"
    assert probe.finish()["held"] is False


def test_stop_shuts_down_in_order(pair: Sandbox) -> None:
    probe = Probe(pair)
    probe.until(True, acknowledged=10)
    inject(parse("stop db-1"), pair)
    probe.until(False, error="Connection refused")
    run(pair, "db-1", "bash", "-c", "while [[ -e $PGDATA/postmaster.pid ]]; do sleep 0.02; done")
    data = run(pair, "db-1", "pg_controldata", "/var/lib/postgresql/data")
    assert "Database cluster state:               shut down\n" in data
    assert "FATAL:  terminating connection due to administrator command" in probe.finish()["errors"]


def test_resume_ends_a_pause(pair: Sandbox) -> None:
    probe = Probe(pair)
    probe.until(True, acknowledged=10)
    inject(parse("pause db-1"), pair)
    probe.until(False)
    inject(parse("cut db-1-repl; resume db-1"), pair)
    probe.until(True)
    assert probe.finish()["held"] is True


def test_a_delay_on_the_link_holds_new_rows_back(pair: Sandbox) -> None:
    probe = Probe(pair, "replica")
    probe.until(True, acknowledged=10)
    inject(parse("delay db-1-repl 2s"), pair)
    probe.until(False, error="db-2: it does not show")
    inject(parse("delay db-1-repl 1ms"), pair)
    probe.until(True)
    probe.finish()


def test_used_up_connections_stay_so_until_the_sessions_are_ended(pair: Sandbox) -> None:
    probe = Probe(pair, "connections")
    probe.until(True, acknowledged=10)
    inject(parse("exhaust db-1"), pair)
    state = probe.until(False, error="FATAL:  remaining connection slots are reserved for ")
    # A superuser still gets in; who only makes room for one session gains nothing.
    leaked = "FROM pg_stat_activity WHERE application_name = 'smartbeak-report-worker'"
    becomes(pair, f"SELECT count(*) >= 20 {leaked} AND state = 'idle'", "t")
    probe.until(False, acknowledged=state["acknowledged"] + 20)
    sql(pair, f"SELECT pg_terminate_backend(pid, 60000) {leaked}")
    state = probe.until(True)
    probe.until(True, acknowledged=state["acknowledged"] + 30)
    assert int(sql(pair, f"SELECT count(*) {leaked}")) <= 1
    assert probe.finish()["held"] is True


def test_broken_replication_asks_for_wal_that_is_gone_and_does_not_mend_itself(
    pair: Sandbox,
) -> None:
    probe = Probe(pair, "replica")
    probe.until(True, acknowledged=10)
    inject(parse("break-replication db-2"), pair)
    state = probe.until(False, error="db-2")
    probe.until(False, acknowledged=state["acknowledged"] + 50)
    asked = "ERROR:  requested WAL segment 0000000100000000000000.. has already been removed"
    run(
        pair, "db-2", "bash", "-c", f"until grep --quiet '{asked}' $SERVICE_LOG; do sleep 0.1; done"
    )
    # The primary has lost nothing, and a new copy of it helps.
    signal(pair, "db-2", "KILL")
    run(
        pair, "db-2", "bash", "-c",
        "rm -rf $PGDATA && pg_basebackup -d 'host=db-1.repl user=replicator' -D $PGDATA -c fast"
        " && touch $PGDATA/standby.signal && pg_ctl start -w -D $PGDATA -l /tmp/log",
    )  # fmt: skip
    probe.until(True)
    account = probe.finish()
    assert (account["lost"], account["held"]) == ([], True)


def test_replication_that_is_already_broken_cannot_be_broken(pair: Sandbox) -> None:
    inject(parse("lose-data db-2"), pair)
    with pytest.raises(HarnessError, match=r"fault-failed: `break-replication db-2`: `psql "):
        inject(parse("break-replication db-2"), pair)


def test_lost_data_is_gone(pair: Sandbox) -> None:
    probe = Probe(pair, "replica")
    probe.until(True, acknowledged=10)
    inject(parse("lose-data db-2"), pair)
    probe.until(False, error="db-2.*Connection refused")
    assert run(pair, "db-2", "ls", "-A", "/var/lib/postgresql/data") == ""
    probe.finish()


def test_a_bad_statement_damages_rows(pair: Sandbox) -> None:
    probe = Probe(pair, "rows")
    probe.until(True, acknowledged=10)
    inject(parse("run-sql db-1 archive-everything.sql"), pair)
    # One row was put back by a user since.
    probe.until(False, error="content_items: of 2000 rows 0 are missing and 1999 changed")
    assert probe.finish()["lost"] == []


def test_an_old_primary_is_left_with_nothing_that_only_it_has(pair: Sandbox) -> None:
    probe = Probe(pair, "replica")
    probe.until(True, acknowledged=10)
    # What users are told now is on the replica two seconds later: a kill alone would lose it.
    inject(parse("delay db-1-repl 2s"), pair)
    inject(parse("leave-primary"), pair)
    probe.until(False, error="db-1.*Connection refused")
    assert probe.finish()["lost"] == []
    kept = run(pair, "db-1", "cat", "/var/lib/postgresql/data/postgresql.auto.conf")
    assert "synchronous_standby_names" not in kept


def test_swapped_roles_are_those_after_a_failover_without_loss(pair: Sandbox) -> None:
    probe = Probe(pair, "roles")
    probe.until(True, acknowledged=10)
    inject(parse("swap-roles"), pair)
    state = probe.until(False, error="db-1 is not a writable primary")
    assert sql(pair, "SELECT pg_is_in_recovery()") == "t"
    becomes(
        pair, "SELECT status, sender_host FROM pg_stat_wal_receiver", "streaming|db-2.repl"
    )  # fmt: skip
    assert "@db-2:5432/" in run(pair, "app", "cat", CONFIG)
    # The platform writes to db-2.
    probe.until(False, acknowledged=state["acknowledged"] + 30)
    account = probe.finish()
    assert (account["lost"], account["split_brain"]) == ([], False)
