"""What the oracle of evidence looks at: the versions of what was locked away."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from urllib.error import URLError
from xml.etree import ElementTree

from drillbook.inside.trouble import Trouble
from smartbeak_drills.places import EVIDENCE_URL

_LOOK_S = 0.5
_TIMEOUT_S = 2.5
_SPACE = {"s3": "http://s3.amazonaws.com/doc/2006-03-01/"}


def asked() -> str:
    """What S3 says of all versions in the bucket, as XML.

    Raises:
        Trouble: It does not say.
    """
    try:
        with urllib.request.urlopen(f"{EVIDENCE_URL}?versions", timeout=_TIMEOUT_S) as answer:
            said: bytes = answer.read()
    except (URLError, OSError) as error:
        raise Trouble(f"the bucket for evidence: {error}") from error
    return said.decode()


class Intact:
    """What a reader of the bucket gets is what was put there first.

    Args:
        ask: Asks S3 for all versions.
    """

    def __init__(self, ask: Callable[[], str] = asked) -> None:
        self._ask = ask
        self._next = 0.0
        self._said = ""

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LOOK_S
            self._said = self._trouble()
        return self._said

    def _trouble(self) -> str:
        """S3 lists the versions of a key newest first; its ETag is a hash of what is in it."""
        found: dict[str, list[str]] = {}
        for each in ElementTree.fromstring(self._ask()):
            if each.tag.endswith(("}Version", "}DeleteMarker")):
                key = each.findtext("s3:Key", "", _SPACE)
                versions = found.setdefault(key, [])
                tag = each.findtext("s3:ETag", "a marker of deletion", _SPACE)
                newest = each.findtext("s3:IsLatest", "", _SPACE) == "true"
                versions.insert(0 if newest else len(versions), tag)
        covered = [key for key, versions in found.items() if versions[0] != versions[-1]]
        return f"{min(covered)} is not what was kept" if covered else ""
