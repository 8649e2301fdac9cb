"""Addresses to upload to, against what AWS publishes, and what is done without a storage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import pytest

from smartbeak.access.tokens import Identity
from smartbeak.api.media import Media
from smartbeak.data import storage
from smartbeak.http.shapes.media import MediaType
from smartbeak.process.errors import UnavailableError
from smartbeak.process.settings import Bucket
from tests.stack.box import FACTS

NOW = datetime(2013, 5, 24, tzinfo=UTC)

# The example of https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
AWS = Bucket(
    name="examplebucket",
    region="us-east-1",
    endpoint="",
    key_id="AKIAIOSFODNN7EXAMPLE",
    secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
)


def signature(where: str) -> str:
    return parse_qs(urlsplit(where).query)["X-Amz-Signature"][0]


def test_an_address_is_signed_as_in_the_example_of_aws() -> None:
    where = "https://examplebucket.s3.amazonaws.com/test.txt"
    assert storage.sign("GET", where, AWS, NOW, 86400) == (
        f"{where}?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_a_moment_is_told_in_utc_and_to_the_second() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-7))) + timedelta(microseconds=999_999)
    where = storage.address(AWS, "media/1")
    assert storage.sign("PUT", where, AWS, elsewhere, 1) == storage.sign("PUT", where, AWS, NOW, 1)


def test_a_signature_is_of_all_that_it_allows() -> None:
    right = signature(storage.upload_address(AWS, "media/1", NOW))
    where = storage.address(AWS, "media/1")
    others = [
        storage.upload_address(AWS, "media/2", NOW),
        storage.upload_address(AWS, "media/1", NOW + timedelta(seconds=1)),
        storage.upload_address(replace(AWS, name="other"), "media/1", NOW),
        storage.upload_address(replace(AWS, region="eu-west-1"), "media/1", NOW),
        storage.upload_address(replace(AWS, secret="another"), "media/1", NOW),
        storage.sign("GET", where, AWS, NOW, storage.UPLOAD_S),
        storage.sign("PUT", where, AWS, NOW, storage.UPLOAD_S + 1),
    ]
    assert right not in {signature(each) for each in others}


def test_an_object_is_at_aws_or_under_its_bucket_at_another_storage() -> None:
    assert storage.address(AWS, "media/1") == (
        "https://examplebucket.s3.us-east-1.amazonaws.com/media/1"
    )
    other = replace(AWS, endpoint="https://storage.example.com:9000")
    where = "https://storage.example.com:9000/examplebucket/media/1"
    assert storage.address(other, "media/1") == where
    # The bucket is then a part of what is signed.
    assert storage.upload_address(other, "media/1", NOW) == storage.sign(
        "PUT", where, AWS, NOW, FACTS["uploads"]["life-s"]["value"]
    )


def test_kinds_of_files_are_those_of_the_facts() -> None:
    assert list(get_args(MediaType)) == FACTS["uploads"]["kinds"]["value"]


class Untouched:
    """A database that nobody may use."""

    async def run(self, _: Any) -> None:
        raise AssertionError("nothing is written")


def test_without_a_bucket_an_intent_is_refused_before_anything_is_written() -> None:
    media: Any = Media(Untouched(), None)  # type: ignore[arg-type]  # all that it has is refused
    asked = media.intend(Identity("user_3", "org_1", "editor", "t", 0), "image/png")
    with pytest.raises(UnavailableError) as raised:
        asked.send(None)
    assert (raised.value.service, raised.value.cause) == ("storage", "STORAGE_BUCKET is not set")
    assert raised.value.status == 503
