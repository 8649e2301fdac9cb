"""The oracle of evidence: which versions are what was kept, as S3 lists them."""

from __future__ import annotations

import pytest

from smartbeak_drills.oracles.evidence import Intact

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
