"""The roster: whose turn it is, how often, and with which token."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from smartbeak_drills.users import roster
from smartbeak_drills.users.roster import PER_MINUTE, READERS, WRITERS, Roster, User
from tests.stepping import Clock

USERS = (
    User("owner", "org_1", "owner"),
    User("admin", "org_1", "admin"),
    User("editor", "org_2", "editor"),
    User("viewer", "org_2", "viewer"),
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(roster, "time", made)
    return made


@pytest.fixture
def people(tmp_path: Path) -> Roster:
    config, key = tmp_path / "platform.env", tmp_path / "key"
    config.write_text("JWT_AUDIENCE=smartbeak\nJWT_ISSUER=smartbeak-api\n")
    key.write_text("k" * 40 + "\n")
    return Roster(USERS, config, key)


def test_users_take_turns_and_only_those_who_may(people: Roster, clock: Clock) -> None:
    taken = [people.take("write", WRITERS) for _ in range(4)]
    assert [user.id for user in taken if user] == ["admin", "editor", "admin", "editor"]
    reader = people.take("read", READERS, "org_2")
    assert reader and reader.org == "org_2"
    assert people.take("write", WRITERS, "org_3") is None


def test_nobody_asks_more_often_than_allowed_in_any_minute(people: Roster, clock: Clock) -> None:
    for _ in range(PER_MINUTE["publish"]):
        clock.now += 1
        assert people.take("publish", ["owner"])
    assert people.take("publish", ["owner"]) is None
    # Another route has a limit of its own, and a minute after the first one is free again.
    assert people.take("read", ["owner"])
    clock.now = 1000 + 1 + 60
    assert people.take("publish", ["owner"])
    assert people.take("publish", ["owner"]) is None


def test_the_limits_stay_below_the_platforms() -> None:
    assert PER_MINUTE["write"] < 50
    assert PER_MINUTE["read"] < 50
    assert PER_MINUTE["publish"] < 10


def test_a_token_is_kept_until_its_user_signs_out(people: Roster, tmp_path: Path) -> None:
    first = people.token(USERS[0])
    assert people.token(USERS[0]) == first
    (tmp_path / "key").write_text("n" * 40)
    assert people.token(USERS[0]) == first
    people.sign_out(USERS[0])
    # Signed with the key that is there now.
    read = jwt.decode(people.token(USERS[0]), "n" * 40, ["HS256"], audience="smartbeak")
    assert (read["sub"], read["orgId"], read["role"]) == ("owner", "org_1", "owner")
