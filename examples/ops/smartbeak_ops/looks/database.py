"""Looks at PostgreSQL: the platform's way in, and both servers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString

from smartbeak_ops import postgres, settings, web
from smartbeak_ops.failures import ServiceError, clean
from smartbeak_ops.looks import sql
from smartbeak_ops.looks.seen import Look, Seen, size, span
from smartbeak_ops.refusal import RefusedError

OWN = ("smartbeak-api", "smartbeak-web", "smartbeak-worker")
"""Names under which the platform's processes are connected."""

XID_PERCENT = 40
"""Share of the transaction ids used, from which on it is a matter of its own."""

SLOT_MB = 64
"""WAL that a slot may hold back before it is a matter of its own."""

READY = "database system is ready to accept connections"
"""What a server writes that has recovered, for which it needs room on its disk."""

LAG_MB = 64
LOCK_S = 5
OLD_S = 300
LONG_S = 3600
"""From which on a session that is open is a matter of its own."""

BEHIND = 100_000
"""Transactions since a session's own for which the same holds: vacuum leaves what they left."""

_REASONS = (
    ("WAL removed", "has already been removed"),
    ("settings smaller", "insufficient parameter settings"),
    ("wrong password", "password authentication failed"),
    ("diverged", "is ahead of the WAL flush position"),
    ("diverged", "highest timeline"),
    ("diverged", "new timeline"),
    ("disk full", "No space left on device"),
    ("link dead", "could not connect to the primary"),
    ("link dead", "timeout"),
)


def looks(known: settings.Settings) -> list[Look]:
    """Everything about the database, from the operator's machine.

    A managed one shows nothing but its endpoint: its servers have no names of their own.
    """
    if endpoint := known.managed:
        return [
            Look("platform", lambda seen: _platform(seen, known, "managed")),
            Look("api", lambda seen: _managed_api(seen, known, endpoint)),
        ]
    try:
        primary = known.primary
        hosts = {each: "primary" if each == primary else "replica" for each in settings.DATABASES}
    except RefusedError as error:
        reason = error.reason
        foreign = Look("address", lambda seen: seen.say(reason, platform__address="foreign"))
        hosts = dict.fromkeys(settings.DATABASES, "")
        return [foreign, *(_server(host, "") for host in hosts)]
    return [
        Look("platform", lambda seen: _platform(seen, known)),
        Look("api", lambda seen: _api(seen, hosts)),
        *(_server(host, role) for host, role in hosts.items()),
        Look("link", lambda seen: _link(seen, primary)),
    ]


def _platform(seen: Seen, known: settings.Settings, address: str = "known") -> None:
    """What the platform gets, at its address and as its role."""
    seen.know(platform__address=address)
    try:
        with postgres.Server(known.database) as server:
            row = server.one(sql.ACCESS)
    except ServiceError as error:
        if error.state == "no password":
            seen.blind("platform", "no password of its role here")
        else:
            seen.say(f"platform: {error.said}", platform=error.state)
        if error.state == "wrong password" and address == "known":
            _see_end_of_role(seen, known)
        return
    state = "read-only" if row["recovering"] else "writable"
    if not row["recovering"] and row["read_only"]:
        state = "set to read-only"
    seen.say(f"platform: {state}", platform=state)
    if row["hidden"]:
        seen.say(
            f"  its tables are there, and not on its search_path: {clean(str(row['path']))}",
            platform__tables="hidden",
        )


def _see_end_of_role(seen: Seen, known: settings.Settings) -> None:
    """Whether the password is right, and its last day is over."""
    try:
        with postgres.superuser(known.primary) as server:
            ended = server.rows(sql.ENDED, [settings.ROLE])
    except ServiceError:
        return  # the look at that server says it
    for row in ended:
        seen.say(
            f"  the password of {row['rolname']} was valid until {row['until']}",
            platform__role="ended",
        )


def _api(seen: Seen, hosts: dict[str, str]) -> None:
    if not settings.known("api"):
        seen.know(api="absent")
        return
    # First: an API that had nothing to do connects when its probe asks the database.
    ready = web.probe(f"{settings.API}/readyz", "ready", "not ready")
    with ThreadPoolExecutor(len(hosts)) as pool:
        sessions = dict(zip(hosts, pool.map(_sessions, hosts), strict=True))
    if None in sessions.values():
        seen.say(f"api: {ready}", api=ready)
        return
    found = [host for host, count in sessions.items() if count]
    seen.say(
        f"api: {ready}, connected to {' and '.join(found) or 'none'}",
        api=ready,
        api__connected=" and ".join(sorted(hosts[host] for host in found)) or "none",
    )


def _managed_api(seen: Seen, known: settings.Settings, endpoint: str) -> None:
    """The API, and how many of its sessions the managed database has."""
    seen.lines.append(f"database: managed, {endpoint}")
    if not settings.known("api"):
        seen.know(api="absent")
        return
    ready = web.probe(f"{settings.API}/readyz", "ready", "not ready")
    seen.know(api=ready)
    try:
        with postgres.Server(known.database) as server:
            count = int(server.value(sql.API_SESSIONS))
    except ServiceError:
        seen.lines.append(f"api: {ready}")
        return
    seen.lines.append(f"api: {ready}, {'connected' if count else 'not connected'}")


def _sessions(host: str) -> int | None:
    """Sessions of the API on a server; None if we may not ask."""
    try:
        with postgres.superuser(host) as server:
            return int(server.value(sql.API_SESSIONS))
    except ServiceError as error:
        return None if error.state == "no password" else 0


def _server(host: str, role: str) -> Look:
    return Look(host, lambda seen: _see_server(seen, host, role))


def _see_server(seen: Seen, host: str, role: str) -> None:
    name = role or host
    try:
        with postgres.superuser(host) as server:
            see_server(seen, server, host, name)
    except ServiceError as error:
        if error.state == "unknown host":
            seen.know({name: "absent"})
            return
        if error.state == "no password":
            seen.blind(host, "no password of postgres here; type it on ops")
        elif name not in seen.facts:
            seen.say(f"{host}: {error.said}", {name: error.state})
        else:
            seen.say(f"{host}: then {error.said}")


def see_server(seen: Seen, server: postgres.Server, host: str, name: str) -> None:
    """A server that lets a superuser in: its role, and what may be wrong with it."""
    row = server.one(sql.ROLE)
    if row["recovering"]:
        _see_replica(seen, server, row, host, name)
    else:
        _see_primary(seen, server, row, host, name)


def _see_replica(
    seen: Seen, server: postgres.Server, row: dict[str, Any], host: str, name: str
) -> None:
    seen.know({name: "replica", f"{name}.streaming": row["heard_s"] is not None})
    if row["heard_s"] is not None:
        seen.say(f"{host}: replica, heard from its primary {span(row['heard_s'])} ago")
    else:
        seen.say(f"{host}: replica, not streaming")
        why, text = _why_not(_log_end(server))
        seen.know({f"{name}.reason": why})
        if text:
            seen.lines.append(f"  its log: {text}")
    if row["received"] is not None and row["replayed"] is not None:
        seen.know({f"{name}.unreplayed": float(row["unreplayed"])})
    when = row["last_xact"]
    if row["heard_s"] is None:
        seen.lines.append(f"  it has everything up to {row['replayed']}, the last row of {when}")
    paused = row["pause"] != "not paused"
    replay = "running"
    if paused:
        settings_text, _ = _why_not(_log_end(server, only="insufficient parameter settings"))
        replay = "settings smaller" if settings_text == "settings smaller" else "paused"
        seen.lines.append(
            f"  replay is {row['pause']}"
            + (
                ": its settings are smaller than its primary's; promoted now, it ends"
                if replay == "settings smaller"
                else ": somebody paused it"
            )
        )
    seen.know({f"{name}.replay": replay})


def _see_primary(
    seen: Seen, server: postgres.Server, row: dict[str, Any], host: str, name: str
) -> None:
    seen.say(
        f"{host}: primary, replicas streaming: {row['streaming']}",
        {name: "primary", f"{name}.streaming": int(row["streaming"]), f"{name}.host": host},
    )
    if row["behind"] is not None:
        behind = float(row["behind"])
        seen.know({f"{name}.lag_mb": behind / 1048576})
        if behind > LAG_MB * 1048576:
            seen.lines.append(f"  the replica is {size(behind)} behind")
    _see_connections(seen, server)
    _see_locks(seen, server)
    _see_commits(seen, server)
    _see_slots(seen, server)
    _see_age(seen, server)
    _see_archive(seen, server)
    _see_damage(seen, server)
    _see_disk(seen, server, host)


def _see_connections(seen: Seen, server: postgres.Server) -> None:
    used = server.one(sql.CONNECTIONS)
    top = server.rows(sql.HOLDERS)
    full = used["used"] >= used["slots"]
    seen.say(
        f"connections: {used['used']} of {used['slots']}",
        connections__percent=round(100 * used["used"] / max(1, used["slots"])),
    )
    if top and used["used"] * 10 >= used["slots"] * 8:
        first = top[0]
        who = str(first["application_name"])
        seen.know(connections__holder="platform" if who.startswith(OWN) else "another")
        seen.lines.append(
            f"  {first['count']} are of {first['usename']}, {who or 'without a name'}, "
            f"most {first['state']}"
        )
    seen.know(connections__full=full)


def _see_locks(seen: Seen, server: postgres.Server) -> None:
    waiting = server.rows(sql.WAITING)
    seen.know(locks__waiting=len(waiting))
    if not waiting:
        seen.lines.append("locks: nobody waits")
        return
    longest = max(float(each["waits_s"]) for each in waiting)
    seen.know(locks__seconds=longest)
    seen.lines.append(f"locks: {len(waiting)} wait, the longest for {span(longest)}")
    kinds = []
    for holder in server.rows(sql.BLOCKERS):
        kind = _kind_of(holder)
        kinds.append(kind)
        query = " ".join(clean(str(holder["query"] or "")).split())[:160]
        seen.lines.append(
            f"  {holder['blocks']} wait for session {holder['pid']}: {holder['usename']}"
            f"{' (superuser)' if holder['rolsuper'] else ''}, "
            f"{holder['application_name'] or 'without a name'}, {holder['state']}, "
            f"transaction open for {span(float(holder['open_s'] or 0))}: {query or 'no query'}"
        )
    for prepared in server.rows(sql.PREPARED):
        kinds.append("prepared")
        seen.lines.append(
            f"  prepared transaction {prepared['gid']} of {prepared['owner']}, "
            f"{span(float(prepared['open_s']))} old, holds locks without a session"
        )
    seen.know(locks__holder=kinds[0] if kinds else "unknown")


def _see_commits(seen: Seen, server: postgres.Server) -> None:
    """Commits that are done here and wait until a standby has them too."""
    row = server.one(sql.COMMITS)
    seen.know(commits__waiting=int(row["waiting"]), commits__seconds=float(row["waits_s"] or 0))
    if row["waiting"]:
        seen.lines.append(
            f"commits: {row['waiting']} wait for a standby, the longest for "
            f"{span(float(row['waits_s']))}"
        )
        seen.lines.append(
            f"  synchronous_standby_names asks for {clean(str(row['asked'])) or 'nobody'}; "
            f"streaming: {row['streaming'] or 'nobody'}"
        )


def _kind_of(holder: dict[str, Any]) -> str:
    if holder["backend_type"] != "client backend":
        return "server"
    if holder["rolsuper"]:
        return "superuser"
    return "platform" if str(holder["application_name"]).startswith(OWN) else "ordinary"


def _see_slots(seen: Seen, server: postgres.Server) -> None:
    idle = [each for each in server.rows(sql.SLOTS) if not each["active"]]
    held = sum(float(each["held"] or 0) for each in idle)
    seen.know(slots__idle=len(idle), slots__held_mb=held / 1048576)
    for each in idle:
        seen.lines.append(
            f"slot {each['slot_name']}: nobody reads it, "
            f"holds {size(float(each['held'] or 0))} of WAL"
        )


def _see_age(seen: Seen, server: postgres.Server) -> None:
    row = server.one(sql.AGE)
    percent = round(100 * int(row["oldest"]) / 2**31)
    behind = int(row["behind"] or 0)
    seen.know(
        xid__percent=percent,
        sessions__oldest_s=float(row["open_s"] or 0),
        sessions__behind=behind,
    )
    if percent >= XID_PERCENT:
        seen.lines.append(f"transaction ids: {percent} % used, the oldest in {row['datname']}")
    if row["pid"] is not None and (float(row["open_s"]) > OLD_S or behind > BEHIND):
        seen.lines.append(
            f"old session: {row['pid']}, {row['usename']}, {row['application_name']}, "
            f"{row['state']}, transaction open for {span(float(row['open_s']))}, "
            f"{behind} others since"
        )


def _see_archive(seen: Seen, server: postgres.Server) -> None:
    row = server.one(sql.ARCHIVER)
    seen.know(archive="fails" if row["fails"] else "ok")
    if row["fails"]:
        seen.lines.append(f"archive: fails since {row['last_failed_time']:%H:%M:%S}")


def _see_damage(seen: Seen, server: postgres.Server) -> None:
    try:
        row = server.one(sql.DAMAGE)
    except ServiceError:
        return
    if row["total"] and row["most"] * 4 >= row["total"] and row["total"] >= 20:
        seen.say(
            f"rows: one statement changed {row['most']} of {row['total']} pieces of content "
            f"at {row['at']:%H:%M:%S}",
            rows="changed at once",
        )
    else:
        seen.know(rows="ok")


def _see_disk(seen: Seen, server: postgres.Server, host: str) -> None:
    text = _log_end(server, only="No space left on device", since=sql.FRESH, after=READY)
    if text:
        seen.say(f"{host}: its log says: {text[-1]}", disk="full")
    else:
        seen.know(disk="ok")


def _log_end(
    server: postgres.Server, only: str = "", since: LiteralString = "", after: str = ""
) -> list[str]:
    """Last lines of the server's own log that are errors, or hold a text.

    Args:
        server: Whose log it is.
        only: What a line must hold.
        since: A question for the oldest moment that counts, as the log writes it.
        after: Only what stands behind the last line with this text counts.
    """
    try:
        text = str(server.value(sql.LOG_END, [sql.LOG, sql.LOG]) or "")
        oldest = str(server.value(since)) if since else ""
    except ServiceError:
        return []
    found = text.rpartition(after)[2] if after else text
    lines = [line for line in found.splitlines() if only in line and line[: len(oldest)] >= oldest]
    if not only:
        lines = [line for line in lines if "FATAL" in line or "ERROR" in line or "PANIC" in line]
    return [clean(line.split("]", 1)[-1].strip())[:200] for line in lines]


def _why_not(lines: list[str]) -> tuple[str, str]:
    """Why a replica does not stream, by the newest line that says it."""
    for line in reversed(lines):
        for why, text in _REASONS:
            if text in line:
                return why, line
    return "unknown", lines[-1] if lines else ""


def _link(seen: Seen, primary: str) -> None:
    """The way that replication goes, tried from here."""
    name = f"{primary}.repl"
    if not settings.known(name):
        return
    try:
        with postgres.superuser(name):
            seen.know(link="open")
    except ServiceError as error:
        if error.state == "no password":
            return
        seen.know(link=error.state)
        if error.state != "refused":
            seen.lines.append(f"link {name}: {error.said}")
