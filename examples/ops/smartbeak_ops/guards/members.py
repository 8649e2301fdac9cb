"""Guards of who may do what: nobody is left without an owner, nor the platform without a login."""

from __future__ import annotations

from smartbeak_ops import postgres, settings
from smartbeak_ops.looks.security import ROLES
from smartbeak_ops.refusal import RefusedError

_ROLE = """
SELECT role, (SELECT count(*) FROM memberships AS other
              WHERE other.org_id = mine.org_id AND other.role = 'owner'
                AND other.user_id <> mine.user_id) AS owners
FROM memberships AS mine WHERE mine.user_id = %s AND mine.org_id = %s
"""


def take_role(user: str, org: str) -> None:
    """A user's role in an organization may be taken.

    Raises:
        RefusedError: There is none, or it is the only owner's.
    """
    with postgres.Server(settings.read().database) as server:
        rows = server.rows(_ROLE, [user, org])
    if not rows:
        raise RefusedError(f"{user} has no role in {org}")
    if rows[0]["role"] == "owner" and rows[0]["owners"] == 0:
        raise RefusedError(f"{user} is the only owner of {org}: give another member the role first")


def close_login(role: str) -> None:
    """A role of the database may be closed: it can log in, and is not the platform's.

    Raises:
        RefusedError: It is the platform's own, or there is nothing to close.
    """
    if role in ROLES:
        raise RefusedError(f"{role} is the platform's own: it would be out itself")
    known = settings.read()
    with postgres.Server(known.database) as server:
        rows = server.rows(
            "SELECT rolcanlogin OR rolsuper AS open FROM pg_roles WHERE rolname = %s", [role]
        )
    if not rows:
        raise RefusedError(f"there is no role {role}")
    if not rows[0]["open"]:
        raise RefusedError(f"{role} cannot log in")
