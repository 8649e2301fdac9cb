"""The oracles of evidence: which versions are what was kept, as S3 lists them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest

from smartbeak_drills import intruder
from smartbeak_drills.oracles.evidence import Intact, Preserved
from smartbeak_ops import evidence
from smartbeak_ops.refusal import RefusedError

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


def _kept(monkeypatch: pytest.MonkeyPatch, folder: Path) -> evidence.Kept:
    parts = {"a.json": lambda: "first", "b.json": lambda: "second"}
    monkeypatch.setattr(evidence, "_parts", lambda: parts)
    monkeypatch.setattr(evidence, "NEEDED", 0)
    return evidence.keep(folder)


def test_a_disk_that_fills_meanwhile_leaves_no_half_of_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = Path.write_text

    def write(file: Path, text: str, encoding: str) -> int:
        if file.name == "a.json":
            return written(file, text, encoding)
        written(file, text[:2], encoding)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", write)
    kept = _kept(monkeypatch, tmp_path / "kept")
    assert (kept.files, kept.missing) == (1, ["b.json: No space left on device"])
    assert (tmp_path / "kept/a.json").read_text() == "first"
    assert not (tmp_path / "kept/b.json").exists()


def test_a_folder_that_cannot_be_made_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RefusedError) as refused:
        _kept(monkeypatch, tmp_path / "kept")
    assert refused.value.reason == (
        f"{tmp_path}/kept cannot be made: Read-only file system: name another"
    )
