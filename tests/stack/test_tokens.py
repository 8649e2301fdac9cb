"""Tokens: what PyJWT, as the platform's reader, makes of them."""

from __future__ import annotations

import time

import jwt
import pytest

from smartbeak_drills.users import tokens

KEY = b"a-key-of-more-than-thirty-two-characters"


def made() -> str:
    claims = {"sub": "user_1", "orgId": "org_1", "role": "owner", "jti": "t1"}
    return tokens.make(KEY, claims, audience="smartbeak", issuer="smartbeak-api")


def test_a_token_is_read_by_its_audience_and_says_who_it_is_for() -> None:
    before = int(time.time())
    read = jwt.decode(
        made(), KEY, ["HS256"], audience="smartbeak", issuer="smartbeak-api",
        options={"require": ["exp", "iat"]},
    )  # fmt: skip
    assert (read["sub"], read["orgId"], read["role"], read["jti"]) == (
        "user_1", "org_1", "owner", "t1",
    )  # fmt: skip
    assert read["exp"] - read["iat"] == tokens.LIFE_S
    assert before <= read["iat"] <= time.time()


@pytest.mark.parametrize(
    ("audience", "issuer"), [("other", "smartbeak-api"), ("smartbeak", "other")]
)
def test_a_token_is_for_nobody_else(audience: str, issuer: str) -> None:
    with pytest.raises(jwt.InvalidTokenError):
        jwt.decode(made(), KEY, ["HS256"], audience=audience, issuer=issuer)


def test_another_key_does_not_take_it() -> None:
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(made(), KEY + b"x", ["HS256"], audience="smartbeak")
