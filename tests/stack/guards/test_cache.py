"""Guards of Redis: its hosts and its keys.

Each reason for which one refuses is seen, by its own words. The servers are stand-ins; that
the questions are right is seen against real ones by the runbooks' drills.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from smartbeak_ops import redisdb, settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.guards import cache
from smartbeak_ops.looks import host
from tests.stack.guards.fakes import (
    MP,
    FakeStore,
    refused,
    roles,
    runs,
    store,
    unknown,
)


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
    roles(monkeypatch, "redis_role", {"redis-1": "refused", "redis-2": "replica"})
    return tmp_path


def _file(folder: Path) -> Path | None:
    found = folder / "appendonly.aof"
    return found if found.exists() else None


def _manifest(folder: Path) -> tuple[Path, Path]:
    """Files as Redis 7 has them after a rewrite, one that it has not deleted yet named as well."""
    files = folder / "appendonlydir"
    files.mkdir()
    for name in ("2.base.rdb", "2.incr.aof"):
        (files / f"appendonly.aof.{name}").touch()
    manifest = files / "appendonly.aof.manifest"
    manifest.write_text(
        "file appendonly.aof.2.base.rdb seq 2 type b\n"
        "file appendonly.aof.1.incr.aof seq 1 type h\n"
        "file appendonly.aof.2.incr.aof seq 2 type i\n"
    )
    return manifest, files


def promote(monkeypatch: MP, name: str | None) -> None:
    monkeypatch.setattr(redisdb, "promoted", lambda: name)


def silent(monkeypatch: MP) -> None:
    def nobody() -> None:
        raise ServiceError("Connection refused")

    monkeypatch.setattr(redisdb, "promoted", nobody)


@pytest.mark.parametrize("guard", [cache.start, cache.follow, cache.mend])
def test_a_redis_hosts_guard(redis: Path, monkeypatch: MP, guard: Callable[[], None]) -> None:
    for state in ("no answer", "master", "starting", "wrong password"):
        roles(monkeypatch, "redis_role", {"redis-1": state, "redis-2": "replica"})
        assert refused(guard) == "something listens on redis-1 already"
    roles(monkeypatch, "redis_role", {"redis-1": "refused", "redis-2": "replica"})
    runs(monkeypatch, "redis-server")
    assert refused(guard) == "something listens on redis-1 already"
    (redis / "redis.conf").unlink()
    assert refused(cache.fence) == refused(guard)
    assert refused(guard) == "redis-1 is no Redis host: type this on the one you mean"


class TestRedisStart:
    def test_a_dead_master(self, redis: Path, monkeypatch: MP) -> None:
        cache.start()
        promote(monkeypatch, "redis-1")
        cache.start()

    def test_another_master(self, redis: Path, monkeypatch: MP) -> None:
        said = "redis-2 is master now, this host must follow it"
        promote(monkeypatch, "redis-2")
        assert refused(cache.start) == said
        promote(monkeypatch, None)
        cache.start()
        roles(monkeypatch, "redis_role", {"redis-1": "refused", "redis-2": "master"})
        assert refused(cache.start) == said

    def test_silent_sentinels(self, redis: Path, monkeypatch: MP) -> None:
        silent(monkeypatch)
        said = "no sentinel says who is master: Connection refused"
        assert unknown(cache.start) == said

    def test_no_file(self, redis: Path) -> None:
        (redis / "appendonly.aof").unlink()
        said = "there is no append-only file: it would begin empty"
        assert refused(cache.start) == said
        cache.start(empty=True)

    def test_a_manifest_that_lacks_a_file(self, redis: Path, monkeypatch: MP) -> None:
        manifest, folder = _manifest(redis)
        monkeypatch.setattr(host, "append_only", lambda where: manifest)
        cache.start()
        end = ": runbooks/redis-recovery/base-missing"
        base, increment = "appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof"
        (folder / increment).unlink()
        assert refused(cache.start) == f"{manifest.name}: it names {increment}, not there{end}"
        (folder / base).unlink()
        both = f"{base}, {increment}"
        assert refused(cache.start) == f"{manifest.name}: it names {both}, not there{end}"
        manifest.write_text(manifest.read_text().split("\n", 1)[1])
        (folder / increment).touch()
        assert refused(cache.start) == f"{manifest.name}: it names no base file{end}"

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
    said = "redis-2 does not say that it is master: replica"
    assert refused(cache.follow) == said
    roles(monkeypatch, "redis_role", {"redis-1": "refused", "redis-2": "master"})
    cache.follow()
    promote(monkeypatch, None)
    cache.follow()
    roles(monkeypatch, "redis_role", {"redis-1": "refused", "redis-2": "replica"})
    for name in (None, "redis-1"):
        promote(monkeypatch, name)
        assert refused(cache.follow) == "no other host is master"
    silent(monkeypatch)
    assert unknown(cache.follow).startswith("no sentinel says who is master")


def test_what_may_leave_a_full_disk(redis: Path, tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")
    if elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("the machine has one disk only")
    file = redis / "report.csv"
    file.write_bytes(b"x" * 4096)
    assert cache.move_off(file, elsewhere) == (
        f"4 kB in {file} are nothing of the server's, and no process has them open"
    )
    (redis / "appendonlydir").mkdir()
    for own in (
        *(redis / "redis.conf", redis / "appendonly.aof", redis / "appendonlydir"),
        *(redis / "appendonlydir/appendonly.aof.1.incr.aof", redis),
    ):
        if own.suffix == ".aof":
            own.touch()
        assert refused(cache.move_off, own, elsewhere) == (
            f"{own} is the server's own: without it nothing starts again"
        )


def test_redis_promote(redis: Path, monkeypatch: MP) -> None:
    cache.promote("redis-2")
    promote(monkeypatch, "redis-1")
    cache.promote("redis-2")
    promote(monkeypatch, "redis-2")
    assert refused(lambda: cache.promote("redis-2")) == (
        "the sentinels make redis-2 master: wait for it"
    )
    for state in ("master", "replica", "no answer", "starting"):
        roles(monkeypatch, "redis_role", {"redis-1": state, "redis-2": "replica"})
        assert refused(lambda: cache.promote("redis-2")) == f"redis-1 may still be master: {state}"
    roles(monkeypatch, "redis_role", {"redis-1": "refused", "redis-2": "master"})
    assert refused(lambda: cache.promote("redis-2")) == "redis-2 is no replica: master"
    assert refused(lambda: cache.promote("db-2")) == "db-2 is none of redis-1 and redis-2"


def test_the_second_master(redis: Path, monkeypatch: MP) -> None:
    def connected(*names: str) -> None:
        clients = "".join(f"id={key} name={name} db=0\n" for key, name in enumerate(names))
        monkeypatch.setattr(
            redisdb, "Store", {"redis-1": FakeStore({("CLIENT", "LIST"): clients})}.__getitem__
        )

    assert refused(cache.fence) == "redis-1 is no master: refused"
    roles(monkeypatch, "redis_role", {"redis-1": "master", "redis-2": "replica"})
    assert refused(cache.fence) == "redis-2 is no master: replica"
    roles(monkeypatch, "redis_role", {"redis-1": "master", "redis-2": "master"})
    connected("", "sb")
    cache.fence()
    promote(monkeypatch, "redis-2")
    cache.fence()
    promote(monkeypatch, "redis-1")
    assert refused(cache.fence) == "the sentinels say that the master is redis-1"
    promote(monkeypatch, "redis-2")
    connected("sb", "smartbeak-worker", "smartbeak-api")
    assert refused(cache.fence) == "smartbeak-worker writes here: restart it first"
    failing = FakeStore({("CLIENT", "LIST"): ServiceError("Connection refused")})
    monkeypatch.setattr(redisdb, "Store", {"redis-1": failing}.__getitem__)
    assert unknown(cache.fence) == "redis-1: Connection refused"


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
