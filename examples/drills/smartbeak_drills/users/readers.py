"""What readers do: they read content, and expect what was written last."""

from __future__ import annotations

from dataclasses import dataclass

from smartbeak_drills.agreed import WATCHED
from smartbeak_drills.session import Session
from smartbeak_drills.users.calls import Line
from smartbeak_drills.users.platform import Platform
from smartbeak_drills.users.roster import READERS

_WRITTEN = """
SELECT item.id, item.title, item.body, item.status
FROM content_items AS item
WHERE item.id = ANY (string_to_array($1, ','))
"""
_ORGS = """
SELECT item.id, domain.org_id FROM content_items AS item
JOIN domains AS domain ON domain.id = item.domain_id
WHERE item.id = ANY (string_to_array($1, ','))
"""


@dataclass(frozen=True, slots=True)
class Text:
    """What a piece says."""

    title: str
    body: str
    status: str


class Readers:
    """Reads pieces as somebody of their organization.

    Args:
        platform: Where.
        orgs: Organization by piece.
    """

    def __init__(self, platform: Platform, orgs: dict[str, str]) -> None:
        self._platform = platform
        self._orgs = orgs

    @property
    def pieces(self) -> tuple[str, ...]:
        """Ids of what is read."""
        return tuple(self._orgs)

    def read(self, line: Line, piece: str) -> Text:
        """What the platform answers.

        Raises:
            CallError: It does not.
        """
        user = self._platform.take("read", READERS, self._orgs[piece])
        item = self._platform.call(line, user, "GET", f"/v1/content/{piece}").body["item"]
        # Without a field a reader sees nothing in its place.
        return Text(*(str(item.get(name, "")) for name in ("title", "body", "status")))

    def written(self) -> dict[str, Text]:
        """What the database holds, by piece.

        Raises:
            SessionError: It cannot be asked.
        """
        with self._platform.database() as session:
            rows = session.run(_WRITTEN, ",".join(self._orgs))
        return {str(key): Text(str(a), str(b), str(c)) for key, a, b, c in rows}


def orgs(session: Session) -> dict[str, str]:
    """Organization of each watched piece.

    Raises:
        SessionError: They cannot be read.
    """
    return {str(key): str(org) for key, org in session.run(_ORGS, ",".join(WATCHED))}
