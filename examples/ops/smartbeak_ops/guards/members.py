"""Guards of memberships: nobody is left without an owner."""

from __future__ import annotations

from smartbeak_ops import postgres, settings
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
