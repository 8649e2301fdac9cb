"""Looks for what only somebody changes who should not be inside."""

from __future__ import annotations

import re
from typing import Any

from smartbeak_ops import postgres, settings
from smartbeak_ops.looks import packages
from smartbeak_ops.looks.seen import Look, Seen

ROLES = ("postgres", "smartbeak", "smartbeak_b", "replicator")
"""Roles of the database that may log in; `smartbeak_b` takes over when a password leaked."""

_SHOWN = 3
_KEEPER = ("schema_migrations", "schema_migrations_lock")
_CREATED = re.compile(r"(?im)^\s*CREATE TABLE (?:IF NOT EXISTS )?(\w+)")
_DROPPED = re.compile(r"(?im)^\s*DROP TABLE (?:IF EXISTS )?(\w+)")

_TARGETS = """
SELECT target.id, target.domain_id, domain.org_id,
       substring(target.config->>'url' FROM '^https?://([^:/]+)') AS host
FROM publish_targets AS target JOIN domains AS domain ON domain.id = target.domain_id
WHERE target.enabled AND target.type = 'wordpress'
  AND target.created_at > now() - interval '1 day'
  AND '.' || substring(target.config->>'url' FROM '^https?://([^:/]+)')
      NOT LIKE '%.' || domain.name
ORDER BY target.created_at DESC LIMIT 20
"""
_RAISED = """
SELECT user_id, org_id, role FROM memberships
WHERE role IN ('owner', 'admin')
  AND greatest(created_at, updated_at) > now() - interval '1 day'
ORDER BY greatest(created_at, updated_at) DESC LIMIT 20
"""
_ENTERED = """
SELECT user_id, org_id, role FROM memberships AS entered
WHERE created_at > now() - interval '1 day'
  AND EXISTS (SELECT FROM memberships AS own WHERE own.user_id = entered.user_id
                AND own.org_id <> entered.org_id AND own.created_at < entered.created_at)
ORDER BY created_at DESC LIMIT 20
"""
_LOGINS = """
SELECT rolname FROM pg_roles
WHERE (rolcanlogin OR rolsuper) AND rolname <> ALL (%s) ORDER BY rolname LIMIT 20
"""


def looks(known: settings.Settings) -> list[Look]:
    """What there is to look at from the operator's machine."""
    return [Look("inside", lambda seen: _rows(seen, known)), Look("packages", packages.see)]


def tables() -> set[str]:
    """The platform's tables, by the migrations of the release."""
    found: set[str] = set()
    for file in sorted(settings.MIGRATIONS.glob("*.up.sql")):
        text = file.read_text(encoding="utf-8")
        found |= set(_CREATED.findall(text))
        found -= set(_DROPPED.findall(text))
    return found


def _rows(seen: Seen, known: settings.Settings) -> None:
    with postgres.Server(known.database) as server:
        _tables(seen, server)
        if seen.facts["tables.missing"]:
            return
        elsewhere = server.rows(_TARGETS)
        led = [f"{row['id']} of {row['org_id']} leads to {row['host']}" for row in elsewhere]
        _say(seen, "targets", led, "none of the last day leads away from its domain")
        entered = server.rows(_ENTERED)
        _say(seen, "members",
             [f"{r['user_id']} is {r['role']} of {r['org_id']} as well" for r in entered],
             "nobody came into a second organization within the day")  # fmt: skip
        raised = server.rows(_RAISED)
        _say(seen, "roles", [f"{r['user_id']} became {r['role']} of {r['org_id']}" for r in raised],
             "nobody became owner or admin within the day")  # fmt: skip
        logins = server.rows(_LOGINS, [list(ROLES)])
        _say(seen, "logins", [f"{r['rolname']} may log in to the database" for r in logins],
             "none but those of the platform")  # fmt: skip
    seen.know(
        targets__elsewhere=len(elsewhere), roles__raised=len(raised), logins__unknown=len(logins),
        members__entered=len(entered),
    )  # fmt: skip


def _tables(seen: Seen, server: postgres.Server) -> None:
    wanted = tables()
    there: set[Any] = {
        row["tablename"]
        for row in server.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    }
    unknown, missing = sorted(there - wanted - set(_KEEPER)), sorted(wanted - there)
    line = f"tables: {len(wanted & there)} of {len(wanted)} there"
    line += f", unknown: {', '.join(unknown[:_SHOWN])}" if unknown else ""
    seen.say(line, tables__unknown=len(unknown), tables__missing=len(missing))


def _say(seen: Seen, name: str, found: list[str], none: str) -> None:
    seen.lines += [f"{name}: {each}" for each in found[:_SHOWN]] or [f"{name}: {none}"]
