"""Looks at the host on which `sb` is typed: what no other host can see."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from smartbeak_ops import postgres, reading, settings, web
from smartbeak_ops.failures import ServiceError, clean
from smartbeak_ops.looks import floods, sql, strangers, wal
from smartbeak_ops.looks.database import see_server
from smartbeak_ops.looks.seen import Look, Seen, size

REDIS = Path("/var/lib/redis")
REDIS_LOG = Path("/var/log/redis/redis.log")
PLATFORM_LOG = Path("/var/log/smartbeak/platform.log")
PIDFILE = Path("/run/platform.pid")

_BUSY = 0.1
"""Share of a CPU from which on a process that gives no answer works on something: one that waits
takes a hundredth or two, and a loaded host may leave one that works no more."""

_WATCH_S = 2.5
_TICK_S = 0.03
"""How long a process is watched, and how often: whether it is stopped and continued meanwhile."""

_PROBE_S = 3.0
"""Seconds for its answer: one that is stopped again and again for two of them answers late."""

FREE_PERCENT = 3
"""Share of a disk that must be free; below it counts as full."""

_MUCH_PERCENT = 50
"""Share of a full disk from which on WAL is what fills it."""


def data_folder() -> Path | None:
    """Data folder of PostgreSQL on this host; None on another kind of host."""
    found = os.environ.get("PGDATA")
    return Path(found) if found else None


def looks(subject: str) -> list[Look]:
    """What can only be seen here, for a subject; none on the operator's machine."""
    if data_folder() is not None and subject == "postgres":
        return [Look("this host", _database)]
    if (REDIS / "redis.conf").exists() and subject == "redis":
        return [Look("this host", _redis)]
    if os.environ.get("PLATFORM_ROLE") and subject in ("queues", "deploy", "postgres"):
        return [Look("this host", _process)]
    if os.environ.get("PLATFORM_ROLE") == "api" and subject == "security":
        return [Look("strangers", strangers.see), Look("floods", floods.see)]
    return []


def running(name: str) -> list[int]:
    """Processes of that name, this user's or not."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == name:
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def free(folder: Path) -> int:
    """Percent of the folder's disk that is free, and rounds down."""
    usage = shutil.disk_usage(folder)
    return int(100 * usage.free / usage.total)


def cluster_state(data: Path) -> str:
    """What pg_controldata says; empty if there is no control file."""
    said = _output("pg_controldata", str(data))
    found = re.search(r"^Database cluster state: *(.*)$", said, re.MULTILINE)
    return found[1] if found else ""


def append_only(folder: Path = REDIS) -> Path | None:
    """Redis' append-only file: since 7 the manifest of several, before that one file."""
    found = sorted(folder.glob("appendonlydir/*.manifest"))
    if found:
        return found[0]
    old = folder / "appendonly.aof"
    return old if old.exists() else None


def lacks(file: Path) -> str:
    """What the manifest of the append-only files has none of; empty if nothing, or without one.

    Redis writes no manifest without a base: one that names none was changed by hand, and Redis
    would load what came after the last rewrite alone.
    """
    if file.suffix != ".manifest":
        return ""
    # https://github.com/redis/redis/blob/7.0/src/aof.c: b is the base, i an increment, and h
    # history, which Redis deletes.
    named = re.findall(r"^file (\S+) seq \d+ type ([bi])", file.read_text(), re.MULTILINE)
    gone = [name for name, _ in named if not (file.parent / name).exists()]
    if gone:
        return f"it names {', '.join(gone)}, not there"
    return "" if any(kind == "b" for _, kind in named) else "it names no base file"


def damage(file: Path) -> str:
    """What is wrong with an append-only file; empty if nothing is, or it takes too long.

    A tail that is only cut short is nothing: Redis cuts it off by itself.
    """
    try:
        ended = subprocess.run(
            ["redis-check-aof", str(file)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=4,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = (ended.stdout + ended.stderr).strip()
    if ended.returncode == 0 or "EOF" in said:
        return ""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    wrong = [line for line in lines if "xpected" in line or "ormat" in line or "ad " in line]
    return (wrong or lines or ["not valid"])[0][:160]


def log_end(file: Path, most: int = 20000) -> list[str]:
    """Last lines of a file; none if it cannot be read."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - most))
            return opened.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def _database(seen: Seen) -> None:
    data = data_folder()
    assert data is not None
    host = settings.here()
    there = (data / "global/pg_control").exists()
    seen.know(folder="there" if there else "gone")
    up = bool(running("postgres"))
    if not there:
        seen.lines.append(f"{host}: the data folder {data} has no control file")
    elif not up:
        seen.lines.append(f"{host}: no server runs, its data folder says: {cluster_state(data)}")
    else:
        _own_server(seen, host)
    seen.know(server="runs" if up else "dead")
    if (data / "pg_hba.conf.before-fence").exists():
        seen.say(f"{host}: it is fenced", fenced=True)
    if there:
        percent = free(data)
        seen.lines.append(f"disk: {percent} % free")
        seen.know(disk="full" if percent < FREE_PERCENT else "ok")
        if percent < FREE_PERCENT and (share := wal.share(data)) >= _MUCH_PERCENT:
            seen.say(f"  {share} % of it are WAL", wal__percent=share)
    log = log_end(Path(sql.LOG))
    for line in reversed(log[-60:]):
        if re.search(r"PANIC|No space left|could not (read|write|fsync)", line):
            seen.lines.append(f"log: {clean(line.split(']', 1)[-1].strip())[:200]}")
            break
    _other_server(seen, host, None if up or not there else data / "pg_wal")


def _own_server(seen: Seen, host: str) -> None:
    try:
        with postgres.local() as server:
            see_server(seen, server, host, "own")
    except ServiceError as error:
        seen.say(f"{host}: {error.said}", own=error.state)


def _other_server(seen: Seen, host: str, log: Path | None) -> None:
    """The other server, and how much of a dead server's log it lacks.

    Args:
        seen: Takes what is found.
        host: This one.
        log: Folder of the log of this host's server, if that is dead.
    """
    other = settings.other(host, settings.DATABASES)
    try:
        with postgres.replicator(other) as server:
            row = server.one(sql.GOT)
    except ServiceError as error:
        if error.state == "no password":
            seen.blind(other, "no password of replicator here")
        else:
            seen.say(f"{other}: {error.said}", other=error.state)
        return
    role = "replica" if row["recovering"] else "primary"
    seen.say(f"{other}: {role}", other=role)
    if log is not None and row["got"] is not None:
        lacks = wal.lacking(log, int(row["got"]))
        seen.know(other__lacks_mb=lacks / 1048576)
        if lacks:
            seen.lines.append(f"  it lacks at least {size(lacks)} of this host's log")


def _redis(seen: Seen) -> None:
    host = settings.here()
    file = append_only()
    seen.know(file="there" if file else "gone")
    up = bool(running("redis-server"))
    seen.know(server="runs" if up else "dead")
    if not up:
        seen.lines.append(f"{host}: no Redis runs")
    seen.lines.append(f"{host}: append-only file {file or 'is not there'}")
    if not up and file is not None:
        if part := lacks(file):
            seen.say(f"  {part}", file="incomplete")
        elif trouble := damage(file):
            seen.say(f"  redis-check-aof: {trouble}", file="damaged")
    percent = free(REDIS)
    seen.lines.append(f"disk: {percent} % free")
    seen.know(redis__disk="full" if percent < FREE_PERCENT else "ok")
    other = settings.other(host, settings.REDISES)
    if settings.known(other):
        role = reading.redis_role(other)
        seen.say(f"{other}: {role}", other=role)
    for line in reversed(log_end(REDIS_LOG)[-40:]):
        if re.search("Bad file format|Wrong signature|Unable to obtain the AOF file", line):
            seen.lines.append(f"log: {line.split(' # ')[-1][:160]}")
            break
        if "No space left" in line or "Short write" in line:
            seen.lines.append(f"log: {line.split(' # ')[-1][:160]}")
            break
        if "Ready to accept connections" in line:
            break


def _process(seen: Seen) -> None:
    host = settings.here()
    pid = process()
    seen.know(process__role=os.environ.get("PLATFORM_ROLE", ""))
    if pid is None:
        seen.say(f"{host}: no process runs", process="dead")
        refused = settings_refused(log_end(PLATFORM_LOG))
        if refused:
            seen.say(f"log: cannot start: {clean(refused)[:240]}", process__reason="settings")
        return
    before, began = _cpu(pid), time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(web.get, _probe(host), wait_s=_PROBE_S)
        stopped = [_is_stopped(pid) for _ in _ticks(began + _WATCH_S)]
        answers = asked.result().answered
    share = (_cpu(pid) - before) / (time.monotonic() - began)
    # One that is always stopped hangs; one that runs in between is held up.
    held = any(stopped) and not all(stopped)
    state = "held" if held else "serves" if answers else "busy" if share > _BUSY else "hangs"
    often = f", stopped {sum(stopped)} of {len(stopped)} times that sb looked" if held else ""
    seen.say(
        f"{host}: process {pid}, {'answers' if answers else 'no answer'}, "
        f"{round(100 * share)} % of a CPU{often}",
        process=state,
    )
    started = started_with(pid)
    try:
        now = settings.read().values
    except Exception:
        return
    for name in ("CONTROL_PLANE_DB", "REDIS_URL"):
        was, is_ = started.get(name, ""), now.get(name, "")
        if was != is_:
            seen.say(
                f"{host}: started with {was.rpartition('@')[2]}, the file says "
                f"{is_.rpartition('@')[2]}",
                {"process.address": "old"},
            )
    for line in reversed(log_end(PLATFORM_LOG)):
        if '"level": "error"' in line or '"level": "fatal"' in line:
            seen.lines.append(f"log: {clean(line)[:240]}")
            break


def settings_refused(log: Sequence[str]) -> str:
    """Why the last start of a process ended, where its settings are the reason; else empty.

    Args:
        log: The end of its log: lines of JSON.
    """
    for line in reversed(log):
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # of npm, or of a traceback
        if not isinstance(entry, dict):
            continue
        return str(entry.get("error", "")) if entry.get("message") == "cannot start" else ""
    return ""


def _probe(host: str) -> str:
    role = os.environ.get("PLATFORM_ROLE", "")
    port = {"api": 3001, "web": 3000}.get(role, settings.WORKER_PORT)
    return f"http://{host}:{port}/livez"


def process() -> int | None:
    """The platform's process on this host; None if none runs."""
    try:
        pid = int(PIDFILE.read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else pid


def started_with(pid: int) -> dict[str, str]:
    """Environment that a process was started with."""
    try:
        text = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    pairs = (each.split("=", 1) for each in text.split("\0") if "=" in each)
    return {name: value for name, value in pairs}


def _ticks(until: float) -> Iterator[None]:
    while time.monotonic() < until:
        yield
        time.sleep(_TICK_S)


def _is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _output(*command: str) -> str:
    try:
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=3,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout


def room(folder: Path) -> str:
    """Free room of a folder's disk, for a person."""
    return size(shutil.disk_usage(folder).free)


def holder(file: Path) -> int | None:
    """A process of this host that has the file open; None if none has."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if any(_is_same(descriptor, file) for descriptor in (folder / "fd").iterdir()):
                return int(folder.name)
        except OSError:
            continue  # another user's, or ended meanwhile
    return None


def _is_same(descriptor: Path, file: Path) -> bool:
    try:
        return descriptor.samefile(file)
    except OSError:
        return False  # closed meanwhile


def _is_socket(descriptor: Path) -> bool:
    try:
        return os.readlink(descriptor).startswith("socket:")
    except OSError:
        return False  # closed meanwhile: a process that leaks opens and closes all the time


def sockets() -> list[tuple[int, int, str]]:
    """Processes by the sockets that they have: how many, process id, last word."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            count = sum(_is_socket(each) for each in (folder / "fd").iterdir())
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # another user's, or gone
        if count:
            found.append((count, int(folder.name), next((w for w in reversed(words) if w), "?")))
    return sorted(found, reverse=True)
