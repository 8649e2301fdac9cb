"""Jobs and cached pieces of another release: told apart, kept, written anew."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from drillbook.drills import faults
from drillbook.sandboxes.local import LocalBackend
from smartbeak.data.queues import JobData
from smartbeak.http.shapes.content import Item
from smartbeak_drills.kit import KIT
from smartbeak_ops.looks import host, shapes
from tests.stack.box import Box, eventually

DATA = dict.fromkeys(shapes.JOB, "x")
PIECE: dict[str, object] = dict.fromkeys(shapes.ITEM)
ENTRY: dict[str, object] = {"orgId": "org_1", "version": 1, "item": PIECE}


def test_the_shapes_are_those_of_the_platform() -> None:
    assert set(JobData.__dataclass_fields__) == set(shapes.JOB)
    fields = Item.model_fields.items()
    assert {each.alias or name for name, each in fields} == set(shapes.ITEM)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (json.dumps(DATA), True),
        (json.dumps({**DATA, "more": 1}), True),  # the worker reads what it knows
        (json.dumps({**DATA, "region": None}), False),
        (json.dumps({"version": 2, "job": DATA}), False),
        ("[]", False),
        ("no JSON", False),
    ],
)
def test_a_job_is_readable_or_not(text: str, known: bool) -> None:
    assert shapes.is_job(text) is known


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (json.dumps(ENTRY), True),
        (json.dumps({**ENTRY, "blocks": []}), False),
        (json.dumps({**ENTRY, "item": {**PIECE, "blocks": []}}), False),
        (json.dumps({**ENTRY, "item": None}), False),
        ("null", False),
    ],
)
def test_a_cached_piece_is_this_release_s_or_not(text: str, known: bool) -> None:
    assert shapes.is_entry(text) is known


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (['{"message": "cannot start", "error": "DB_POOL_SIZE is \'0\'"}'], "DB_POOL_SIZE is '0'"),
        (['{"message": "cannot start", "error": "x"}', "not JSON", "[]"], "x"),
        (['{"message": "cannot start", "error": "x"}', '{"message": "ready"}'], ""),
        ([], ""),
    ],
)
def test_settings_that_are_refused_stand_last_in_the_log(log: list[str], said: str) -> None:
    assert host.settings_refused(log) == said


@pytest.fixture
def box(local_backend: LocalBackend) -> Iterator[Box]:
    box = Box(local_backend, ["app", "db-1", "redis-1", "api", "worker", "wordpress"])
    yield box
    box.close()


def test_jobs_of_another_release_are_written_anew_and_others_left_alone(box: Box) -> None:
    faults.inject(faults.parse("pause-queue publishing; backlog 2", KIT), KIT, box.sandbox)
    faults.inject(faults.parse("jobs-of-new-shape 3", KIT), KIT, box.sandbox)
    assert box.sb("show unreadable") == "3 jobs cannot be read by this release\n"
    assert box.sb("show missing") == "0 jobs are in no queue\n"
    kept = [json.loads(line) for line in box.sb("show unreadable --list").splitlines()]
    assert {json.loads(each["data"])["version"] for each in kept} == {2}
    assert box.sb("queue requeue --unreadable --dry-run").endswith("3 jobs, 0 refused\n")
    assert box.sb("show unreadable") == "3 jobs cannot be read by this release\n"

    box.sb("queue resume publishing")
    said = eventually(lambda: box.sb("look queues"), lambda text: "3 failed" in text)
    assert "unreadable: 3 jobs of another release: 3 failed\n" in said
    assert box.sql("SELECT count(*) FROM publishing_jobs WHERE status = 'pending'") == ["3"]
    assert box.sb("show missing") == "0 jobs are in no queue\n"
    assert box.sb("queue requeue --unreadable").endswith("3 jobs, 0 refused\n")
    undone = "SELECT count(*) FROM publishing_jobs WHERE status <> 'published' AND id LIKE '%-%'"
    eventually(lambda: box.sql(undone), lambda rows: rows == ["0"])
    assert box.sb("show unreadable") == "0 jobs cannot be read by this release\n"
    assert box.sb("queue requeue --unreadable") == "0 jobs queued again\n"


def test_a_cache_and_a_key_of_another_release_are_seen(box: Box) -> None:
    faults.inject(faults.parse("cache-of-new-shape", KIT), KIT, box.sandbox)
    said = box.sb("triage redis")
    assert "cache: 10 of 10 pieces are of another release\n" in said
    assert "branch: runbooks/deployment-rollback/cache-after-rollback\n" in said
    faults.inject(faults.parse("wrong-key", KIT), KIT, box.sandbox)
    said = box.sb("triage deploy")
    assert "api: REFUSES tokens of the key in the store of secrets\n" in said
    assert "branch: runbooks/deployment-rollback/config-or-secret\n" in said
