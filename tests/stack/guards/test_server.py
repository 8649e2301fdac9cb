"""Guards of a database host, asked there.

Each reason for which one refuses is seen, by its own words. The servers are stand-ins; that
the questions are right is seen against real ones by the runbooks' drills.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smartbeak_ops import settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.guards import server, sql
from smartbeak_ops.looks import host
from tests.stack.guards.fakes import (
    MP,
    Fake,
    refused,
    roles,
    runs,
    serve,
)


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


@pytest.fixture
def elsewhere(monkeypatch: MP, tmp_path: Path) -> Path:
    """A folder that is on another disk."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    seen = Path.stat

    def stat(self: Path, **given: Any) -> Any:
        found = seen(self, **given)
        if self != folder:
            return found
        return types.SimpleNamespace(st_dev=found.st_dev + 1, st_mode=found.st_mode)

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(host, "room", lambda where: "3 kB")
    return folder


SERVER_GUARDS = [
    *(server.start, server.fence, server.rewind, server.follow, server.copy, server.exchange),
]


@pytest.mark.parametrize("guard", SERVER_GUARDS)
def test_a_database_hosts_guard_is_asked_there(monkeypatch: MP, guard: Callable[[], None]) -> None:
    monkeypatch.setattr(host, "data_folder", lambda: None)
    monkeypatch.setattr(settings, "here", lambda: "ops")
    assert refused(guard) == "ops is no database host: type this on the one you mean"


class TestMoveOff:
    """A full disk: what may leave it. The other disk is one that the test's machine has."""

    def test_what_is_not_the_servers(self, data: Path, elsewhere: Path) -> None:
        file = data.with_name("report.csv")
        file.write_bytes(b"x" * 4096)
        assert server.move_off(file, elsewhere) == (
            f"4 kB in {file} are nothing of the server's, and no process has them open"
        )

    @pytest.mark.parametrize("name", ["data", "data/pg_wal", "data/base/1", "node.conf", "."])
    def test_the_servers_own(self, data: Path, elsewhere: Path, name: str) -> None:
        (data / "pg_wal").mkdir()
        (data / "base").mkdir()
        (data / "base/1").touch()
        data.with_name("node.conf").touch()
        file = data.parent / name
        assert refused(server.move_off, file, elsewhere) == (
            f"{file} is the server's own: without it nothing starts again"
        )

    def test_where_a_link_of_the_server_leads(self, data: Path, elsewhere: Path) -> None:
        wal = data.with_name("wal")
        wal.mkdir()
        (data / "pg_wal").symlink_to(wal)
        for file in (wal, data / "pg_wal"):
            assert refused(server.move_off, file, elsewhere).endswith("nothing starts again")

    def test_no_file(self, data: Path, elsewhere: Path) -> None:
        file = data.with_name("report.csv")
        assert refused(server.move_off, file, elsewhere) == f"{file} is not there"

    def test_the_same_disk(self, data: Path) -> None:
        file, folder = data.with_name("report.csv"), data.with_name("aside")
        file.touch()
        folder.mkdir()
        said = f"{folder} is no folder on another disk"
        assert refused(server.move_off, file, folder) == said

    def test_a_file_on_another_disk(self, data: Path, elsewhere: Path) -> None:
        file = elsewhere / "report.csv"
        file.touch()
        assert refused(server.move_off, file, elsewhere) == (
            f"{file} is not on the disk of {data}: moving it makes no room there"
        )

    def test_a_file_that_a_process_has_open(self, data: Path, elsewhere: Path) -> None:
        file = data.with_name("report.csv")
        with file.open("w") as opened:
            assert refused(server.move_off, file, elsewhere) == (
                f"process {os.getpid()} has {file} open: it would keep the room; end it first"
            )
            assert opened

    def test_no_room_there(self, monkeypatch: MP, data: Path, elsewhere: Path) -> None:
        file = data.with_name("report.csv")
        file.write_bytes(b"x" * 4096)
        full = types.SimpleNamespace(free=4095, total=9999)
        monkeypatch.setattr(shutil, "disk_usage", {elsewhere: full}.__getitem__)
        assert refused(server.move_off, file, elsewhere) == (
            f"4096 bytes are needed in {elsewhere}, 3 kB are free"
        )


class TestMoveWal:
    """The log may go to another disk as a whole, and in no other way."""

    @pytest.fixture
    def wal(self, data: Path) -> Path:
        folder = data / "pg_wal"
        folder.mkdir()
        (folder / "000000010000000000000001").write_bytes(b"x" * 4096)
        return folder

    def test_to_another_disk(self, wal: Path, elsewhere: Path) -> None:
        assert server.move_wal(elsewhere) == (
            f"4 kB of WAL have room in {elsewhere}, and no server runs"
        )

    def test_running(self, wal: Path, elsewhere: Path, monkeypatch: MP) -> None:
        runs(monkeypatch, "postgres")
        assert refused(server.move_wal, elsewhere) == "a server runs on db-1 already"

    def test_moved_already(self, wal: Path, elsewhere: Path) -> None:
        wal.rename(elsewhere / "pg_wal")
        wal.symlink_to(elsewhere / "pg_wal")
        assert refused(server.move_wal, elsewhere) == (
            f"it was moved already: {wal} is a link to {elsewhere / 'pg_wal'}"
        )

    def test_the_same_disk(self, wal: Path, data: Path) -> None:
        folder = data.with_name("aside")
        folder.mkdir()
        assert refused(server.move_wal, folder) == f"{folder} is no folder on another disk"

    def test_a_copy_that_broke_off(self, wal: Path, elsewhere: Path) -> None:
        (elsewhere / "pg_wal").mkdir()
        assert refused(server.move_wal, elsewhere) == (
            f"{elsewhere / 'pg_wal'} is there already: look what is in it"
        )

    def test_no_room_there(self, wal: Path, elsewhere: Path, monkeypatch: MP) -> None:
        full = types.SimpleNamespace(free=4095, total=9999)
        monkeypatch.setattr(shutil, "disk_usage", {elsewhere: full}.__getitem__)
        assert refused(server.move_wal, elsewhere) == (
            f"4096 bytes are needed in {elsewhere}, 3 kB are free"
        )


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
