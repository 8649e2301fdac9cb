"""Guards of `sb may`: each reason for which one refuses is seen, by its own words.

The servers are stand-ins that answer the guards' questions; that the questions are right is
seen against real servers in test_ops_triage.py and by the runbooks' drills.
"""

from __future__ import annotations

import shutil
import subprocess
import types
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from smartbeak_ops import postgres, posts, reading, redisdb, settings, web
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.guards import cache, database, publishing, server, sql
from smartbeak_ops.looks import host, queues
from smartbeak_ops.looks import publishing_sql as psql
from smartbeak_ops.refusal import RefusedError, UnknownError

MP = pytest.MonkeyPatch
KNOWN = settings.Settings(
    {
        "CONTROL_PLANE_DB": "postgres://smartbeak:secret@db-1:5432/smartbeak",
        "REDIS_URL": "redis://redis-1:6379/0",
    }
)


class Fake:
    """A server that answers each question with the rows it was given."""

    def __init__(self, answers: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, list[Any]]] = []

    def __enter__(self) -> Fake:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        self.asked.append((query, list(values)))
        assert query.count("%s") == len(values)
        assert None not in values
        return [dict(row) for row in self.answers[query]]

    def one(self, query: str, values: Sequence[Any] = ()) -> dict[str, Any]:
        return self.rows(query, values)[0]

    def value(self, query: str, values: Sequence[Any] = ()) -> Any:
        return next(iter(self.one(query, values).values()))


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


def refused(call: Callable[..., object], *given: object) -> str:
    """Why a guard refuses."""
    with pytest.raises(RefusedError) as error:
        call(*given)
    return error.value.reason


def unknown(call: Callable[..., object], *given: object) -> str:
    """What a guard could not find out."""
    with pytest.raises(UnknownError) as error:
        call(*given)
    return error.value.reason


def serve(monkeypatch: MP, name: str, hosts: Mapping[str, Fake | ServiceError]) -> None:
    """Has a function of `postgres` answer by host."""

    def connect(where: str = "here") -> Fake:
        found = hosts[where]
        if isinstance(found, ServiceError):
            raise found
        return found

    monkeypatch.setattr(postgres, name, connect)


def roles(monkeypatch: MP, name: str, found: Mapping[str, str]) -> None:
    """Has a question of `reading` be answered by host."""
    monkeypatch.setattr(reading, name, lambda where: found[where])


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
}


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

    def test_one_without_a_name(self, monkeypatch: MP) -> None:
        self.have(monkeypatch, application_name="")
        assert "smartbeak, without a name, active" in database.end_session(7)

    @pytest.mark.parametrize("guard", [database.cancel, database.end_session])
    def test_what_is_never_ended(self, monkeypatch: MP, guard: Callable[..., str]) -> None:
        serve(monkeypatch, "superuser", {"db-1": Fake({sql.SESSION: []})})
        assert refused(lambda: guard(7)) == "db-1 has no session 7"
        self.have(monkeypatch, backend_type="walsender")
        assert refused(lambda: guard(7)) == "session 7 is the server's own: walsender"
        self.have(monkeypatch, blocks=0)
        assert refused(lambda: guard(7)) == "nobody waits for session 7"
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


@pytest.fixture
def data(monkeypatch: MP, tmp_path: Path) -> Path:
    """A database host whose server does not run, with a data folder."""
    folder = tmp_path / "data"
    (folder / "global").mkdir(parents=True)
    (folder / "global/pg_control").touch()
    monkeypatch.setattr(host, "data_folder", lambda: folder)
    monkeypatch.setattr(settings, "here", lambda: "db-1")
    monkeypatch.setattr(host, "running", lambda name: [])
    monkeypatch.setattr(host, "free", lambda where: 50)
    monkeypatch.setattr(host, "room", {folder: "1 MB"}.__getitem__)
    monkeypatch.setattr(host, "cluster_state", {folder: "shut down"}.__getitem__)
    roles(monkeypatch, "role_seen_by_peer", {"db-2": "replica"})
    return folder


def runs(monkeypatch: MP, name: str) -> None:
    monkeypatch.setattr(host, "running", lambda asked: [1] if asked == name else [])


SERVER_GUARDS = [
    *(server.start, server.fence, server.rewind, server.follow, server.copy, server.exchange),
]


@pytest.mark.parametrize("guard", SERVER_GUARDS)
def test_a_database_hosts_guard_is_asked_there(monkeypatch: MP, guard: Callable[[], None]) -> None:
    monkeypatch.setattr(host, "data_folder", lambda: None)
    monkeypatch.setattr(settings, "here", lambda: "ops")
    assert refused(guard) == "ops is no database host: type this on the one you mean"


class TestStart:
    def test_a_dead_primary(self, data: Path) -> None:
        server.start()

    def test_running(self, data: Path, monkeypatch: MP) -> None:
        runs(monkeypatch, "postgres")
        assert refused(server.start) == "a server runs on db-1 already"

    def test_no_data(self, data: Path) -> None:
        (data / "global/pg_control").unlink()
        said = "the data folder is gone: runbooks/database-failover/disk-gone"
        assert refused(server.start) == said

    def test_a_full_disk(self, data: Path, monkeypatch: MP) -> None:
        monkeypatch.setattr(host, "free", lambda where: 3 if where == data else 0)
        server.start()
        monkeypatch.setattr(host, "free", lambda where: 2)
        assert refused(server.start) == (
            "its disk is full, 1 MB are free: runbooks/database-failover/disk-full"
        )

    def test_another_primary(self, data: Path, monkeypatch: MP) -> None:
        roles(monkeypatch, "role_seen_by_peer", {"db-2": "primary"})
        assert refused(server.start) == "db-2 is primary now, rewind this server instead"
        (data / "standby.signal").touch()
        server.start()

    @pytest.mark.parametrize("state", ["no answer", "closed", "unknown host"])
    def test_another_that_is_silent(self, data: Path, monkeypatch: MP, state: str) -> None:
        roles(monkeypatch, "role_seen_by_peer", {"db-2": state})
        said = "db-2 is silent and may be primary: see that it is off, and add --off db-2"
        assert refused(server.start) == said
        assert refused(lambda: server.start("db-1")) == said
        server.start("db-2")

    def test_another_that_is_dead(self, data: Path, monkeypatch: MP) -> None:
        roles(monkeypatch, "role_seen_by_peer", {"db-2": "refused"})
        server.start()


def test_fence(data: Path, monkeypatch: MP) -> None:
    query = "SELECT pg_is_in_recovery()"
    serve(monkeypatch, "local", {"here": ServiceError("timeout expired")})
    server.fence()
    serve(monkeypatch, "local", {"here": Fake({query: [{"f": False}]})})
    said = "this server answers and is the only primary: there is nothing to fence"
    assert refused(server.fence) == said
    roles(monkeypatch, "role_seen_by_peer", {"db-2": "primary"})
    server.fence()
    serve(monkeypatch, "local", {"here": Fake({query: [{"f": True}]})})
    assert refused(server.fence) == "this server is a replica, and takes no writes"


class TestRewind:
    def ask(
        self, monkeypatch: MP, theirs: int = 2, version: int = 150000, own: int | None = 1
    ) -> Callable[[], None]:
        roles(monkeypatch, "role_seen_by_peer", {"db-2": "primary"})
        row = {"timeline_id": theirs, "version": version}
        serve(monkeypatch, "replicator", {"db-2": Fake({sql.TIMELINE: [row]})})
        monkeypatch.setattr(server, "timeline", lambda where: own)
        return server.rewind

    def test_an_old_primary(self, data: Path, monkeypatch: MP) -> None:
        self.ask(monkeypatch)()
        self.ask(monkeypatch, own=None)()

    def test_running(self, data: Path, monkeypatch: MP) -> None:
        runs(monkeypatch, "postgres")
        assert refused(self.ask(monkeypatch)) == "a server runs on db-1 already"

    def test_twice(self, data: Path, monkeypatch: MP) -> None:
        (data / "standby.signal").touch()
        said = "it was rewound already: rewound twice it is ruined"
        assert refused(self.ask(monkeypatch)) == said

    def test_nothing_to_rewind_to(self, data: Path, monkeypatch: MP) -> None:
        ask = self.ask(monkeypatch)
        roles(monkeypatch, "role_seen_by_peer", {"db-2": "replica"})
        assert refused(ask) == "db-2 is no primary to rewind to: replica"

    def test_without_a_checkpoint(self, data: Path, monkeypatch: MP) -> None:
        said = "db-2 made no checkpoint since its promotion: CHECKPOINT there first"
        assert refused(self.ask(monkeypatch, theirs=1)) == said
        assert refused(self.ask(monkeypatch, theirs=1, version=159999)) == said
        self.ask(monkeypatch, theirs=1, version=160000)()


def test_the_timeline_is_read_from_the_control_file(data: Path, monkeypatch: MP) -> None:
    asked: list[Any] = []

    def run(command: list[str], **options: Any) -> Any:
        asked.append((command, options["timeout"]))
        return types.SimpleNamespace(
            stdout="Latest checkpoint's TimeLineID:       12\n"
            "Latest checkpoint's PrevTimeLineID:   11\n"
        )

    monkeypatch.setattr(subprocess, "run", run)
    assert server.timeline(data) == 12
    assert asked == [(["pg_controldata", str(data)], 3)]
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: types.SimpleNamespace(stdout="odd"))
    assert server.timeline(data) is None

    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", missing)
    assert server.timeline(data) is None


class TestFollow:
    @pytest.fixture(autouse=True)
    def primary(self, data: Path, monkeypatch: MP) -> None:
        roles(monkeypatch, "role_seen_by_peer", {"db-2": "primary"})
        (data / "standby.signal").touch()

    def test_one_that_stopped_in_order(self) -> None:
        server.follow()

    def test_running(self, monkeypatch: MP) -> None:
        runs(monkeypatch, "postgres")
        assert refused(server.follow) == "a server runs on db-1 already"

    def test_without_the_signal(self, data: Path) -> None:
        (data / "standby.signal").unlink()
        said = "there is no standby.signal: it would start as a primary"
        assert refused(server.follow) == said

    def test_not_rewound(self, data: Path, monkeypatch: MP) -> None:
        monkeypatch.setattr(host, "cluster_state", lambda where: "in production")
        said = "it was a primary and was not rewound: it has rows of its own"
        assert refused(server.follow) == said
        (data / "backup_label").touch()
        server.follow()

    def test_nobody_to_follow(self, monkeypatch: MP) -> None:
        roles(monkeypatch, "role_seen_by_peer", {"db-2": "refused"})
        assert refused(server.follow) == "db-2 is no primary to follow: refused"


def usage(monkeypatch: MP, free: int) -> None:
    def told(where: Path) -> object:
        assert where.is_dir()
        return types.SimpleNamespace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", told)


class TestCopy:
    @pytest.fixture(autouse=True)
    def replica(self, data: Path, monkeypatch: MP) -> None:
        roles(monkeypatch, "role_seen_by_peer", {"db-2": "primary"})
        roles(monkeypatch, "link_state", {"db-2": "open"})
        (data / "standby.signal").touch()
        (data / "rows").write_bytes(b"12345")
        usage(monkeypatch, 5)

    def test_a_replica_with_room(self) -> None:
        server.copy()

    def test_no_replica(self, data: Path) -> None:
        (data / "standby.signal").unlink()
        assert refused(server.copy) == "this server is no replica"

    def test_a_copy_that_is_there(self, data: Path) -> None:
        fresh = data.with_name("data.new")
        fresh.mkdir()
        assert refused(server.copy) == f"{fresh} is there already: look what is in it"

    def test_nothing_to_copy(self, monkeypatch: MP) -> None:
        roles(monkeypatch, "role_seen_by_peer", {"db-2": "starting"})
        assert refused(server.copy) == "db-2 is no primary to copy: starting"

    def test_a_dead_link(self, monkeypatch: MP) -> None:
        roles(monkeypatch, "link_state", {"db-2": "no answer"})
        said = "the link db-2.repl is dead (no answer): a copy does not mend it"
        assert refused(server.copy) == said

    def test_no_room(self, monkeypatch: MP) -> None:
        usage(monkeypatch, 4)
        assert refused(server.copy) == "5 bytes are needed, 4 are free"


class TestExchange:
    @pytest.fixture(autouse=True)
    def copied(self, data: Path) -> Path:
        fresh = data.with_name("data.new")
        fresh.mkdir()
        for name in ("PG_VERSION", "backup_manifest"):
            (fresh / name).touch()
        (data / "standby.signal").touch()
        return fresh

    def test_a_finished_copy(self) -> None:
        server.exchange()

    def test_no_replica(self, data: Path) -> None:
        (data / "standby.signal").unlink()
        assert refused(server.exchange) == "this server is no replica"

    def test_no_copy(self, copied: Path) -> None:
        (copied / "PG_VERSION").unlink()
        assert refused(server.exchange) == f"there is no copy in {copied}"

    def test_half_a_copy(self, copied: Path) -> None:
        (copied / "backup_manifest").unlink()
        assert refused(server.exchange) == f"the copy in {copied} was not finished"

    def test_twice(self, data: Path) -> None:
        old = data.with_name("data.old")
        old.mkdir()
        said = f"{old} is there already: the folders were exchanged before"
        assert refused(server.exchange) == said


class TestRestore:
    @pytest.fixture(autouse=True)
    def there(self, data: Path, tmp_path: Path, monkeypatch: MP) -> None:
        self.backup, self.target = tmp_path / "backup", tmp_path / "restored"
        self.backup.mkdir()
        (self.backup / "backup_label").write_text("12345")
        query = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
        serve(monkeypatch, "local", {"here": Fake({query: [{"x": "100"}]})})
        usage(monkeypatch, 5)

    def ask(self, transaction: int = 50) -> None:
        server.restore(transaction, self.backup, self.target)

    def test_a_transaction_of_this_server(self) -> None:
        self.ask()
        self.ask(3)
        self.ask(99)

    @pytest.mark.parametrize("transaction", [0, 2, 100, 101])
    def test_another_transaction(self, transaction: int) -> None:
        said = f"{transaction} is no transaction of this server"
        assert refused(lambda: self.ask(transaction)) == said

    def test_twice(self) -> None:
        self.target.mkdir()
        said = f"{self.target} is there already: remove the restored server first"
        assert refused(self.ask) == said

    def test_no_backup(self) -> None:
        (self.backup / "backup_label").unlink()
        assert refused(self.ask) == f"{self.backup} is no base backup"

    def test_over_the_primary(self, data: Path) -> None:
        said = "the primary's own folder is never restored over"
        self.target = data / "restored"
        assert refused(self.ask) == said

    def test_a_primary_that_does_not_answer(self, monkeypatch: MP) -> None:
        serve(monkeypatch, "local", {"here": ServiceError("Connection refused")})
        assert refused(self.ask) == "the primary does not answer: Connection refused"

    def test_no_room(self, monkeypatch: MP) -> None:
        usage(monkeypatch, 4)
        assert refused(self.ask) == "5 bytes are needed, 4 are free"


@pytest.fixture
def redis(monkeypatch: MP, tmp_path: Path) -> Path:
    """A Redis host whose server does not run, with its file."""
    (tmp_path / "redis.conf").touch()
    (tmp_path / "appendonly.aof").touch()
    monkeypatch.setattr(host, "REDIS", tmp_path)
    monkeypatch.setattr(host, "append_only", lambda where: _file(where))
    monkeypatch.setattr(cache, "KEPT", tmp_path / "incident")
    monkeypatch.setattr(settings, "here", lambda: "redis-1")
    monkeypatch.setattr(host, "running", lambda name: [])
    monkeypatch.setattr(host, "free", lambda where: 50)
    monkeypatch.setattr(host, "room", {tmp_path: "1 MB"}.__getitem__)
    monkeypatch.setattr(redisdb, "promoted", lambda: None)
    roles(monkeypatch, "redis_role", {"redis-1": "refused", "redis-2": "master"})
    return tmp_path


def _file(folder: Path) -> Path | None:
    found = folder / "appendonly.aof"
    return found if found.exists() else None


def promote(monkeypatch: MP, name: str | None) -> None:
    monkeypatch.setattr(redisdb, "promoted", lambda: name)


def silent(monkeypatch: MP) -> None:
    def nobody() -> None:
        raise ServiceError("Connection refused")

    monkeypatch.setattr(redisdb, "promoted", nobody)


@pytest.mark.parametrize("guard", [cache.start, cache.follow, cache.mend])
def test_a_redis_hosts_guard(redis: Path, monkeypatch: MP, guard: Callable[[], None]) -> None:
    for state in ("no answer", "master", "starting", "wrong password"):
        roles(monkeypatch, "redis_role", {"redis-1": state})
        assert refused(guard) == "something listens on redis-1 already"
    roles(monkeypatch, "redis_role", {"redis-1": "refused"})
    runs(monkeypatch, "redis-server")
    assert refused(guard) == "something listens on redis-1 already"
    (redis / "redis.conf").unlink()
    assert refused(guard) == "redis-1 is no Redis host: type this on the one you mean"


class TestRedisStart:
    def test_a_dead_master(self, redis: Path, monkeypatch: MP) -> None:
        cache.start()
        promote(monkeypatch, "redis-1")
        cache.start()

    def test_another_master(self, redis: Path, monkeypatch: MP) -> None:
        promote(monkeypatch, "redis-2")
        assert refused(cache.start) == "redis-2 is master now, this host must follow it"

    def test_silent_sentinels(self, redis: Path, monkeypatch: MP) -> None:
        silent(monkeypatch)
        said = "no sentinel says who is master: Connection refused"
        assert unknown(cache.start) == said

    def test_no_file(self, redis: Path) -> None:
        (redis / "appendonly.aof").unlink()
        said = "there is no append-only file: it would begin empty"
        assert refused(cache.start) == said
        cache.start(empty=True)

    def test_empty_over_data(self, redis: Path) -> None:
        said = f"there is data: {redis / 'appendonly.aof'}"
        assert refused(lambda: cache.start(empty=True)) == said

    def test_a_full_disk(self, redis: Path, monkeypatch: MP) -> None:
        monkeypatch.setattr(host, "free", lambda where: 3 if where == redis else 0)
        cache.start()
        monkeypatch.setattr(host, "free", lambda where: 2)
        said = "its disk is full, 1 MB are free: runbooks/redis-recovery/disk-full"
        assert refused(cache.start) == said


def test_redis_follow(redis: Path, monkeypatch: MP) -> None:
    promote(monkeypatch, "redis-2")
    cache.follow()
    roles(monkeypatch, "redis_role", {"redis-1": "refused", "redis-2": "replica"})
    said = "redis-2 does not say that it is master: replica"
    assert refused(cache.follow) == said
    for name in (None, "redis-1"):
        promote(monkeypatch, name)
        assert refused(cache.follow) == "no other host is master"
    silent(monkeypatch)
    assert unknown(cache.follow).startswith("no sentinel says who is master")


def test_mend(redis: Path) -> None:
    kept = redis / "incident"
    said = f"there is no copy of the files in {kept}: it is the only way back"
    assert refused(cache.mend) == said
    kept.mkdir()
    (kept / "redis.log").touch()
    assert refused(cache.mend) == said
    (kept / "appendonly.aof").touch()
    cache.mend()
    (redis / "appendonly.aof").unlink()
    assert refused(cache.mend) == "there is no append-only file"


class FakeStore:
    """A Redis that answers each command with what it was given."""

    def __init__(self, answers: Mapping[tuple[object, ...], object]) -> None:
        self.answers = answers

    def ask(self, *command: object) -> object:
        found = self.answers[command]
        if isinstance(found, Exception):
            raise found
        return found

    def info(self) -> dict[str, Any]:
        found = self.ask("INFO", "all")
        assert isinstance(found, dict)
        return found


def store(monkeypatch: MP, answers: Mapping[tuple[object, ...], object]) -> None:
    def at(address: str) -> FakeStore:
        assert address == KNOWN.redis
        return FakeStore(answers)

    monkeypatch.setattr(redisdb.Store, "at", staticmethod(at))


def test_raise_and_lower(monkeypatch: MP) -> None:
    info = {"maxmemory": 100, "total_system_memory": 400, "used_memory": 80}
    store(monkeypatch, {("INFO", "all"): info})
    cache.raise_limit(199)
    said = "200 bytes are more than half of its host"
    assert refused(lambda: cache.raise_limit(200)) == said
    said = "it is 100 bytes now, which is not less"
    assert refused(lambda: cache.raise_limit(100)) == said
    cache.raise_limit(101)
    cache.lower_limit(101)
    assert refused(lambda: cache.lower_limit(100)) == "80 bytes are in use"
    assert cache.limit_of() == 100
    store(monkeypatch, {("INFO", "all"): ServiceError("Connection refused")})
    for call in (cache.raise_limit, cache.lower_limit):
        assert unknown(call, 1) == "Redis: Connection refused"


@pytest.mark.parametrize(
    "pattern", ["*", "jwt:*", "bull:*", "ratelimit:*", "lock:*", "webhook:*", "c*", "cache*", ""]
)
def test_clear(pattern: str) -> None:
    cache.clear("cache:report:*")
    said = f"{pattern} is not below cache:, nothing is removed"
    assert refused(lambda: cache.clear(pattern)) == said


def test_move_to(redis: Path, monkeypatch: MP) -> None:
    def state(**found: str) -> None:
        names = {name.replace("_", "-"): role for name, role in found.items()}
        roles(monkeypatch, "redis_role", names)

    promote(monkeypatch, "redis-2")
    state(redis_2="master")
    cache.move_to("redis-2")
    state(redis_2="replica")
    said = "redis-2 does not say that it is master: replica"
    assert refused(lambda: cache.move_to("redis-2")) == said
    promote(monkeypatch, "redis-1")
    said = "the sentinels say that the master is redis-1"
    assert refused(lambda: cache.move_to("redis-2")) == said
    promote(monkeypatch, None)
    state(redis_1="refused", redis_2="master")
    cache.move_to("redis-2")
    state(redis_1="master", redis_2="master")
    said = "the other host is master, and no sentinel says otherwise"
    assert refused(lambda: cache.move_to("redis-2")) == said
    assert refused(lambda: cache.move_to("redis-9")) == "redis-9 is none of redis-1 and redis-2"
    silent(monkeypatch)
    assert unknown(lambda: cache.move_to("redis-2")).startswith("no sentinel says")


def test_end(monkeypatch: MP) -> None:
    words = {5: ["python3", "--name", "smartbeak-report-worker"], 6: ["smartbeak-api"]}
    monkeypatch.setattr(reading, "command_line", lambda pid: words.get(pid))
    cache.end(5, "smartbeak-report-worker")
    for name in ("", "smartbeak-api", "smartbeak-web", "smartbeak-worker", "smartbeak-worker-eu"):
        assert refused(cache.end, 5, name) == f"'{name}' is not ended here"
    assert refused(lambda: cache.end(7, "report")) == "there is no process 7"
    assert refused(lambda: cache.end(5, "report")) == "process 5 is not report"


PAUSED = ("HEXISTS", "bull:publishing:meta", "paused")


def test_resume_and_pause(monkeypatch: MP) -> None:
    store(monkeypatch, {PAUSED: True})
    publishing.resume("publishing")
    said = "publishing is paused already"
    assert refused(lambda: publishing.pause("publishing")) == said
    store(monkeypatch, {PAUSED: False})
    publishing.pause("publishing")
    assert refused(lambda: publishing.resume("publishing")) == "publishing is not paused"
    for guard in (publishing.pause, publishing.resume):
        assert refused(guard, "a b") == "'a b' is no name of a queue"
        store(monkeypatch, {PAUSED: ServiceError("Connection refused")})
        assert unknown(guard, "publishing") == "Redis: Connection refused"


class TestRemove:
    def have(
        self, monkeypatch: MP, jobs: list[dict[str, Any]] | ServiceError, clients: str = ""
    ) -> Callable[[], None]:
        store(monkeypatch, {("CLIENT", "LIST"): clients})

        def in_hand(asked: object, queue: str, most: int) -> list[dict[str, Any]]:
            assert isinstance(asked, FakeStore)
            assert (queue, most) == ("publishing", 1000)
            if isinstance(jobs, ServiceError):
                raise jobs
            return jobs

        monkeypatch.setattr(queues, "in_hand", in_hand)
        return lambda: publishing.remove("publishing", "j")

    def test_one_that_was_begun_and_left(self, monkeypatch: MP) -> None:
        jobs = [{"job": "i", "locked": True}, {"job": "j", "locked": False}]
        self.have(monkeypatch, jobs)()

    def test_connected_workers(self, monkeypatch: MP) -> None:
        said = "workers are connected, and may have it in hand"
        for name in ("bull:publishing:w:worker", "bull:cHVibGlzaGluZw=="):
            ask = self.have(monkeypatch, [], f"id=1 name={name} age=1\n")
            assert refused(ask) == said
        ask = self.have(
            monkeypatch, [{"job": "j", "locked": False}], "id=1 name=bull:publishing-eu:w:w age=1"
        )
        ask()

    def test_an_innocent_job(self, monkeypatch: MP) -> None:
        said = "j is no job that was begun and left"
        assert refused(self.have(monkeypatch, [{"job": "i", "locked": False}])) == said

    def test_a_locked_job(self, monkeypatch: MP) -> None:
        said = "j is locked: a worker has it in hand"
        assert refused(self.have(monkeypatch, [{"job": "j", "locked": True}])) == said

    def test_silence(self, monkeypatch: MP) -> None:
        said = "Redis: Connection refused"
        assert unknown(self.have(monkeypatch, ServiceError("Connection refused"))) == said


def platform(monkeypatch: MP, answers: Mapping[str, Any] | ServiceError) -> None:
    def connect(address: str) -> Fake:
        assert address == KNOWN.database
        if isinstance(answers, ServiceError):
            raise answers
        return Fake(answers)

    monkeypatch.setattr(postgres, "Server", connect)


def shown(monkeypatch: MP, counts: Mapping[str, int | None]) -> None:
    monkeypatch.setattr(posts, "count", lambda job, url: counts[f"{job} at {url}"])


JOB = {"status": "failed", "url": "https://s", "region": "us-east-1"}


class TestRetry:
    def test_failed_and_not_there(self, monkeypatch: MP) -> None:
        platform(monkeypatch, {psql.RECORDABLE: [JOB]})
        shown(monkeypatch, {"j at https://s": 0, "k at https://s": 0})
        publishing.retry(["j", "k"])

    def test_one_that_cannot_be_asked_for(self, monkeypatch: MP) -> None:
        platform(monkeypatch, {psql.RECORDABLE: [JOB | {"url": None}]})
        shown(monkeypatch, {"j at None": None})
        publishing.retry(["j"])

    @pytest.mark.parametrize("status", ["pending", "publishing", "published"])
    def test_another_status(self, monkeypatch: MP, status: str) -> None:
        platform(monkeypatch, {psql.RECORDABLE: [JOB | {"status": status}]})
        said = f"j is {status}, not failed"
        assert refused(lambda: publishing.retry(["j"])) == said

    def test_others(self, monkeypatch: MP) -> None:
        assert refused(lambda: publishing.retry([])) == "no job is named"
        platform(monkeypatch, {psql.RECORDABLE: []})
        assert refused(lambda: publishing.retry(["j"])) == "j is unknown, not failed"
        platform(monkeypatch, {psql.RECORDABLE: [JOB]})
        shown(monkeypatch, {"j at https://s": 1})
        assert refused(lambda: publishing.retry(["j"])) == "j is at its target already"
        shown(monkeypatch, {"j at https://s": None})
        assert unknown(lambda: publishing.retry(["j"])) == "j: its site does not answer"
        platform(monkeypatch, ServiceError("Connection refused"))
        said = "the database says Connection refused"
        assert unknown(lambda: publishing.retry(["j"])) == said


def kind(failed: int, tried: int = 5, name: str = "wordpress") -> dict[str, Any]:
    return {"type": name, "failed": failed, "tried": tried}


def targets(monkeypatch: MP, *rows: dict[str, Any], reasons: Sequence[str] = ()) -> None:
    found = [{"kind": each} for each in reasons]
    platform(monkeypatch, {psql.TARGETS: rows, psql.REASONS: found})


LINE = "wordpress: 3 of the last 5 attempts failed"


def test_retry_now(monkeypatch: MP) -> None:
    targets(monkeypatch, kind(2), kind(0, 0, "linkedin"))
    publishing.retry_now()
    targets(monkeypatch, kind(0, 5, "linkedin"), kind(3))
    assert refused(publishing.retry_now) == LINE
    targets(monkeypatch, kind(2, 4))
    publishing.retry_now()
    platform(monkeypatch, ServiceError("timeout expired"))
    assert unknown(publishing.retry_now) == "the database says no answer"


def test_speed_up(monkeypatch: MP) -> None:
    targets(monkeypatch, kind(0), reasons=["outage"])
    for size in (1, 20):
        publishing.speed_up(size)
    for size in (0, 21):
        said = f"{size} is not from 1 to 20"
        assert refused(publishing.speed_up, size) == said
    targets(monkeypatch, kind(0, 5, "linkedin"), kind(1))
    said = "wordpress: 1 of the last 5 attempts failed"
    assert refused(lambda: publishing.speed_up(5)) == said
    targets(monkeypatch, kind(0), reasons=["outage", "limit"])
    assert refused(lambda: publishing.speed_up(5)) == "a target answers 429: it limits us"


def test_disable(monkeypatch: MP) -> None:
    targets(monkeypatch, kind(0, 5, "linkedin"), kind(3))
    publishing.disable("wordpress")
    said = "linkedin: 0 of the last 5 attempts failed"
    assert refused(lambda: publishing.disable("linkedin")) == said
    assert refused(lambda: publishing.disable("x")) == "no kind is called x"


def test_move(monkeypatch: MP) -> None:
    def workers(**found: str) -> None:
        urls = {f"http://{name.replace('_', '-')}:9464/livez": s for name, s in found.items()}

        def probe(url: str, yes: str, no: str) -> str:
            assert (yes, no) == ("alive", "stuck")
            return urls[url]

        monkeypatch.setattr(web, "probe", probe)

    workers(worker="alive", worker_eu="no answer")
    publishing.move("eu-west-1", "us-east-1")
    said = "in us-east-1 worker alive"
    assert refused(lambda: publishing.move("us-east-1", "eu-west-1")) == said
    assert refused(lambda: publishing.move("us-east-1", "us-east-1")) == (
        "us-east-1 is no other region"
    )
    workers(worker="stuck", worker_eu="no answer")
    said = "in us-east-1 worker stuck"
    assert refused(lambda: publishing.move("eu-west-1", "us-east-1")) == said


class TestRecordable:
    def have(
        self,
        monkeypatch: MP,
        status: str = "publishing",
        state: str | None = None,
        count: int | None = 0,
    ) -> Callable[[], None]:
        platform(monkeypatch, {psql.RECORDABLE: [JOB | {"status": status}]})

        def state_of(job: str, region: str) -> str | None:
            assert (job, region) == ("j", "us-east-1")
            return state

        monkeypatch.setattr(publishing, "state_of", state_of)
        shown(monkeypatch, {"j at https://s": count})
        return lambda: publishing.recordable("j")

    def test_taken_out_and_not_there(self, monkeypatch: MP) -> None:
        self.have(monkeypatch)()
        self.have(monkeypatch, status="pending", count=None)()

    def test_others(self, monkeypatch: MP) -> None:
        for status in ("published", "failed"):
            ask = self.have(monkeypatch, status=status)
            assert refused(ask) == f"j is {status} already"
        said = "j is active in its queue: take it out first"
        assert refused(self.have(monkeypatch, state="active")) == said
        assert refused(self.have(monkeypatch, count=1)) == "j is at its target already"
        platform(monkeypatch, {psql.RECORDABLE: []})
        assert refused(lambda: publishing.recordable("j")) == "j is no job"


class TestDoubled:
    def have(
        self, monkeypatch: MP, state: str | None = "prioritized", **changes: object
    ) -> Callable[[], str]:
        row = {"status": "pending", "region": "eu-west-1", "older": "i"} | changes
        platform(monkeypatch, {psql.OLDER_DOUBLE: [row]})
        monkeypatch.setattr(publishing, "state_of", lambda job, region: state if job else None)
        return lambda: publishing.doubled("j")

    def test_one_that_waits(self, monkeypatch: MP) -> None:
        assert self.have(monkeypatch)() == "eu-west-1"
        assert self.have(monkeypatch, state=None)() == "eu-west-1"

    def test_others(self, monkeypatch: MP) -> None:
        said = "j is published: only what waits is taken back"
        assert refused(self.have(monkeypatch, status="published")) == said
        assert refused(self.have(monkeypatch, older=None)) == "j was ordered once"
        said = "j is in hand: a worker has it"
        assert refused(self.have(monkeypatch, state="active")) == said
        platform(monkeypatch, {psql.OLDER_DOUBLE: []})
        assert refused(lambda: publishing.doubled("j")) == "j is no job"
        platform(monkeypatch, ServiceError("timeout expired"))
        said = "the database says no answer"
        assert unknown(lambda: publishing.doubled("j")) == said


def test_state_of(monkeypatch: MP) -> None:
    def found(job: str, region: str = "us-east-1", queue: str = "publishing") -> str | None:
        lists: dict[str, tuple[object, ...]] = {
            state: ("LRANGE", f"bull:{queue}:{state}", 0, -1) for state in queues.OPEN
        }
        for state in ("prioritized", "delayed"):
            lists[state] = ("ZRANGE", f"bull:{queue}:{state}", 0, -1)
        answers: dict[tuple[object, ...], object] = {
            command: [f"in-{state}"] for state, command in lists.items()
        }
        store(monkeypatch, answers)
        return publishing.state_of(job, region)

    for state in ("wait", "paused", "prioritized", "delayed", "active"):
        assert found(f"in-{state}") == state
    assert found("elsewhere") is None
    assert found("in-active", "eu-west-1", "publishing-eu-west-1") == "active"
    store(monkeypatch, {("LRANGE", "bull:publishing:wait", 0, -1): ServiceError("LOADING")})
    said = "Redis: LOADING"
    assert unknown(lambda: publishing.state_of("j", "us-east-1")) == said


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
