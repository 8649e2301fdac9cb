"""What users did and what became of it: content, jobs, and the account of both."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drillbook.inside import journal
from drillbook.inside.account import Client, Count, thinned, told
from drillbook.inside.journal import Losses
from smartbeak_drills.session import Session, SessionError
from smartbeak_drills.users import content as content_module
from smartbeak_drills.users import publishing as publishing_module
from smartbeak_drills.users.calls import Answer, CallError, Line
from smartbeak_drills.users.content import Content
from smartbeak_drills.users.platform import Platform
from smartbeak_drills.users.publishing import LATE_S, Publishing, Route
from smartbeak_drills.users.roster import Roster, User
from tests.stepping import Clock

USERS = (User("editor", "org_1", "editor"), User("viewer", "org_1", "viewer"))
ROUTES = (Route("target_1", "dom_1", "org_1", "content_1", "wordpress us-east-1"),)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (journal, content_module, publishing_module):
        monkeypatch.setattr(module, "time", made)
    return made


class FakeLine(Line):
    """A connection whose answers a test makes up."""

    def __init__(self, answer: Callable[[str, str, Any], Any]) -> None:
        super().__init__("http://nowhere", timeout_s=1)
        self._answer = answer

    def call(
        self, method: str, path: str, *, token: str = "", body: dict[str, Any] | None = None
    ) -> Answer:
        return Answer(200, self._answer(method, path, body), 0.1)


class Database:
    """A database that answers every query with the same rows, or not at all."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, ...]] | None = []

    def session(self) -> Session:
        if self.rows is None:
            raise SessionError("connection refused")
        rows = self.rows

        class Answering(Session):
            def __init__(self) -> None:
                pass

            def run(self, statement: str, *values: str) -> list[tuple[str | None, ...]]:
                return list(rows)

            def close(self) -> None:
                pass

        return Answering()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def platform(tmp_path: Path, database: Database) -> Platform:
    config, key = tmp_path / "env", tmp_path / "key"
    config.write_text("JWT_AUDIENCE=a\nJWT_ISSUER=i\n")
    key.write_text("k" * 40)
    return Platform("http://nowhere", Roster(USERS, config, key), database.session)


class Pieces:
    """The platform's content, as a test wants it."""

    def __init__(self) -> None:
        self.titles: dict[str, str] = {}

    def answer(self, method: str, path: str, body: Any) -> Any:
        if method == "POST":
            key = f"c{len(self.titles) + 1}"
            self.titles[key] = body["title"]
        else:
            key = path.rpartition("/")[2]
            if key not in self.titles:
                raise CallError("GET /v1/content/:id: 404 Content not found", status=404)
        return {"item": {"id": key, "title": self.titles[key]}}


@pytest.fixture
def pieces() -> Pieces:
    return Pieces()


@pytest.fixture
def content(
    platform: Platform, pieces: Pieces, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> Content:
    monkeypatch.setattr(Platform, "line", lambda _: FakeLine(pieces.answer))
    made = Content(platform, {"org_1": ["dom_1"]})
    for _ in range(4):
        clock.now += 1
        made.write(platform.line())
    return made


def in_database(pieces: Pieces, *left_out: str) -> list[tuple[str, ...]]:
    return [(title,) for key, title in pieces.titles.items() if key not in left_out]


def test_content_that_is_there_is_neither_lost_nor_doubled(
    content: Content, pieces: Pieces, database: Database
) -> None:
    database.rows = in_database(pieces)
    count = content.count()
    assert count == Count(
        "content", 4, 1.0, Losses((), 0.0, 0, 0, 0), (), 4, 0, content.journal.took
    )


def test_content_that_the_database_lacks_is_lost_and_a_copy_is_doubled(
    content: Content, pieces: Pieces, database: Database
) -> None:
    database.rows = [*in_database(pieces, "c2", "c3"), (pieces.titles["c1"],)]
    losses = content.count().losses
    assert losses
    assert (losses.lost, losses.doubled) == ((2, 3), 1)
    assert losses.lost_s == pytest.approx(1.4)


def test_content_that_the_platform_does_not_find_is_lost_though_the_database_has_it(
    content: Content, pieces: Pieces, database: Database
) -> None:
    database.rows = in_database(pieces)
    del pieces.titles["c4"]
    losses = content.count().losses
    assert losses and losses.lost == (4,)


def test_content_of_a_database_that_does_not_answer_is_not_counted(
    content: Content, database: Database
) -> None:
    database.rows = None
    assert content.count().losses is None
    assert "connection refused" in content.journal.errors


def test_content_read_back_otherwise_was_confirmed_but_does_not_serve(
    content: Content, pieces: Pieces, platform: Platform
) -> None:
    def altered(method: str, path: str, body: Any) -> Any:
        answer = pieces.answer(method, path, body)
        return answer if method == "POST" else {"item": {**answer["item"], "title": "old"}}

    with pytest.raises(CallError, match="another title than was written"):
        content.write(FakeLine(altered))
    assert content.journal.acknowledged == 5


class Targets:
    """What targets say that they accepted, and the platform that takes every job."""

    def __init__(self) -> None:
        self.accepted: dict[str, int] = {}
        self.silent = False
        self.taken = 0

    def answer(self, method: str, path: str, body: Any) -> Any:
        if method == "POST":
            self.taken += 1
            return {"id": f"j{self.taken}", "status": "pending"}
        if self.silent:
            raise CallError("https://wordpress: Connection refused")
        return {"accepted": dict(self.accepted)}


@pytest.fixture
def targets() -> Targets:
    return Targets()


@pytest.fixture
def publishing(
    platform: Platform, targets: Targets, monkeypatch: pytest.MonkeyPatch, clock: Clock,
    tmp_path: Path,
) -> Publishing:  # fmt: skip
    monkeypatch.setattr(publishing_module, "Line", lambda *_, **__: FakeLine(targets.answer))
    monkeypatch.setattr(publishing_module, "ACKNOWLEDGED", str(tmp_path / "acknowledged.jsonl"))
    return Publishing(platform, ROUTES, ["https://wordpress"])


def order(publishing: Publishing, targets: Targets, clock: Clock, times: int) -> None:
    for _ in range(times):
        clock.now += 1
        publishing.order(FakeLine(targets.answer))
        publishing.journal.serve()


def test_jobs_that_were_accepted_once_are_neither_lost_nor_doubled(
    publishing: Publishing, targets: Targets, clock: Clock
) -> None:
    targets.accepted = {"seed": 2}
    publishing.ask()
    order(publishing, targets, clock, 3)
    targets.accepted |= {"j1": 1, "j2": 1, "j3": 1}
    assert publishing.settle() is None
    assert publishing.count() == Count(
        "publishing", 3, 1.0, Losses((), 0.0, 0), ("wordpress",), 3, 0, publishing.journal.took
    )


def test_jobs_that_no_target_accepted_are_lost_whatever_the_platform_says(
    publishing: Publishing, targets: Targets, clock: Clock, database: Database
) -> None:
    order(publishing, targets, clock, 4)
    database.rows = [("j2",), ("j3",)]
    targets.accepted = {"j1": 1, "j4": 1}
    begin = clock.now
    publishing.settle()
    waited = clock.now - begin  # for them, and not for ever
    assert publishing_module._DRAIN_S <= waited < publishing_module._DRAIN_S + 5
    assert publishing.count().losses == Losses((2, 3), 2.0, 0)


def test_a_key_that_was_accepted_twice_is_doubled_whoever_ordered_it(
    publishing: Publishing, targets: Targets, clock: Clock
) -> None:
    publishing.ask()
    order(publishing, targets, clock, 2)
    targets.accepted = {"j1": 2, "j2": 1, "of-the-seed": 3}
    publishing.settle()
    assert publishing.count().losses == Losses((), 0.0, 2)


def test_a_job_that_the_target_has_forgotten_is_lost(
    publishing: Publishing, targets: Targets, clock: Clock
) -> None:
    order(publishing, targets, clock, 2)
    targets.accepted = {"j1": 1, "j2": 1}
    publishing.ask()
    del targets.accepted["j1"]
    publishing.settle()
    losses = publishing.count().losses
    assert losses and losses.lost == (1,)


def test_where_a_target_is_silent_the_platforms_word_counts_or_nothing_is_known(
    publishing: Publishing, targets: Targets, clock: Clock, database: Database
) -> None:
    order(publishing, targets, clock, 2)
    targets.silent = True
    publishing.settle()
    database.rows = [("j1",), ("j2",)]
    assert publishing.count().losses == Losses((), 0.0, 0)
    database.rows = [("j1",)]
    assert publishing.count().losses is None
    database.rows = None
    assert publishing.count().losses is None


def test_a_late_job_is_trouble_until_it_is_accepted(
    publishing: Publishing, targets: Targets, clock: Clock
) -> None:
    assert publishing.trouble() == "nothing was written yet"
    order(publishing, targets, clock, 1)
    publishing.ask()
    assert publishing.trouble() == ""
    order(publishing, targets, clock, 1)
    clock.now += LATE_S
    text = f"acknowledged more than {LATE_S:g} s ago and not published: 1"
    assert publishing.trouble() == text
    targets.silent = True
    publishing.ask()
    assert publishing.trouble() == f"{text} (https://wordpress: Connection refused)"
    targets.silent, targets.accepted = False, {"j1": 1}
    publishing.ask()
    assert publishing.trouble() == ""
    assert publishing.newest_done == 1001.0


def test_jobs_that_are_no_longer_acknowledged_are_trouble(
    publishing: Publishing, targets: Targets, clock: Clock
) -> None:
    order(publishing, targets, clock, 1)
    targets.accepted = {"j1": 1}
    publishing.ask()
    clock.now += 3
    assert publishing.trouble() == "no write was confirmed for 3.0 s"


def test_what_comes_late_while_the_account_is_made_up_is_time_that_users_waited(
    publishing: Publishing, targets: Targets, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(publishing, targets, clock, 2)

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if clock.now > 1001 + LATE_S + 2:
            targets.accepted = {"j1": 1, "j2": 1}

    monkeypatch.setattr(clock, "sleep", sleep)
    moment = publishing.settle()
    assert moment is not None
    assert 1001 + LATE_S + 2 < moment <= clock.now


def test_jobs_that_others_had_acknowledged_count_as_well(
    publishing: Publishing, targets: Targets, clock: Clock, tmp_path: Path
) -> None:
    file = tmp_path / "acknowledged.jsonl"
    file.write_text('{"job": "i1"}\n{"job": "i2"}\n{"job": "i')
    publishing.ask()
    assert publishing.journal.acknowledged == 2
    with file.open("a") as also:
        also.write('3"}\n')
    targets.accepted = {"i1": 1, "i3": 1}
    publishing.settle()
    count = publishing.count()
    assert (count.acknowledged, count.losses and len(count.losses.lost)) == (3, 1)


def test_a_way_is_only_open_when_a_job_went_all_of_it(
    platform: Platform, targets: Targets, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing_module, "Line", lambda *_, **__: FakeLine(targets.answer))
    far = Route("target_2", "dom_1", "org_1", "content_1", "wordpress eu-west-1")
    publishing = Publishing(platform, (*ROUTES, far), ["https://wordpress"])
    order(publishing, targets, clock, 4)
    targets.accepted = {"j1": 1, "j2": 1, "j3": 1, "j4": 1}
    publishing.ask()
    # The second and no other went the far way.
    assert publishing.newest_done == 1002.0


def test_each_way_has_its_turn_and_every_route_its_own() -> None:
    near = [Route(f"t{n}", "d", "o", "c", "wordpress us-east-1") for n in range(10)]
    far = Route("far", "d", "o", "c", "wordpress eu-west-1")
    other = Route("other", "d", "o", "c", "linkedin us-east-1")
    order = publishing_module.in_turn([*near, far, other])
    assert [route.target for route in order[:9]] == [
        "t0", "far", "t1", "other", "t2", "far", "t3", "other", "t4",
    ]  # fmt: skip
    assert {route.target for route in order} == {*(r.target for r in near), "far", "other"}
    assert [route.target for route in publishing_module.in_turn([*near, far])[:5]] == [
        "t0", "far", "t1", "t2", "t3",
    ]  # fmt: skip
    assert publishing_module.in_turn(near)[:10] == tuple(near)


def test_sums_and_worst_times_are_told_and_each_kinds_own() -> None:
    counts = (
        Count("rows", 100, 0.5, Losses((7,), 0.2, 0)),
        Count("publishing", 10, 2.0, Losses((1, 2), 1.5, 3), (), 12, 4, ((7.0, 0.5),)),
    )
    account = told(counts)
    sums = {key: account[key] for key in ("acknowledged", "lost", "lost_s", "doubled", "gap_s")}
    assert sums == {
        "acknowledged": 110, "lost": [7, 1, 2], "lost_s": 1.5, "doubled": 3, "gap_s": 2.0,
    }  # fmt: skip
    assert account["counted"] is True
    assert account["kinds"][1] == {
        "kind": "publishing", "acknowledged": 10, "lost": 2, "doubled": 3, "gap_s": 2.0,
        "counted": True,
        "asked": [],
        "attempted": 12, "recovered": None, "unexpected": None, "stale": 4,
    }  # fmt: skip
    assert account["took"] == [(7.0, 0.5)]
    json.dumps(account)


def test_of_many_answers_the_slowest_of_neighbours_are_told() -> None:
    took = [(float(at), 0.01 if at % 100 else 0.9) for at in range(1200)]
    told_of = thinned(took)
    assert len(told_of) == 600
    assert sum(seconds == 0.9 for _, seconds in told_of) == 12
    assert told_of == sorted(told_of)


def test_one_kind_of_which_nothing_is_known_leaves_the_account_open() -> None:
    account = told([Count("rows", 5, 0.1, Losses((), 0.0, 0)), Count("content", 5, 0.1, None)])
    assert (account["counted"], account["kinds"][1]["counted"]) == (False, False)
    assert account["acknowledged"] == 10


def test_both_are_what_the_prober_counts(content: Content, publishing: Publishing) -> None:
    clients: tuple[Client, ...] = (content, publishing)
    assert [(client.kind, len(client.works)) for client in clients] == [
        ("content", 1), ("publishing", 2),
    ]  # fmt: skip
