"""What webhooks of Clerk change: users and their memberships."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smartbeak.access.roles import ROLES, Role
from smartbeak.data.database import Connection, fetch_one
from smartbeak.process.logs import Log
from smartbeak.web.billing import EventError

_ROLES: Mapping[str, Role] = {
    **{role: role for role in ROLES if role != "owner"},
    **{"org:admin": "admin", "org:member": "viewer", "member": "viewer"},
}
"""Roles by what Clerk calls them; whoever else comes may only read."""

log = Log("accounts")


async def clerk(connection: Connection, kind: str, data: Mapping[str, Any]) -> None:
    """Applies an event of Clerk; doing it twice is doing it once.

    Args:
        connection: To the database, in a transaction.
        kind: Type of the event.
        data: What it is about.

    Raises:
        EventError: Something is missing in it.
    """
    if kind in ("user.created", "user.updated"):
        await connection.execute(
            "INSERT INTO users (id, email) VALUES (%s, %s) "
            "ON CONFLICT (id) DO UPDATE SET email = excluded.email",
            (_text(data, "id"), _email(data)),
        )
    elif kind == "user.deleted":
        await _forget(connection, _text(data, "id"))
    elif kind == "organizationMembership.created":
        await _join(connection, data)
    elif kind == "organizationMembership.deleted":
        await connection.execute(
            "DELETE FROM memberships WHERE user_id = %s AND org_id = %s",
            (_member(data), _text(data, "organization_id")),
        )
    else:
        log.info("nothing to do", eventType=kind)


async def _forget(connection: Connection, user: str) -> None:
    """Removes what says who a user was; what they did stays."""
    await connection.execute("DELETE FROM memberships WHERE user_id = %s", (user,))
    await connection.execute(
        "UPDATE users SET email = %s, session_version = session_version + 1 WHERE id = %s",
        (f"deleted_{user}@anonymized.local", user),
    )


async def _join(connection: Connection, data: Mapping[str, Any]) -> None:
    user, org = _member(data), _text(data, "organization_id")
    if await fetch_one(connection, "SELECT 1 FROM organizations WHERE id = %s", org) is None:
        raise EventError("no such organization")
    await connection.execute(
        "INSERT INTO users (id, email) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING",
        (user, f"pending_{user}@clerk.local"),
    )
    await connection.execute(
        "INSERT INTO memberships (user_id, org_id, role) VALUES (%s, %s, %s) "
        "ON CONFLICT (user_id, org_id) DO UPDATE SET role = excluded.role, updated_at = now()",
        (user, org, _ROLES.get(str(data.get("role")), "viewer")),
    )


def _member(data: Mapping[str, Any]) -> str:
    """The user of a membership; its own id is not the user's."""
    about = data.get("public_user_data")
    return _text(about if isinstance(about, Mapping) else {}, "user_id")


def _email(data: Mapping[str, Any]) -> str:
    addresses = data.get("email_addresses")
    first = addresses[0] if isinstance(addresses, list) and addresses else {}
    return _text(first if isinstance(first, Mapping) else {}, "email_address")


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value or "\0" in value:
        raise EventError(f"{name} is missing")
    return value
