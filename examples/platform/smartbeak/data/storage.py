"""Object storage: addresses that let whoever has them put one object there, for a while."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

from smartbeak.process.settings import Bucket

UPLOAD_S = 300
"""How long an address to upload to is good."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_UTC = "%Y%m%dT%H%M%SZ"


def address(bucket: Bucket, key: str) -> str:
    """Where an object is; nobody may read or write there without a signature."""
    if bucket.endpoint:
        return f"{bucket.endpoint}/{bucket.name}/{key}"
    return f"https://{bucket.name}.s3.{bucket.region}.amazonaws.com/{key}"


def upload_address(bucket: Bucket, key: str, now: datetime) -> str:
    """Where an object is, signed so that it may be put there for `UPLOAD_S` seconds."""
    return sign("PUT", address(bucket, key), bucket, now, UPLOAD_S)


def sign(method: str, where: str, bucket: Bucket, now: datetime, life_s: int) -> str:
    """An address with a signature in its query; the storage is not asked.

    As AWS describes it for query parameters:
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

    Args:
        method: That it is good for, and no other.
        where: The object's address.
        bucket: Whose key signs.
        now: When its life begins, with a zone.
        life_s: Seconds that it lives.
    """
    place, moment = urlsplit(where), now.astimezone(UTC).strftime(_UTC)
    scope = f"{moment[:8]}/{bucket.region}/s3/aws4_request"
    query = urlencode(
        {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{bucket.key_id}/{scope}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": life_s,
            "X-Amz-SignedHeaders": "host",
        },
        quote_via=quote,
        safe="",
    )
    asked = (method, place.path, query, f"host:{place.netloc}\n", "host", "UNSIGNED-PAYLOAD")
    digest = hashlib.sha256("\n".join(asked).encode()).hexdigest()
    key = f"AWS4{bucket.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    text = "\n".join((_ALGORITHM, moment, scope, digest))
    signature = hmac.digest(key, text.encode(), hashlib.sha256).hex()
    return f"{where}?{query}&X-Amz-Signature={signature}"
