"""The oracles of evidence: which versions are what was kept, as S3 lists them."""

from __future__ import annotations

import hashlib
import json

import pytest

from smartbeak_drills import intruder
from smartbeak_drills.oracles.evidence import Intact, Preserved

HEAD = '<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
VERSION = "<Version><Key>{}</Key><IsLatest>{}</IsLatest><ETag>{}</ETag></Version>"
MARKER = "<DeleteMarker><Key>{}</Key><IsLatest>true</IsLatest></DeleteMarker>"


def _said(*parts: str) -> str:
    return f"{HEAD}{''.join(parts)}</ListVersionsResult>"


@pytest.mark.parametrize(
    ("listed", "trouble"),
    [
        pytest.param(_said(), "", id="nothing was kept yet"),
        pytest.param(_said(VERSION.format("a", "true", "1")), "", id="kept"),
        pytest.param(
            _said(VERSION.format("a", "true", "2"), VERSION.format("a", "false", "1")),
            "a is not what was kept",
            id="written over",
        ),
        pytest.param(
            _said(
                VERSION.format("a", "true", "1"),
                VERSION.format("a", "false", "2"),
                VERSION.format("a", "false", "1"),
                VERSION.format("b", "true", "3"),
            ),
            "",
            id="brought back",
        ),
        pytest.param(
            _said(VERSION.format("a", "false", "1"), MARKER.format("a")),
            "a is not what was kept",
            id="hidden, markers listed last",
        ),
    ],
)
def test_what_a_reader_gets_is_what_was_put_there_first(listed: str, trouble: str) -> None:
    assert Intact(lambda: listed).look() == trouble


SESSION = {"application_name": intruder.CLIENT, "query": intruder.USERS}
KEPT = "INC/ops/"


@pytest.mark.parametrize(
    ("sessions", "change", "trouble"),
    [
        pytest.param([SESSION], {}, "", id="kept"),
        pytest.param(
            [{**SESSION, "query": "SELECT 1"}, {**SESSION, "application_name": "api"}],
            {},
            "no file of the package shows the intruder's session",
            id="others",
        ),
        pytest.param(
            [SESSION],
            {"db-1-sessions.json": b"[]"},
            f"{KEPT}db-1-sessions.json is not what the list says",
            id="changed",
        ),
        pytest.param(
            [SESSION],
            {"db-1-sessions.json": None},
            f"{KEPT}db-1-sessions.json is in the list and not in the bucket",
            id="not uploaded",
        ),
        pytest.param(
            [SESSION],
            {"SHA256SUMS": None},
            "nothing was locked away of what the intruder does",
            id="no list",
        ),
    ],
)
def test_a_session_is_preserved_by_a_package_that_fits_itself(
    sessions: list[dict[str, str]], change: dict[str, bytes | None], trouble: str
) -> None:
    said = json.dumps(sessions).encode()
    files: dict[str, bytes | None] = {
        "db-1-sessions.json": said,
        "SHA256SUMS": f"{hashlib.sha256(said).hexdigest()}  ./db-1-sessions.json\n".encode(),
        **change,
    }
    bucket = {f"/{KEPT}{name}?versionId=1": kept for name, kept in files.items() if kept}
    version = "<Version><Key>{}</Key><VersionId>{}</VersionId></Version>"
    there = [name for name, kept in files.items() if kept is not None]
    # The newest first: what was written over it later does not count.
    listed = _said(*(version.format(KEPT + name, number) for name in there for number in (2, 1)))

    def oracle(stolen: object) -> Preserved:
        return Preserved(lambda: listed, bucket.__getitem__, lambda: stolen)

    assert oracle("a login").look() == trouble
    assert oracle(None).look() == ""
