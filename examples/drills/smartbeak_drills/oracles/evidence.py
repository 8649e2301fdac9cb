"""What the oracles of evidence look at: the versions of what was locked away."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.request
from collections.abc import Callable
from urllib.error import URLError
from xml.etree import ElementTree

from drillbook.inside.trouble import Trouble
from smartbeak_drills import intruder, loot
from smartbeak_drills.places import EVIDENCE_URL, PRIMARY

_LOOK_S = 0.5
_TIMEOUT_S = 2.5
_SCOPE = "AKIAORACLE/20260101/us-east-1/s3/aws4_request"
# Whoever signs may read; here every signature is good.
_SIGNED = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential={_SCOPE}, SignedHeaders=host, Signature=0"
}
_SPACE = {"s3": "http://s3.amazonaws.com/doc/2006-03-01/"}


def asked() -> str:
    """What S3 says of all versions in the bucket, as XML.

    Raises:
        Trouble: It does not say.
    """
    return _got("?versions").decode()


def _got(what: str) -> bytes:
    asking = urllib.request.Request(f"{EVIDENCE_URL}{what}", headers=_SIGNED)
    try:
        with urllib.request.urlopen(asking, timeout=_TIMEOUT_S) as answer:
            said: bytes = answer.read()
    except (URLError, OSError) as error:
        raise Trouble(f"the bucket for evidence: {error}") from error
    return said


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


class Preserved:
    """What an intruder's session showed is locked away, in a package that agrees with itself.

    Args:
        ask: Asks S3 for all versions.
        get: Gets one of them, by what stands behind the bucket's address.
        stolen: Whether somebody is in with what was stolen.
    """

    def __init__(
        self,
        ask: Callable[[], str] = asked,
        get: Callable[[str], bytes] = _got,
        stolen: Callable[[], object] = loot.kept,
    ) -> None:
        self._ask = ask
        self._get = get
        self._stolen = stolen
        self._next = 0.0
        self._said = ""

    def look(self) -> str:
        """See `drillbook.inside.oracle.Oracle`."""
        if time.monotonic() >= self._next and self._stolen() is not None:
            self._next = time.monotonic() + _LOOK_S
            self._said = self._trouble()
        return self._said

    def _trouble(self) -> str:
        """The first version of each key counts: later ones and markers only stand before it."""
        first: dict[str, str] = {}
        for each in ElementTree.fromstring(self._ask()):
            if each.tag.endswith("}Version"):
                key = each.findtext("s3:Key", "", _SPACE)
                first[key] = each.findtext("s3:VersionId", "", _SPACE)
        lists = [key for key in first if key.endswith("/SHA256SUMS")]
        if not lists:
            return "nothing was locked away of what the intruder does"
        folder = lists[0].removesuffix("SHA256SUMS")
        for line in self._version(first, lists[0]).decode().splitlines():
            wanted, _, name = line.partition("  ")
            key = folder + name.removeprefix("./")
            if key not in first:
                return f"{key} is in the list and not in the bucket"
            if hashlib.sha256(said := self._version(first, key)).hexdigest() != wanted:
                return f"{key} is not what the list says"
            if key.endswith(f"/{PRIMARY}-sessions.json") and self._shows(said):
                return ""
        return "no file of the package shows the intruder's session"

    def _version(self, first: dict[str, str], key: str) -> bytes:
        return self._get(f"/{key}?versionId={first[key]}")

    @staticmethod
    def _shows(said: bytes) -> bool:
        found = (intruder.CLIENT, intruder.USERS)
        return found in {(each["application_name"], each["query"]) for each in json.loads(said)}
