"""What `sb` says of migrations and what it lets be taken back, against a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drillbook.drills import faults
from drillbook.sandboxes.local import LocalBackend
from smartbeak_drills.kit import KIT
from smartbeak_ops.guards import migrations as guards
from smartbeak_ops.looks import migrations
from smartbeak_ops.refusal import RefusedError, UnknownError
from tests.conftest import ROOT
from tests.stack.box import Box, eventually

RELEASES = ROOT / "examples/faults/migrations"
BACK = "cd ~/release && export CONTROL_PLANE_DB=postgres://smartbeak@db-1/smartbeak && npm run -s "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT 'x';", "kept"),
        ("CREATE INDEX CONCURRENTLY i ON a (b)", "kept"),
        ("-- DROP TABLE a;\nCREATE TABLE b ();", "kept"),
        ("/* UPDATE a\nSET b = 1 */ SELECT 'DELETE FROM a'", "kept"),
        ("CREATE TRIGGER t AFTER UPDATE ON a EXECUTE FUNCTION f()", "kept"),
        ("alter table a drop column b", "dropped"),
        ("DROP  TABLE a", "dropped"),
        ("TRUNCATE a", "dropped"),
        ("DELETE\nFROM a", "dropped"),
        ("UPDATE a SET b = 1", "dropped"),
        ("ALTER TABLE a ALTER COLUMN b SET DATA TYPE int", "dropped"),
        ("ALTER TABLE a ALTER COLUMN b TYPE int", "dropped"),
    ],
)
def test_what_drops_or_rewrites_rows_is_told_by_its_text(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "1.up.sql").write_text(text)
    assert migrations.what_becomes_of_rows(["1"], tmp_path) == said
    assert migrations.what_becomes_of_rows(["1", "2"], tmp_path) == "unknown"


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ("content-locale", "kept"),
        ("content-locale-index", "kept"),
        ("content-type-dropped", "dropped"),
    ],
)
def test_each_release_of_the_drills_is_told(release: str, said: str) -> None:
    names = [path.name.removesuffix(".up.sql") for path in (RELEASES / release).glob("*.up.sql")]
    assert names
    assert all((RELEASES / release / f"{name}.down.sql").is_file() for name in names)
    assert migrations.what_becomes_of_rows(names, RELEASES / release) == said


def _state(**said: Any) -> migrations.State:
    usual: dict[str, Any] = {
        "pending": ("20261127000000_dom_content_slug",), "ahead": (), "batch": 1, "last": (),
        "lock": "free", "invalid": (), "checkout": ROOT / "examples/platform/releases/9d46c3e",
    }  # fmt: skip
    return migrations.State(**{**usual, **said})


@pytest.mark.parametrize(
    ("said", "decided_by", "reason"),
    [
        ({}, None, "drops or rewrites rows, no way back brings them back"),
        ({"lock": "held"}, "x", "a run is going on"),
        ({"lock": "left"}, "x", "a run broke off"),
        ({"pending": ()}, "x", "nothing is pending"),
    ],
)
def test_migrations_are_not_made_blindly(
    monkeypatch: pytest.MonkeyPatch, said: Any, decided_by: str | None, reason: str
) -> None:
    monkeypatch.setattr(guards, "_state", lambda: _state(**said))
    with pytest.raises(RefusedError) as refused:
        guards.migrate(decided_by)
    assert reason in refused.value.reason


def test_migrations_are_made_where_they_only_add_or_it_was_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    adds = RELEASES / "content-locale-index"
    monkeypatch.setattr(
        guards, "_state",
        lambda: _state(pending=("20261126000300_content_title_index",), checkout=adds),
    )  # fmt: skip
    assert guards.migrate() == "1 pending: 20261126000300_content_title_index"
    monkeypatch.setattr(guards, "_state", _state)
    assert guards.migrate("Technical Lead") == "1 pending: 20261127000000_dom_content_slug"
    monkeypatch.setattr(guards, "_state", lambda: _state(pending=("away",)))
    with pytest.raises(UnknownError):
        guards.migrate("Technical Lead")


@pytest.fixture
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["db-1", "redis-1", "api"])
    yield box
    box.close()


def inject(box: Box, fault: str) -> None:
    faults.inject(faults.parse(fault, KIT), KIT, box.sandbox)


def test_a_healthy_database_gives_nothing_back(box: Box) -> None:
    assert box.sb("may roll-back") == (
        "REFUSED: batch 1 has 33 migrations that the release needs, 20260210000100_cp_orgs among"
        " them\n"
    )
    assert box.sb("may unlock-migrations") == "REFUSED: the lock is free\n"
    assert box.sb("may migrate") == "REFUSED: nothing is pending\n"
    index = "idx_content_items_updated_at"
    assert box.sb(f"may drop-index {index}") == f"REFUSED: {index} is no half-built index\n"

    # A batch of one that only adds may go; one that drops, above it, may not.
    inject(box, "migrate content-locale")
    names = "20261126000100_content_locale, 20261126000200_content_translations"
    assert box.sb("may roll-back") == f"batch 2, all of it: {names}\n"
    box.shell("ops", "mv ~/release ~/away")
    assert box.sb("may roll-back").startswith("UNKNOWN: batch 2 is not in ")
    box.shell("ops", "mv ~/away ~/release")
    assert box.sql("SELECT count(*) FROM content_translations") == ["2"]
    box.shell("ops", BACK + "migrate:rollback")
    assert "migrations: 0 pending\n\n" in box.sb("triage deploy")

    box.shell("ops", "rm -r ~/release")
    inject(box, "migrate content-type-dropped")
    assert "the last batch, 2, has 1: DROP OR REWRITE ROWS\n" in box.sb("look deploy")
    assert box.sb("may roll-back") == (
        "REFUSED: batch 2 drops or rewrites rows: the way back does not bring them back\n"
    )


def test_a_lock_is_freed_only_when_nobody_migrates(box: Box) -> None:
    inject(box, "break-off-migration content-locale-index")
    index = "content_items_title"
    assert box.sql("SELECT is_locked FROM schema_migrations_lock") == ["1"]
    assert box.sql("SELECT max(name) FROM schema_migrations") == ["20261126000100_content_locale"]
    assert box.sb("may roll-back") == "REFUSED: the lock was left behind: first free it\n"
    assert box.sb(f"may drop-index {index}") == ""

    # Whoever migrates has a session, by this name.
    box.shell(
        "ops",
        "PGAPPNAME=migrate setsid psql -h db-1 -U smartbeak smartbeak -c 'SELECT pg_sleep(6000)' "
        "</dev/null >/dev/null 2>&1 &",
    )
    running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'migrate'"
    eventually(lambda: box.sql(running), lambda rows: rows == ["1"])
    assert box.sb("may unlock-migrations") == (
        "REFUSED: a session of a run is open: it is going on\n"
    )
    assert box.sb("may roll-back") == "REFUSED: a run is going on\n"
    assert box.sb(f"may drop-index {index}") == (
        "REFUSED: a session of a run is open: it may be building it\n"
    )
    box.sql("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
            "WHERE application_name = 'migrate'")  # fmt: skip
    assert box.sb("may unlock-migrations") == ""
    box.sql("UPDATE schema_migrations_lock SET is_locked = 0")
    assert box.sb("may roll-back") == f"REFUSED: index {index} is half-built: first drop it\n"
    box.sql(f"DROP INDEX {index}")
    assert box.sb("may roll-back") == "batch 2, all of it: 20261126000100_content_locale\n"
