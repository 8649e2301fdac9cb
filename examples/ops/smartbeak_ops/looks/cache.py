"""Looks at Redis: the platform's way in, the other host, and the sentinels."""

from __future__ import annotations

import re
from typing import Any

from smartbeak_ops import redisdb, settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.looks import mistyped
from smartbeak_ops.looks.seen import Look, Seen
from smartbeak_ops.refusal import RefusedError

SLOW_US = 1_000_000
"""Microseconds from which on one command holds everybody up."""

FULL_PERCENT = 95
"""Share of maxmemory from which on Redis counts as full."""

NEEDED = ("set", "hset", "zadd", "del", "evalsha")
"""Commands by which the platform and BullMQ write."""

WAITING = ("bl", "br", "bz", "xread", "wait", "NULL")
"""How the commands begin for which a client waits of its own: BLPOP, BZPOPMIN, XREAD, WAIT."""

_PAIR = re.compile(r"(\S+?)=(\S*)")


def looks(known: settings.Settings) -> list[Look]:
    """Everything about Redis, from the operator's machine."""
    try:
        master = known.master
    except RefusedError as error:
        reason = error.reason
        return [Look("address", lambda seen: seen.say(reason, redis__address="foreign"))]
    peer = settings.other(master, settings.REDISES)
    return [
        Look("redis", lambda seen: _redis(seen, known)),
        Look("other Redis", lambda seen: _peer(seen, peer)),
        Look("sentinels", lambda seen: _sentinels(seen, master)),
        mistyped.look(known),
    ]


def _redis(seen: Seen, known: settings.Settings) -> None:
    seen.know(redis__address="known")
    store = redisdb.Store.at(known.redis)
    try:
        info = store.info()
    except ServiceError as error:
        said = "no answer in 3 s" if error.state == "no answer" else error.said
        seen.say(f"redis: {said}", redis=error.state)
        return
    if info.get("loading"):
        seen.say(
            f"redis: LOADING Redis is loading the dataset in memory, {_progress(info)}",
            redis="starting",
        )
        return
    role = "replica" if info["role"] == "slave" else "master"
    file = _file(info)
    seen.say(
        f"redis: {role}, replicas {info.get('connected_slaves', 0)}, AOF {file}",
        redis=role,
        redis__replicas=int(info.get("connected_slaves", 0)),
        redis__file=file,
    )
    if role == "replica":
        link = str(info.get("master_link_status"))
        seen.say(f"  it follows {info.get('master_host')}, link {link}", redis__link=link)
    _memory(seen, info)
    seen.say(
        f"clients: {info['connected_clients']} of {info['maxclients']}",
        redis__clients_percent=round(100 * info["connected_clients"] / info["maxclients"]),
    )
    _writes(seen, store, info)
    _slow(seen, store, info)


def _progress(info: dict[str, Any]) -> str:
    """How far it is with its file; it answers INFO meanwhile, and no other question."""
    percent, left = info.get("loading_loaded_perc", 0), info.get("loading_eta_seconds", 0)
    return f"{float(percent):.0f} %, {left} s to go"


def _file(info: dict[str, Any]) -> str:
    return str(info["aof_last_write_status"]) if info.get("aof_enabled") else "off"


def _memory(seen: Seen, info: dict[str, Any]) -> None:
    most = int(info["maxmemory"])
    percent = int(100 * info["used_memory"] / most) if most else 0
    full = percent >= FULL_PERCENT
    policy = str(info["maxmemory_policy"])
    seen.say(
        f"memory: {'full, ' if full else ''}{percent} %, {policy}, evicted {info['evicted_keys']}",
        redis__full=full,
        redis__policy=policy,
        redis__evicted=int(info["evicted_keys"]),
    )
    flushed = sum(
        int(value["calls"])
        for name, value in info.items()
        if name in ("cmdstat_flushall", "cmdstat_flushdb")
    )
    seen.know(redis__flushed=flushed)


def _writes(seen: Seen, store: redisdb.Store, info: dict[str, Any]) -> None:
    """Whether Redis refuses writes: it cannot write them down, or was told to."""
    writes = "ok"
    try:
        store.ask("PING")
    except ServiceError as error:
        writes = error.state
        seen.lines.append(f"writes: {error.text}")
    snapshot = str(info.get("rdb_last_bgsave_status", "ok"))
    if snapshot != "ok":
        seen.lines.append(f"snapshots: the last one failed ({snapshot})")
    if _file(info) == "err":
        seen.lines.append("append-only file: cannot be written")
        writes = "MISCONF"
    if writes == "ok" and info["role"] == "master":
        writes, why = told_to_refuse(store, info)
        if why:
            seen.lines.append(f"writes: {why}")
    seen.know(redis__writes=writes, redis__snapshot=snapshot)


def told_to_refuse(store: redisdb.Store, info: dict[str, Any]) -> tuple[str, str]:
    """Why a master that is well takes no writes: the state, and what says so.

    Found by reading alone: nothing is written to try it.
    """
    user = str(_asked(store, "ACL", "WHOAMI") or "default")
    told = _asked(store, "ACL", "GETUSER", user) or []
    # https://redis.io/docs/latest/commands/acl-getuser/: names and values in turn
    rules = dict(zip(told[::2], told[1::2], strict=False)).get("commands", "+@all")
    missing = forbidden(str(rules))
    if missing:
        return "NOPERM", f"NOPERM: the user {user} may not {missing}"
    asked = int((_asked(store, "CONFIG", "GET", "min-replicas-to-write") or ["", 0])[1])
    good = int(info.get("min_slaves_good_slaves", asked))
    if good < asked:
        return "NOREPLICAS", f"NOREPLICAS: it asks for {asked} replicas, {good} are well"
    held = held_up(str(_asked(store, "CLIENT", "LIST") or ""))
    if held:
        return "paused", f"paused: {held} clients wait until CLIENT PAUSE is over"
    return "ok", ""


def forbidden(rules: str) -> str:
    """What a user may not do of that which saving and publishing need; empty if all.

    Args:
        rules: As `ACL GETUSER` says them, for example `+@all -@write`; the last one counts.
    """
    may = dict.fromkeys(NEEDED, False)
    for rule in rules.lower().split():
        for command in may:
            if rule[1:] in ("@all", "@write", command):
                may[command] = rule.startswith("+")
    return ", ".join(command for command, allowed in may.items() if not allowed)


def held_up(clients: str) -> int:
    """How many clients wait with a command that waits for nothing: somebody paused writes.

    Args:
        clients: As `CLIENT LIST` says it; the flag `b` is for a client that waits.
    """
    found = (dict(_PAIR.findall(line)) for line in clients.splitlines())
    return sum(
        "b" in each.get("flags", "") and not each.get("cmd", "").startswith(WAITING)
        for each in found
    )


def _asked(store: redisdb.Store, *command: str) -> Any:
    """What it answers; None where the platform's user may not ask."""
    try:
        return store.ask(*command)
    except ServiceError:
        return None


def _slow(seen: Seen, store: redisdb.Store, info: dict[str, Any]) -> None:
    """Whether something holds everybody up."""
    blocked = int(info.get("blocked_clients", 0))
    try:
        newest = store.ask("SLOWLOG", "GET", 1)
    except ServiceError:
        return
    # https://redis.io/docs/latest/commands/slowlog-get/: id, time, microseconds, words, client
    for _, _, took, words, *_ in newest:
        if took > SLOW_US:
            seen.lines.append(f"slow: {words[0]} took {took / 1e6:.1f} s")
    seen.know(redis__blocked=blocked)


def _peer(seen: Seen, peer: str) -> None:
    if not settings.known(peer):
        seen.know(peer="absent")
        return
    try:
        info = redisdb.Store(peer).info()
    except ServiceError as error:
        seen.say(f"{peer}: {error.said}", peer=error.state)
        return
    if info.get("loading"):
        seen.say(f"{peer}: LOADING, {_progress(info)}", peer="starting")
    elif info["role"] == "slave":
        link = str(info.get("master_link_status"))
        behind = ""
        if link != "up":
            behind = f", for {info.get('master_link_down_since_seconds', 0)} s"
        seen.say(
            f"{peer}: replica of {info.get('master_host')}, link {link}{behind}",
            peer="replica",
            peer__link=link,
        )
    else:
        seen.say(f"{peer}: master", peer="master")


def _sentinels(seen: Seen, master: str) -> None:
    there = [each for each in settings.SENTINELS if settings.known(each)]
    if not there:
        seen.know(sentinels="absent")
        return
    said: dict[str, str] = {}
    majority = False
    for sentinel in there:
        store = redisdb.Store(sentinel, settings.SENTINEL_PORT)
        try:
            answer = store.ask("SENTINEL", "get-master-addr-by-name", settings.PAIR)
            said[sentinel] = str(answer[0]) if answer else "nobody"
            majority = majority or "OK" in str(store.ask("SENTINEL", "CKQUORUM", settings.PAIR))
        except ServiceError:
            # CKQUORUM says no by an error; the sentinel that says it does answer.
            said.setdefault(sentinel, "")
    named = sorted({host for host in said.values() if host})
    silent = [sentinel for sentinel, host in said.items() if not host]
    line = f"sentinels: master is {' or '.join(named) or 'not known'}"
    if silent:
        line += f"; no answer from {', '.join(silent)}"
    if not majority:
        line += "; NO MAJORITY"
    state = "another" if named and named != [master] else "this"
    if not majority:
        state = "no majority"
    elif len(named) > 1:
        state = "disagree"
    seen.say(line, sentinels=state)
