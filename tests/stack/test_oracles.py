"""Oracles of the platform: when users are served, and when they are again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from drillbook.inside.journal import Journal
from drillbook.inside.oracle import All
from drillbook.inside.probing import CannotLook
from drillbook.inside.trouble import Trouble
from smartbeak_drills import intruder
from smartbeak_drills.collector import CHECKED, Collected, kept
from smartbeak_drills.loot import Loot
from smartbeak_drills.oracles import database, names, platform, security, table
from smartbeak_drills.oracles.base import Surroundings
from smartbeak_drills.oracles.platform import (
    ContentServed,
    Fresh,
    OrderedOnce,
    PublishingServed,
    RedisFollowed,
    Revoked,
)
from smartbeak_drills.resp import Redis, Reply
from smartbeak_drills.session import Session, SessionError
from smartbeak_drills.users.calls import CallError
from smartbeak_drills.users.content import Content
from smartbeak_drills.users.leavers import Leaver
from smartbeak_drills.users.platform import Platform, Waiting
from smartbeak_drills.users.publishing import Publishing
from smartbeak_drills.users.readers import Readers, Text
from tests.stepping import Clock


class Twins:
    """When two nodes took writes, as a test sets it."""

    first: float | None = None
    last: float | None = None
    answers: Mapping[str, int] = {}

    def watch(self, stop: threading.Event) -> None:
        pytest.fail("an oracle reads what is known and never watches itself")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    made = Clock()
    monkeypatch.setattr(platform, "time", made)
    yield made


class Line:
    """A connection that only counts."""

    opened = closed = 0

    def close(self) -> None:
        Line.closed += 1


class Users:
    """Everything that the oracles look at, as a test wants it."""

    def __init__(self) -> None:
        self.kept = ""
        self.raises: Trouble | None = None
        self.written_count = 0
        self.late = ""
        self.newest_done = 0.0
        self.texts = {"a": "1", "b": "1"}
        self.cached = dict(self.texts)
        self.revoked = True
        self.tried = 0
        self.still = 0
        self.colleagues = 0

    @property
    def journal(self) -> Any:
        users = self

        class Kept:
            def kept_trouble(self, patience_s: float) -> str:
                return users.kept

        return Kept()

    def line(self) -> Line:
        Line.opened += 1
        return Line()

    def write(self, line: object) -> None:
        self.written_count += 1
        if self.raises:
            raise self.raises

    def trouble(self) -> str:
        return self.late

    @property
    def pieces(self) -> tuple[str, ...]:
        return tuple(self.texts)

    def read(self, line: object, piece: str) -> Text:
        if self.raises:
            raise self.raises
        return Text(self.cached[piece], "", "")

    def written(self) -> dict[str, Text]:
        return {piece: Text(text, "", "") for piece, text in self.texts.items()}

    def refused(self, line: object) -> bool:
        self.tried += 1
        return self.revoked

    def still_taken(self, line: object, most: int) -> int:
        return min(self.still, most)

    def colleague(self, line: object) -> None:
        self.colleagues += 1
        if self.raises:
            raise self.raises


@pytest.fixture
def users() -> Users:
    return Users()


class Said:
    """An oracle that says what it was told to."""

    def __init__(self, answer: str | Trouble) -> None:
        self.answer = answer
        self.looks = 0

    def look(self) -> str:
        self.looks += 1
        if isinstance(self.answer, Trouble):
            raise self.answer
        return self.answer


def test_several_oracles_all_look_and_the_first_trouble_has_the_word() -> None:
    good, bad, worse = Said(""), Said("bad"), Said("worse")
    assert All(good, bad, worse).look() == "bad"
    assert (good.looks, bad.looks, worse.looks) == (1, 1, 1)
    assert All(good, good).look() == ""
    raising = Said(Trouble("broken", seen=False))
    with pytest.raises(Trouble, match="broken"):
        All(raising, bad).look()
    assert bad.looks == 2


def test_content_wants_the_kept_connection_and_a_new_one(users: Users, clock: Clock) -> None:
    oracle = ContentServed(cast(Content, users), cast(Platform, users))
    users.kept = "nothing was written yet"
    assert (oracle.look(), users.written_count) == ("nothing was written yet", 0)
    users.kept = ""
    opened, closed = Line.opened, Line.closed
    assert oracle.look() == ""
    assert (Line.opened - opened, Line.closed - closed) == (1, 1)
    # Not at every look: rate limits.
    assert (oracle.look(), users.written_count) == ("", 1)
    clock.now += 1.1
    users.raises = Trouble("503")
    with pytest.raises(Trouble, match="503"):
        oracle.look()
    assert oracle.look() == "503"
    clock.now += 0.3
    users.raises = None
    assert (oracle.look(), users.written_count) == ("", 3)


def test_users_who_all_have_to_wait_change_nothing(users: Users, clock: Clock) -> None:
    oracle = ContentServed(cast(Content, users), cast(Platform, users))
    users.raises = Waiting()
    assert oracle.look() == ""
    users.raises = Trouble("503")
    with pytest.raises(Trouble):
        oracle.look()
    clock.now += 1
    users.raises = Waiting()
    assert oracle.look() == "503"


def test_publishing_holds_again_only_when_a_job_from_after_the_trouble_is_published(
    users: Users, clock: Clock
) -> None:
    oracle = PublishingServed(cast(Publishing, users))
    unproven = "no job that was acknowledged since then is published yet"
    clock.now, users.newest_done = 1005, 999
    assert oracle.look() == unproven
    users.newest_done = 1001
    assert oracle.look() == ""
    clock.now, users.late = 1010, "late: 3"
    assert oracle.look() == "late: 3"
    # Redis is back and takes jobs, but who works on them?
    users.late = ""
    assert oracle.look() == unproven
    clock.now, users.newest_done = 1012, 1009.9
    assert oracle.look() == unproven
    users.newest_done = 1010.1
    assert oracle.look() == ""


class Replying:
    """A connection to Redis that says one thing."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply

    def __enter__(self) -> Replying:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def run(self, *words: str) -> Reply:
        assert words == ("INFO", "replication")
        return self.reply


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("role:master\r\nslave0:ip=redis-2,port=6379,state=online,offset=14,lag=0\r\n", ""),
        ("slave0:ip=redis-2,state=wait_bgsave\r\n", "no replica of Redis is in step"),
        ("role:master\r\nconnected_slaves:0\r\n", "no replica of Redis is in step"),
        (None, "no replica of Redis is in step"),
    ],
)
def test_a_replica_follows_once_it_is_in_step(reply: Reply, said: str) -> None:
    assert RedisFollowed(lambda: cast(Redis, Replying(reply))).look() == said


def test_fresh_is_what_the_database_holds(users: Users, clock: Clock) -> None:
    oracle = Fresh(cast(Readers, users), cast(Platform, users))
    assert oracle.look() == ""
    users.texts["b"] = "2"
    said = []
    for _ in range(4):
        clock.now += 1
        said.append(oracle.look())
    assert said[-1] == "1 pieces are read other than they were written"
    users.texts["a"] = "2"
    # What is known to be stale is read first; once it is fresh, so is everything else.
    users.cached["b"] = "2"
    clock.now += 1
    assert oracle.look() == "1 pieces are read other than they were written"
    users.cached["a"] = "2"
    clock.now += 1
    assert oracle.look() == ""


def test_nothing_is_fresh_before_everything_was_read(users: Users, clock: Clock) -> None:
    oracle = Fresh(cast(Readers, users), cast(Platform, users))
    users.cached["b"] = "0"
    assert oracle.look() == "1 pieces are read other than they were written"
    users.raises = Trouble("503")
    clock.now += 1
    with pytest.raises(Trouble):
        oracle.look()
    assert oracle.look() == "503"


def test_a_revoked_token_that_is_taken_is_trouble_until_many_are_refused(
    users: Users, clock: Clock
) -> None:
    oracle = Revoked(cast(Leaver, users), cast(Platform, users))
    assert (oracle.look(), users.tried) == ("", 20)
    clock.now += 1
    assert (oracle.look(), users.tried) == ("", 21)
    users.revoked = False
    clock.now += 1
    assert oracle.look() == "of 1 revoked tokens 1 are taken"
    clock.now += 1
    assert oracle.look() == "of 20 revoked tokens 20 are taken"
    users.revoked, users.still = True, 2
    clock.now += 1
    # The turn comes by twenty that are refused; those that were taken are not.
    assert oracle.look() == "of 2 revoked tokens 2 are taken"
    users.still = 0
    clock.now += 1
    assert oracle.look() == ""


def test_a_token_that_was_taken_is_tried_again_until_it_is_refused() -> None:
    leaver = Leaver(cast(Any, SimpleNamespace()), cast(Any, SimpleNamespace()), "content_1")
    leaver._turn = iter(["a", "b", "c"])
    taken = {"a", "c"}

    class Way:
        def call(self, *_: str, token: str) -> None:
            if token not in taken:
                raise CallError("revoked", status=401)

    way = cast(Any, Way())
    assert [leaver.refused(way) for _ in range(3)] == [False, True, False]
    assert (leaver.still_taken(way, 20), leaver.still_taken(way, 1)) == (2, 1)
    taken.remove("a")
    assert (leaver.still_taken(way, 20), list(leaver._taken)) == (1, ["c"])


def test_refusing_everybody_does_not_serve(users: Users, clock: Clock) -> None:
    oracle = Revoked(cast(Leaver, users), cast(Platform, users))
    users.raises = Trouble("401")
    with pytest.raises(Trouble, match="401"):
        oracle.look()
    assert oracle.look() == "401"


def test_a_second_primary_is_an_outage_until_none_was_seen_for_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, twins = Clock(), Twins()
    monkeypatch.setattr(database, "time", clock)
    oracle = database.OnePrimary(twins)
    assert oracle.look() == ""
    twins.last = clock.now
    assert oracle.look() == "two servers take writes"
    clock.now += database.APART_S
    assert oracle.look() == ""


class Rows:
    """A database that has these of the jobs that it is asked for."""

    def __init__(self, *kept: str) -> None:
        self.kept = kept

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def run(self, statement: str, ids: str) -> list[tuple[str]]:
        assert "'failed'" in statement
        return [(job,) for job in ids.split(",") if job in self.kept]


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("abcd", "of 2 pieces 2 more than once"),
        ("abc", "of 2 pieces 1 more than once"),
        ("ab", "of 2 pieces 1 not at all, 1 more than once"),
        ("", "of 2 pieces 2 not at all"),
        ("ac", ""),
    ],
)
def test_a_piece_that_is_wanted_once_has_one_job_left(
    kept: str, said: str, tmp_path: Path, clock: Clock
) -> None:
    file = tmp_path / "ordered-once"
    oracle = OrderedOnce(lambda: cast(Session, Rows(*kept)), file)
    assert oracle.look() == ""  # nothing was ordered yet
    file.write_text('{"jobs": ["a", "b"]}\n{"jobs": ["c", "d"]}\n')
    assert oracle.look() == said


class Sessions:
    """A server with so many sessions of the intruder."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def run(self, statement: str, client: str) -> list[tuple[str]]:
        assert (client, "pg_stat_activity" in statement) == (intruder.CLIENT, True)
        return [(str(self.left),)]


@pytest.mark.parametrize(
    ("primary", "replica", "said"),
    [
        (0, 0, ""),
        (1, 0, "1 sessions of the intruder are left on db-1"),
        # Nobody ends them who ends the primary's.
        (0, 2, "2 sessions of the intruder are left on db-2"),
    ],
)
def test_an_intruder_is_out_once_no_host_has_a_session_of_his(
    monkeypatch: pytest.MonkeyPatch, primary: int, replica: int, said: str
) -> None:
    def refused(*_: object) -> Any:
        raise SessionError("authentication failed")

    monkeypatch.setattr(intruder, "log_in", refused)
    hosts = {"db-1": Sessions(primary), "db-2": Sessions(replica)}
    oracle = security.LoggedOut(
        lambda: cast(Session, hosts["db-1"]), tuple(hosts),
        lambda host: cast(Session, hosts[host]), Journal(),
    )  # fmt: skip
    assert oracle._trouble(Loot("login", "secret")) == said


def means(**parts: object) -> table.Means:
    def nothing(*_: object) -> Any:
        pytest.fail("an oracle asks nobody while it is made")

    around = Surroundings(Journal(), ("db-1",), nothing, nothing, nothing, Twins())
    return table.Means(around, **parts)  # type: ignore[arg-type]


def test_what_was_changed_is_clean_only_once_it_was_used_and_sent_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "collected.json"
    oracle = security.Unspied(lambda: kept(file))
    assert oracle.look() == "", "nobody listens"
    came = Collected()
    said = []
    # The check that sent something ends, too.
    for line in (CHECKED, CHECKED, "smartbeak@db-1", CHECKED, "smartbeak@db-1", CHECKED, CHECKED):
        came.take(line)
        came.keep(file)
        said.append(bool(oracle.look()))
    assert said == [False, False, True, True, True, True, False]


def test_a_flood_is_turned_away_and_no_user_is(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, journal = Clock(), Journal()
    monkeypatch.setattr(security, "time", clock)
    flood = {"refused": 200, "status": 401, "ago_s": 0.1}
    clients = [{"refused": 1, "status": 401, "ago_s": 0.1}]
    line = SimpleNamespace(call=lambda *_: SimpleNamespace(body=clients))
    oracle = security.TurnedAway(cast(Any, line), journal)

    def look() -> str:
        clock.now += 1
        return oracle.look()

    assert look() == "", "one user whose token has ended is no flood"
    clients.append(flood)
    assert look() == "an address that floods us is let in"
    flood["status"] = 403
    assert look() == ""
    journal.fail("POST /v1/content: 403 <html>", seen=True)
    assert look() == "a user was turned away: POST /v1/content: 403 <html>"


def test_every_name_has_an_oracle_and_says_what_is_missing() -> None:
    for name in names.OF_ROWS:
        assert table.make(name, means())
    for name in names.OF_PLATFORM:
        with pytest.raises(CannotLook, match="there is no "):
            table.make(name, means())


def test_with_a_platform_a_databases_users_are_those_of_the_platform(users: Users) -> None:
    with_content = means(platform=users, content=users)
    assert isinstance(table.make("writes", with_content), ContentServed)
    assert isinstance(table.make("connections", with_content), All)
    assert isinstance(table.make("redis", with_content), All)
    with_redis = means(platform=users, content=users, redis=lambda: None)
    assert isinstance(table.make("followed", with_redis), All)
    with pytest.raises(CannotLook, match="no worker"):
        table.make("publishing", with_content)
