"""Guards of a database, asked on the operator's machine.

Each reason for which one refuses is seen, by its own words. The servers are stand-ins; that
the questions are right is seen against real ones by the runbooks' drills.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from smartbeak_ops import postgres, reading, settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.guards import database, sql
from smartbeak_ops.looks import sql as looking
from tests.stack.guards.fakes import (
    KNOWN,
    MP,
    Fake,
    refused,
    roles,
    serve,
    unknown,
)

PROGRESS = {"recovering": True, "replayed": "0/5", "at": "03:00", "pause": "not paused"}


def replica(**changes: object) -> Fake:
    return Fake({sql.PROGRESS: [PROGRESS | changes]})


class TestPromote:
    def ask(
        self, monkeypatch: MP, other: str, off: str | None = None, **changes: object
    ) -> Callable[[], str]:
        serve(monkeypatch, "superuser", {"db-2": replica(**changes)})
        roles(monkeypatch, "role_of", {"db-1": other})
        return lambda: database.promote("db-2", off)

    def test_a_replica_whose_primary_refuses_connections(self, monkeypatch: MP) -> None:
        said = self.ask(monkeypatch, "refused")()
        assert said == "db-2 has everything up to 0/5, the last row of 03:00"

    @pytest.mark.parametrize("state", ["no answer", "closed", "unknown host"])
    def test_silence_is_not_death(self, monkeypatch: MP, state: str) -> None:
        text = (
            "db-1 is silent, not dead: fence it; or power it off, see that it is, "
            "and add --off db-1"
        )
        assert refused(self.ask(monkeypatch, state)) == text
        assert refused(self.ask(monkeypatch, state, off="db-2")) == text
        assert self.ask(monkeypatch, state, off="db-1")()

    @pytest.mark.parametrize(
        "state",
        [
            *("primary", "replica", "starting", "stopping", "fenced", "no free connection"),
            *("wrong password", "no password", "certificate", "error"),
        ],
    )
    def test_whatever_answers_would_take_writes(self, monkeypatch: MP, state: str) -> None:
        text = "db-1 still answers: two primaries would take writes"
        assert refused(self.ask(monkeypatch, state)) == text
        assert refused(self.ask(monkeypatch, state, off="db-1")) == text

    def test_no_replica(self, monkeypatch: MP) -> None:
        assert refused(self.ask(monkeypatch, "refused", recovering=False)) == "db-2 is no replica"

    @pytest.mark.parametrize("pause", ["paused", "pause requested"])
    def test_paused_replay(self, monkeypatch: MP, pause: str) -> None:
        assert refused(self.ask(monkeypatch, "refused", pause=pause)) == (
            "db-2 has paused replay: promoted now it ends or lacks rows; "
            "runbooks/database-failover/replay-paused"
        )

    def test_a_replica_that_does_not_answer(self, monkeypatch: MP) -> None:
        serve(monkeypatch, "superuser", {"db-2": ServiceError("Connection refused")})
        said = refused(lambda: database.promote("db-2"))
        assert said == "db-2 does not answer: Connection refused"

    def test_a_host_that_is_none_of_the_pair(self) -> None:
        assert refused(lambda: database.promote("db-3")) == "db-3 is none of db-1 and db-2"

    def test_the_other_way_round(self, monkeypatch: MP) -> None:
        serve(monkeypatch, "superuser", {"db-1": replica()})
        roles(monkeypatch, "role_of", {"db-2": "primary"})
        assert refused(lambda: database.promote("db-1")).startswith("db-2 still answers")


def test_repoint(monkeypatch: MP) -> None:
    roles(monkeypatch, "role_of", {"db-1": "refused", "db-2": "primary"})
    database.repoint("db-2")
    roles(monkeypatch, "role_of", {"db-1": "primary", "db-2": "replica"})
    assert refused(lambda: database.repoint("db-2")) == "db-2 is no primary: replica"
    roles(monkeypatch, "role_of", {"db-1": "primary", "db-2": "primary"})
    said = "db-1 is primary as well: fence it first"
    assert refused(lambda: database.repoint("db-2")) == said


def test_switch(monkeypatch: MP) -> None:
    def ask(rows: list[dict[str, float]], **found: str) -> Callable[[], None]:
        roles(monkeypatch, "role_of", {"db-1": "primary", "db-2": "replica"} | found)
        serve(monkeypatch, "superuser", {"db-1": Fake({sql.FOLLOWERS: rows})})
        return database.switch

    ask([{"behind": 1_000_000.0}, {"behind": 9e9}])()
    assert refused(ask([{"behind": 1_000_001.0}])) == "db-2 is 1000001 bytes behind"
    assert refused(ask([])) == "nothing streams from db-1"
    assert refused(ask([], **{"db-1": "replica"})) == "db-1 is no primary: replica"
    assert refused(ask([], **{"db-2": "refused"})) == "db-2 is no replica: refused"


def test_end_idle(monkeypatch: MP) -> None:
    def ordinary(count: int) -> Fake:
        fake = Fake({sql.ORDINARY: [{"count": count}]})
        serve(monkeypatch, "superuser", {"db-1": fake})
        return fake

    fake = ordinary(1)
    database.end_idle("report-worker", "smartbeak", "smartbeak")
    assert fake.asked == [(sql.ORDINARY, ["smartbeak"])]
    assert refused(lambda: database.end_idle("x", "smartbeak", "postgres")) == (
        "postgres is not the platform's database"
    )
    assert refused(lambda: database.end_idle("", "smartbeak", "smartbeak")) == (
        "no application is named, and all sessions are never ended"
    )
    for own in ("smartbeak-api", "smartbeak-web", "smartbeak-worker", "smartbeak-worker-eu"):
        assert refused(database.end_idle, own, "smartbeak", "smartbeak") == (
            f"{own} is the platform's own: runbooks/database-failover/pools-too-large"
        )
    ordinary(0)
    said = refused(lambda: database.end_idle("x", "postgres", "smartbeak"))
    assert said == "postgres is no ordinary role"


SESSION = {
    "pid": 7,
    "usename": "smartbeak",
    "application_name": "psql",
    "state": "active",
    "backend_type": "client backend",
    "rolsuper": False,
    "blocks": 3,
    "open_s": 5.0,
    "behind": 0,
}


class TestReboot:
    MANAGED = settings.Settings(
        {
            "CONTROL_PLANE_DB": "postgres://smartbeak@smartbeak-production.x.rds.amazonaws.com/smartbeak"
        }
    )

    def ask(
        self, monkeypatch: MP, found: Fake | ServiceError, known: settings.Settings = MANAGED
    ) -> Callable[[], None]:
        def connect(address: str) -> Fake:
            assert address == known.database
            if isinstance(found, ServiceError):
                raise found
            return found

        monkeypatch.setattr(postgres, "Server", connect)
        monkeypatch.setattr(settings, "read", lambda: known)
        return database.reboot

    @staticmethod
    def server(recovering: bool) -> Fake:
        return Fake({looking.ACCESS: [{"recovering": recovering, "read_only": False}]})

    @pytest.mark.parametrize(
        ("said", "state"),
        [
            ("Connection refused", "refused"),
            ("timeout expired", "no answer"),
            ("server closed the connection unexpectedly", "closed"),
            ("FATAL:  the database system is starting up", "starting"),
        ],
    )
    def test_a_database_that_is_gone(self, monkeypatch: MP, said: str, state: str) -> None:
        error = ServiceError(said)
        assert error.state == state
        self.ask(monkeypatch, error)()

    def test_a_database_that_takes_no_writes(self, monkeypatch: MP) -> None:
        self.ask(monkeypatch, self.server(recovering=True))()

    def test_one_that_takes_writes(self, monkeypatch: MP) -> None:
        said = refused(self.ask(monkeypatch, self.server(recovering=False)))
        assert said == "the database answers as a primary: a failover ends every session"

    @pytest.mark.parametrize(
        "said",
        [
            'FATAL:  password authentication failed for user "smartbeak"',
            'could not translate host name "x" to address: Name or service not known',
        ],
    )
    def test_what_another_server_does_not_mend(self, monkeypatch: MP, said: str) -> None:
        text = refused(self.ask(monkeypatch, ServiceError(said)))
        assert text == f"a failover does not mend that: {ServiceError(said).said}"

    def test_a_pair_of_our_own(self, monkeypatch: MP) -> None:
        said = refused(self.ask(monkeypatch, self.server(recovering=True), KNOWN))
        assert said == "the platform's database is not managed: sb triage postgres"


class TestSessions:
    def have(self, monkeypatch: MP, **changes: object) -> Fake:
        fake = Fake({sql.SESSION: [SESSION | changes]})
        serve(monkeypatch, "superuser", {"db-1": fake})
        return fake

    def test_one_that_others_wait_for(self, monkeypatch: MP) -> None:
        fake = self.have(monkeypatch)
        who = "session 7 of smartbeak, psql, active; 3 wait for it"
        assert (database.cancel(7), database.end_session(7)) == (who, who)
        assert fake.asked == [(sql.SESSION, [7])] * 2

    @pytest.mark.parametrize("old", [{"open_s": 3601.0}, {"behind": 100_001}])
    def test_one_that_vacuum_waits_for(self, monkeypatch: MP, old: dict[str, float]) -> None:
        self.have(monkeypatch, blocks=0, **old)
        who = f"session 7 of smartbeak, psql, active; vacuum waits for it, {old.get('behind', 0)} "
        assert database.cancel(7) == database.end_session(7) == f"{who}transactions behind"

    def test_one_without_a_name(self, monkeypatch: MP) -> None:
        self.have(monkeypatch, application_name="")
        assert "smartbeak, without a name, active" in database.end_session(7)

    @pytest.mark.parametrize("guard", [database.cancel, database.end_session])
    def test_what_is_never_ended(self, monkeypatch: MP, guard: Callable[..., str]) -> None:
        serve(monkeypatch, "superuser", {"db-1": Fake({sql.SESSION: []})})
        assert refused(lambda: guard(7)) == "db-1 has no session 7"
        self.have(monkeypatch, backend_type="walsender")
        assert refused(lambda: guard(7)) == "session 7 is the server's own: walsender"
        self.have(monkeypatch, blocks=0, open_s=3600.0, behind=100_000)
        assert refused(lambda: guard(7)) == (
            "nobody waits for session 7, and it does not hold up vacuum"
        )
        serve(monkeypatch, "superuser", {"db-1": ServiceError("timeout expired")})
        assert unknown(lambda: guard(7)) == "db-1: no answer"

    @pytest.mark.parametrize("guard", [database.cancel, database.end_session])
    def test_a_superusers_needs_who_decided(
        self, monkeypatch: MP, guard: Callable[..., str]
    ) -> None:
        self.have(monkeypatch, rolsuper=True)
        said = (
            "session 7 is a superuser's: the Database administrator decides; "
            "then add --decided-by with a name"
        )
        assert refused(lambda: guard(7)) == said
        assert refused(lambda: guard(7, "")) == said
        assert guard(7, "somebody")

    @pytest.mark.parametrize("state", ["idle in transaction", "idle"])
    def test_cancelling_what_runs_nothing(self, monkeypatch: MP, state: str) -> None:
        self.have(monkeypatch, state=state)
        assert refused(lambda: database.cancel(7)) == (
            f"session 7 runs no statement ({state}): cancelling does nothing, end it"
        )
        assert database.end_session(7)


def test_set_password(monkeypatch: MP) -> None:
    def ask(role: str = "primary", state: str = "wrong password", ordinary: int = 1) -> None:
        roles(monkeypatch, "role_of", {"db-1": role})
        serve(monkeypatch, "superuser", {"db-1": Fake({sql.ORDINARY: [{"count": ordinary}]})})
        monkeypatch.setattr(reading, "platform_state", lambda asked: state if asked else "")
        database.set_password("smartbeak")

    ask()
    assert refused(lambda: ask(role="replica")) == "db-1 is no primary: replica"
    assert refused(lambda: ask(ordinary=0)) == "smartbeak is no ordinary role"
    for state in ("open", "refused", "no answer"):
        assert refused(partial(ask, state=state)) == "the password is not what fails"


def test_size(monkeypatch: MP) -> None:
    serve(monkeypatch, "superuser", {"db-1": Fake({sql.SLOTS: [{"slots": 25}]})})
    database.size(5, 4)
    database.size(1, 20)
    said = "25 slots are too few for 4 processes with 6 each"
    assert refused(lambda: database.size(6, 4)) == said
    assert refused(lambda: database.size(0, 4)) == "a pool needs a connection at least"
    assert refused(lambda: database.size(5, 3)) == "4 processes may run at once, not 3"


def test_drop_slot(monkeypatch: MP) -> None:
    def ask(*rows: dict[str, Any]) -> Fake:
        fake = Fake({sql.SLOT: rows})
        serve(monkeypatch, "superuser", {"db-1": fake})
        return fake

    fake = ask({"active": False, "active_pid": None})
    database.drop_slot("old")
    assert fake.asked == [(sql.SLOT, ["old"])]
    ask()
    assert refused(lambda: database.drop_slot("old")) == "db-1 has no slot old"
    ask({"active": True, "active_pid": 9})
    assert refused(lambda: database.drop_slot("old")) == "somebody reads old: process 9"


def test_the_address_must_name_a_host_of_the_pair() -> None:
    other = settings.Settings({"CONTROL_PLANE_DB": "postgres://u:p@db-9:5432/smartbeak"})
    said = "the platform's address ends in db-9:5432/smartbeak, not in this pair"
    assert refused(lambda: other.primary) == said
    assert refused(lambda: other.master) == (
        "the platform's address ends in nothing, not in this pair"
    )
    assert (KNOWN.primary, KNOWN.replica, KNOWN.master) == ("db-1", "db-2", "redis-1")
    third = settings.Settings({"REDIS_URL": "redis://:hidden@redis-9:6379/0"})
    said = "the platform's address ends in redis-9:6379/0, not in this pair"
    assert refused(lambda: third.master) == said
