"""What an intruder has got hold of, and what was done with it.

It stands in a file on app: the intruder writes it, and whoever judges a drill tries what
stands there. Nothing of it is known to the page.
"""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from smartbeak_drills.agreed import STOLEN, VICTIM
from smartbeak_drills.users import tokens

Kind = Literal["key", "session", "member", "webhook", "login"]

ORGANIZATION = "org_2"
NEIGHBOUR = "org_3"
"""Another one, whose member `VICTIM` is made."""

STRANGER = "support_7"
"""Whom forged tokens are for: a user that does not exist."""


@dataclass(frozen=True, slots=True)
class Loot:
    """A stolen secret.

    Attributes:
        kind: The key that signs tokens, a session of `VICTIM`, one of theirs as a member of
            `NEIGHBOUR`, Stripe's webhook secret, or the platform's login at the database.
        value: The key, the token, the secret or the password.
        audience: Whom tokens are for, where they are forged.
        issuer: Who makes them.
        pieces: Content that was archived with it; of a member, what was read.
        target: Publish target that was made with it; empty for none.
    """

    kind: Kind
    value: str
    audience: str = ""
    issuer: str = ""
    pieces: tuple[str, ...] = ()
    target: str = ""

    def token(self, role: str = "admin") -> str:
        """An access token, as the intruder would use it now."""
        if self.kind in ("session", "member"):
            return self.value
        claims = {"sub": STRANGER, "orgId": ORGANIZATION, "role": role, "jti": str(uuid.uuid4())}
        return tokens.make(self.value.encode(), claims, audience=self.audience, issuer=self.issuer)

    def keep(self, file: Path = Path(STOLEN)) -> None:
        """Writes it for those who judge, in one piece."""
        copy = file.with_suffix(".new")
        copy.touch(mode=0o600)
        copy.write_text(json.dumps(asdict(self)), encoding="utf-8")
        os.replace(copy, file)


def session(key: bytes, audience: str, issuer: str, org: str = ORGANIZATION) -> str:
    """The token with which `VICTIM` is signed in, as it lies in a browser."""
    role = "admin" if org == ORGANIZATION else "viewer"
    claims = {"sub": VICTIM, "orgId": org, "role": role, "jti": str(uuid.uuid4())}
    return tokens.make(key, claims, audience=audience, issuer=issuer)


def kept(file: Path = Path(STOLEN)) -> Loot | None:
    """What was stolen; None as long as nothing was."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Loot(**{**said, "pieces": tuple(said["pieces"])})
