"""Whether an organization may write: one that does not pay any more can only read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smartbeak.process.errors import forbidden

READ_ONLY = """
LEFT JOIN LATERAL (
  SELECT bool_or(status IN ('past_due', 'unpaid', 'cancelled') AND grace_until IS NOT NULL)
         AND NOT bool_or(status IN ('active', 'trialing')) AS read_only
  FROM subscriptions WHERE subscriptions.org_id = domain.org_id
) AS entitlement ON true
"""
"""Joins to a `domain` whether its organization can only read.

An event of the provider set `grace_until`: a payment failed, or a subscription ended. A row
without it was never told, and nobody is locked out by a guess. One subscription that is paid
is enough.
"""


def writable(row: Mapping[str, Any]) -> None:
    """Lets an organization through that may write.

    Args:
        row: Of a query with `READ_ONLY`.

    Raises:
        ApiError: 403.
    """
    if row["read_only"]:
        raise forbidden("Organization is read-only: its subscription is not paid")
