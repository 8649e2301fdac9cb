"""Keeps what decides later: what sessions, locks, queues, logs and settings said."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, LiteralString

from smartbeak_ops import postgres, redisdb, settings, tree, triage, web
from smartbeak_ops.failures import ServiceError, clean
from smartbeak_ops.looks import host, queues
from smartbeak_ops.looks.seen import size
from smartbeak_ops.refusal import RefusedError

MOST_FILE = 1_000_000
"""Bytes of a file; the end of a log, the beginning of anything else."""

MOST_ALL = 32_000_000
NEEDED = 2 * MOST_ALL
"""Free room that the disk must have."""

WAIT_S = 20.0
"""Seconds for everything together: evidence must not hold up the recovery."""

_SECRET_NAMES = re.compile(r"(?i)(pass|secret|token|key|auth|conninfo)")

_QUERIES: Final[dict[str, LiteralString]] = {
    "sessions": """
        SELECT pid, usename, application_name, client_addr::text, backend_start, xact_start,
               state_change, wait_event_type, wait_event, state, left(query, 400) AS query,
               pg_blocking_pids(pid) AS blocked_by
        FROM pg_stat_activity ORDER BY xact_start NULLS LAST LIMIT 1000""",
    "locks": """
        SELECT pid, locktype, mode, granted, relation::regclass::text AS relation,
               transactionid::text
        FROM pg_locks ORDER BY granted, pid LIMIT 2000""",
    "replication": "SELECT * FROM pg_stat_replication",
    "receiver": """
        SELECT status, receive_start_lsn::text, flushed_lsn::text, latest_end_lsn::text,
               last_msg_receipt_time, sender_host FROM pg_stat_wal_receiver""",
    "slots": "SELECT * FROM pg_replication_slots",
    "archiver": "SELECT * FROM pg_stat_archiver",
    "prepared": "SELECT * FROM pg_prepared_xacts",
    "settings": "SELECT name, setting, unit, source FROM pg_settings WHERE source <> 'default'",
    "databases": """
        SELECT datname, age(datfrozenxid) AS age, pg_database_size(oid) AS bytes
        FROM pg_database""",
    "tables": """
        SELECT relname, n_live_tup, n_dead_tup, n_tup_ins, n_tup_upd, n_tup_del
        FROM pg_stat_user_tables ORDER BY 2 DESC""",
    "recovery": """
        SELECT pg_is_in_recovery() AS in_recovery, pg_last_wal_receive_lsn()::text AS received,
               pg_last_wal_replay_lsn()::text AS replayed, pg_last_xact_replay_timestamp() AS at""",
}

_PUBLISHING: Final[dict[str, LiteralString]] = {
    "publishing_jobs": """
        SELECT * FROM publishing_jobs WHERE created_at > now() - interval '1 day'
          OR status IN ('pending', 'publishing') ORDER BY created_at DESC LIMIT 5000""",
    "publish_attempts": """
        SELECT * FROM publish_attempts WHERE created_at > now() - interval '1 day'
        ORDER BY created_at DESC LIMIT 5000""",
    "publishing_dlq": """
        SELECT * FROM publishing_dlq WHERE created_at > now() - interval '1 day'
        ORDER BY created_at DESC LIMIT 5000""",
    "publish_targets": """
        SELECT id, domain_id, type, enabled, region FROM publish_targets LIMIT 2000""",
}


@dataclass
class Several:
    """Several files that come from one connection: a server that is full has few to give.

    Attributes:
        values: By the name of the file.
        missing: What could not be kept, and why.
    """

    values: dict[str, object] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


@dataclass
class Kept:
    """What was kept.

    Attributes:
        folder: Where.
        files: How many.
        size: Of all, for a person.
        missing: What could not be kept, and why.
    """

    folder: Path
    files: int = 0
    size: str = ""
    missing: list[str] = field(default_factory=list)


def keep(folder: Path | None = None) -> Kept:
    """Keeps it, everything at the same time.

    Raises:
        RefusedError: The folder is there, is on a data disk, or has no room.
    """
    target = _target(folder)
    kept = Kept(target)
    pool = ThreadPoolExecutor(12)
    running: dict[Future[object], str] = {
        pool.submit(make): name for name, make in _parts().items()
    }
    done, late = wait(running, timeout=WAIT_S)
    pool.shutdown(wait=False, cancel_futures=True)
    total = 0
    for future in done:
        name = running[future]
        error = future.exception()
        if error is not None:
            said = error.said if isinstance(error, ServiceError) else str(error)
            kept.missing.append(f"{name}: {said}")
            continue
        made = future.result()
        for file, value in (made.values if isinstance(made, Several) else {name: made}).items():
            text = _text(value)[:MOST_FILE]
            total += len(text)
            if total > MOST_ALL:
                kept.missing.append(f"{file}: more than {size(MOST_ALL)} together")
                continue
            try:
                (target / file).write_text(text, encoding="utf-8")
            except OSError as refused:
                # Half of a file would be taken for all there was.
                (target / file).unlink(missing_ok=True)
                kept.missing.append(f"{file}: {refused.strerror}")
                continue
            kept.files += 1
        kept.missing += made.missing if isinstance(made, Several) else []
    kept.missing += [f"{running[future]}: no answer within {WAIT_S:g} s" for future in late]
    kept.missing.sort()
    kept.size = size(sum(each.stat().st_size for each in target.iterdir()))
    if kept.missing:
        with contextlib.suppress(OSError):  # a disk that is full since; it is printed anyway
            (target / "not-kept.txt").write_text("\n".join(kept.missing) + "\n", encoding="utf-8")
    return kept


def _target(folder: Path | None) -> Path:
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = folder or _usual() / f"{settings.here()}-{at}"
    if target.exists():
        raise RefusedError(f"{target} is there already")
    above = next(each for each in target.resolve().parents if each.exists())
    for data in _data_folders():
        if data.exists() and os.stat(data).st_dev == os.stat(above).st_dev and _matters(data):
            raise RefusedError(f"{target} is on the disk of {data}: name another with --to")
    if shutil.disk_usage(above).free < NEEDED:
        raise RefusedError(
            f"{above} has {host.room(above)} free, {size(NEEDED)} are needed: "
            "name another folder with --to"
        )
    try:
        target.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise RefusedError(f"{target} cannot be made: {error.strerror}: name another") from error
    return target


def _usual() -> Path:
    if host.data_folder() is not None:
        return Path("/srv/backup/incident")
    if (host.REDIS / "redis.conf").exists():
        return Path("/tmp/incident")
    return Path.home() / "incident"


def _data_folders() -> list[Path]:
    found = [host.REDIS] if (host.REDIS / "redis.conf").exists() else []
    data = host.data_folder()
    return [*found, data] if data is not None else found


def _matters(data: Path) -> bool:
    """Whether the data has a disk of its own; where all is one disk there is no other."""
    return os.stat(data).st_dev != os.stat("/").st_dev


def _parts() -> dict[str, Callable[[], object]]:
    """What is kept from this host, by the name of its file."""
    parts: dict[str, Callable[[], object]] = {"looked.json": _looked}
    if host.data_folder() is not None:
        return parts | _database_host()
    if (host.REDIS / "redis.conf").exists():
        return parts | _redis_host()
    parts |= _processes()
    if os.environ.get("PLATFORM_ROLE") or not settings.FILE.exists():
        return parts
    known = settings.read()
    parts["platform.env"] = lambda: {
        name: "***" if _SECRET_NAMES.search(name) else clean(value)
        for name, value in known.values.items()
    }
    for name in settings.DATABASES:
        parts[name] = _server(partial(postgres.superuser, name), name, _QUERIES)
    parts["publishing"] = _server(lambda: postgres.Server(known.database), "platform", _PUBLISHING)
    for what, command in {
        "info": ("INFO", "all"),
        "clients": ("CLIENT", "LIST"),
        "slow": ("SLOWLOG", "GET", 128),
        "config": ("CONFIG", "GET", "*"),
        "memory": ("MEMORY", "STATS"),
    }.items():
        parts[f"redis-{what}.json"] = _asked(known.redis, command)
    parts["queues.json"] = lambda: _queues(known)
    for name in settings.SENTINELS:
        parts[f"{name}.json"] = _sentinel(name)
    for name, url in {
        "api": settings.API,
        "web": settings.WEB,
        "worker": f"http://worker:{settings.WORKER_PORT}",
        "worker-eu": f"http://worker-eu:{settings.WORKER_PORT}",
    }.items():
        parts[f"{name}-metrics.txt"] = _page(f"{url}/metrics")
    return parts


def _looked() -> object:
    found = triage.look_at(tree.SUBJECTS)
    return {"lines": found.lines, "facts": found.facts, "unseen": found.unseen}


def _database_host() -> dict[str, Callable[[], object]]:
    data = host.data_folder()
    assert data is not None
    return {
        "postgresql.log": lambda: _end(Path("/var/log/postgresql/postgresql.log")),
        "pg_controldata.txt": lambda: _output("pg_controldata", str(data)),
        "pg_hba.conf": lambda: _end(data / "pg_hba.conf"),
        "postgresql.conf": lambda: _end(data / "postgresql.conf"),
        "postgresql.auto.conf": lambda: _end(data / "postgresql.auto.conf"),
        "node.conf": lambda: _end(data.parent / "node.conf"),
        "data.txt": lambda: "\n".join(sorted(each.name for each in data.iterdir())),
        "wal.txt": lambda: "\n".join(sorted(each.name for each in (data / "pg_wal").iterdir())),
        "processes.txt": _processes_here,
        "disks.txt": lambda: _output("df", "-k"),
        "own": _server(postgres.local, "own", _QUERIES),
    }


def _redis_host() -> dict[str, Callable[[], object]]:
    return {
        "redis.log": lambda: _end(host.REDIS_LOG),
        "redis.conf": lambda: _end(host.REDIS / "redis.conf"),
        "files.txt": lambda: "\n".join(
            f"{each.stat().st_size} {each}"
            for each in sorted(host.REDIS.rglob("*"))
            if each.is_file()
        ),
        "processes.txt": _processes_here,
        "disks.txt": lambda: _output("df", "-k"),
    }


def _processes() -> dict[str, Callable[[], object]]:
    if not os.environ.get("PLATFORM_ROLE"):
        return {}
    return {
        "platform.log": lambda: _end(host.PLATFORM_LOG),
        "processes.txt": _processes_here,
        "disks.txt": lambda: _output("df", "-k"),
    }


def _server(
    connect: Callable[[], postgres.Server], name: str, queries: Mapping[str, LiteralString]
) -> Callable[[], object]:
    def make() -> object:
        made = Several()
        with connect() as server:
            for what, query in queries.items():
                try:
                    made.values[f"{name}-{what}.json"] = _without_secrets(server.rows(query))
                except ServiceError as error:
                    made.missing.append(f"{name}-{what}.json: {error.said}")
        return made

    return make


def _without_secrets(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        if _SECRET_NAMES.search(str(row.get("name", ""))) and "setting" in row:
            row["setting"] = "***"
    return rows


def _asked(address: str, command: tuple[Any, ...]) -> Callable[[], object]:
    def make() -> object:
        answer = redisdb.Store.at(address).ask(*command)
        if isinstance(answer, Mapping):
            return {
                name: "***" if re.search("(?i)pass|auth", str(name)) and value else value
                for name, value in answer.items()
            }
        if command[:2] == ("CONFIG", "GET") and isinstance(answer, list):
            pairs = dict(zip(answer[::2], answer[1::2], strict=True))
            return {
                name: "***" if re.search("(?i)pass|auth", str(name)) and value else value
                for name, value in pairs.items()
            }
        return answer

    return make


def _queues(known: settings.Settings) -> object:
    store = redisdb.Store.at(known.redis)
    found: dict[str, object] = {}
    for region in queues.regions(known):
        queue = settings.queue_of(region)
        found[queue] = {
            "counts": queues.counts(store, queue),
            "meta": store.ask("HGETALL", f"bull:{queue}:meta"),
            "in hand": queues.in_hand(store, queue, most=200),
            "waiting": store.ask("ZRANGE", f"bull:{queue}:prioritized", 0, 999),
            "delayed": store.ask("ZRANGE", f"bull:{queue}:delayed", 0, 999, "WITHSCORES"),
            "failed": store.ask("ZRANGE", f"bull:{queue}:failed", 0, 199),
            "in hand, whole": {
                str(each["job"]): store.ask("HGETALL", f"bull:{queue}:{each['job']}")
                for each in queues.in_hand(store, queue, most=20)
            },
        }
    return found


def _sentinel(name: str) -> Callable[[], object]:
    def make() -> object:
        if not settings.known(name):
            return {"absent": True}
        store = redisdb.Store(name, settings.SENTINEL_PORT)
        return {
            "master": store.ask("SENTINEL", "MASTER", settings.PAIR),
            "replicas": store.ask("SENTINEL", "REPLICAS", settings.PAIR),
        }

    return make


def _page(url: str) -> Callable[[], object]:
    def make() -> object:
        reply = web.get(url)
        if not reply.answered:
            raise ServiceError(reply.text)
        return reply.text

    return make


def _end(file: Path) -> str:
    lines = host.log_end(file, MOST_FILE)
    if not lines and not file.exists():
        raise FileNotFoundError(f"{file} is not there")
    return "\n".join(clean(line) for line in lines)


def _output(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    return ended.stdout + ended.stderr


def _processes_here() -> str:
    lines = []
    for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda each: int(each.name)):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        lines.append(f"{folder.name} {state} {clean(words.strip())[:300]}")
    return "\n".join(lines)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=1, default=str, ensure_ascii=False)
