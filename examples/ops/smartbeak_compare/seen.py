"""What the running stack has, asked with its own clients."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from smartbeak_compare.known import REFUSED, Facts, Said, keys

REDIS = ("redis-cli", "-e", "-h", "redis-1")
SHORT = {
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "character varying": "varchar",
}
ON_DELETE = {"a": "no action", "c": "cascade", "n": "set null", "r": "restrict", "d": "set default"}
SANDBOX = "drillbook:"
"""How keys begin by which the sandbox sees that Redis takes writes."""

YOUNG_S = 120
"""A key that was made on this page is not older; what it still lives says how long it lived."""

_COLUMNS = """
SELECT a.attrelid::regclass, a.attname, c.data_type, r.confrelid::regclass, r.confdeltype
FROM pg_attribute a JOIN information_schema.columns c
  ON c.table_schema = 'public' AND c.table_name::text = a.attrelid::regclass::text
  AND c.column_name = a.attname
LEFT JOIN pg_constraint r
  ON r.contype = 'f' AND r.conrelid = a.attrelid AND r.conkey = ARRAY[a.attnum]
"""
_CHECKS = """
SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'c' AND connamespace = 'public'::regnamespace
"""


def _rows(facts: Facts, query: str) -> Iterator[list[str]]:
    place = _run("sed", "-n", "s/^CONTROL_PLANE_DB=//p", "/etc/smartbeak/platform.env").strip()
    said = _run("psql", place, "-qAt", "-v", "ON_ERROR_STOP=1", "-c", query)
    return (line.split("|") for line in said.splitlines())


def _run(*argv: str) -> str:
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, timeout=30).stdout


def _asked(
    method: str, url: str, token: str = "", body: bytes | None = None
) -> tuple[int, Mapping[str, str], str]:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def _tables(facts: Facts) -> Said:
    found: dict[str, dict[str, str]] = {}
    for table, column, kind, to, on_delete in _rows(facts, _COLUMNS):
        refers = f" to {to}, on delete {ON_DELETE[on_delete]}" if to else ""
        found.setdefault(table, {})[column] = SHORT.get(kind, kind) + refers
    return found


def _statuses(facts: Facts) -> Said:
    found = {}
    for table, *rest in _rows(facts, _CHECKS):
        text = "|".join(rest)
        if column := re.search(r"\((\w+) = ANY \(ARRAY\[", text):
            values = ", ".join(sorted(re.findall(r"'(\w+)'::text", text)))
            found[f"{table}.{column[1]}"] = {"values": values}
    return found


def _queues(facts: Facts) -> Said:
    keys = _run(*REDIS, "--scan", "--pattern", "bull:*:meta").split()
    return {key.split(":")[1]: {"in Redis": "yes"} for key in keys}


def _options(facts: Facts) -> Said:
    """Of the job that was completed last."""
    job = _run(*REDIS, "ZRANGE", "bull:publishing:completed", "-1", "-1").strip()
    name, opts = _run(*REDIS, "HMGET", f"bull:publishing:{job}", "name", "opts").splitlines()
    options = dict(_leaves(json.loads(opts)))
    # BullMQ's own: the job's id, and that it was not to wait before its first attempt.
    own = (("jobId", job), ("delay", "0"))
    options = {key: value for key, value in options.items() if (key, value) not in own}
    return {key: {"value": value} for key, value in {"name": name, **options}.items()}


def _leaves(options: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{before}{name}.")
        else:
            yield before + name, str(value)


def _routes(facts: Facts) -> Said:
    """Paths that a host's own document has or that the facts have; methods by its refusal."""
    found: dict[str, dict[str, str]] = {}
    token = _run("token", "admin").strip()
    for host, port, key in (("api", 3001, "endpoints"), ("web", 3000, "web")):
        _, _, served = _asked("GET", f"http://{host}:{port}/openapi.json")
        for path in {*json.loads(served)["paths"], *facts.all[key]}:
            place = re.sub(r"\{\w+\}", "none", path)
            status, headers, _ = _asked("PURGE", f"http://{host}:{port}{place}", token)
            if status == 405:
                allowed = set(headers["allow"].split(", ")) - {"HEAD", "OPTIONS"}
                found[f"{host} {path}"] = {"methods": ", ".join(sorted(allowed))}
    for path in facts.all["worker"]:
        if _asked("GET", f"http://worker:9464{path}")[0] == 200:
            found[f"worker {path}"] = {"methods": "GET"}
    return found


def _codes(facts: Facts) -> Said:
    found: dict[str, dict[str, str]] = {}
    tokens = {role: _run("token", role).strip() for role in ("owner", "admin", "viewer")} | {"": ""}
    for when, (role, method, path, body, times) in REFUSED.items():
        for _ in range(times):
            status, _, text = _asked(
                method, f"http://api:3001{path}", tokens[role], body.encode() or None
            )
        found.setdefault(json.loads(text)["code"], {})[when] = str(status)
    return found


def _variables(facts: Facts) -> Said:
    """Of the code that runs on this host; what is ours alone is left out."""
    said = _run("python3", "-c", "from smartbeak.process.settings import VARIABLES as v; print(*v)")
    ours = set(facts.all["stand-in"]) - set(facts.all["variables"])
    return {name: {"read": "yes"} for name in said.split() if name not in ours}


def _keys(facts: Facts) -> Said:
    """Each pattern that a key fits; a key that fits none stands for itself."""
    patterns = {
        name: re.compile(
            ":".join(
                r"[^:]+" if part.startswith("<") else re.escape(part) for part in name.split(":")
            )
        )
        # `bull:<queue>:wait` before `bull:<queue>:<job id>`
        for name in sorted(
            (*facts.all["redis-keys"], *facts.all["bullmq-keys"]), key=lambda name: name.count("<")
        )
    }
    lives = {name: about["seconds"] for name, about in keys(facts).items()}
    found: dict[str, dict[str, str]] = {}
    for key in sorted(_run(*REDIS, "--scan").split()):
        if key.startswith(SANDBOX):
            continue
        name = next((name for name, each in patterns.items() if each.fullmatch(key)), key)
        kind, left = _run(*REDIS, "TYPE", key).strip(), int(_run(*REDIS, "PTTL", key)) / 1000
        if kind == "none":
            continue  # gone meanwhile
        right = lives.get(name, "for ever")
        seconds = "for ever" if left < 0 else f"{left:g} left"
        if right != "for ever" and max(0, float(right) - YOUNG_S) < left <= float(right):
            seconds = right
        said = {"type": kind, "seconds": seconds}
        if found.setdefault(name, said) != said:
            found[name] = {"type": kind, "seconds": f"{seconds} ({key})"}
    return found


SEEN: Mapping[str, Callable[[Facts], Said]] = {
    "tables": _tables,
    "statuses": _statuses,
    "queues": _queues,
    "job-options": _options,
    "routes": _routes,
    "error-codes": _codes,
    "variables": _variables,
    "redis-keys": _keys,
}
