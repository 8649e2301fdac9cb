"""Who may use which route, and how often in a minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Role = Literal["owner", "admin", "editor", "viewer"]
"""What a member of an organization may be."""

ROLES: tuple[Role, ...] = get_args(Role)
"""Every role."""

_READERS: tuple[Role, ...] = ("admin", "editor", "viewer")
_WRITERS: tuple[Role, ...] = ("admin", "editor")
_PUBLISHERS: tuple[Role, ...] = ("owner", "admin", "editor")
_LEADERS: tuple[Role, ...] = ("owner", "admin")


@dataclass(frozen=True)
class Access:
    """What one route asks of a user."""

    roles: tuple[Role, ...]
    """Roles that may use it."""

    per_minute: int
    """Requests that one user may make in a minute."""


ACCESS: Mapping[tuple[str, str], Access] = {
    ("GET", "/v1/content"): Access(_READERS, 50),
    ("POST", "/v1/content"): Access(_WRITERS, 50),
    ("GET", "/v1/content/{id}"): Access(_READERS, 50),
    ("PATCH", "/v1/content/{id}"): Access(_WRITERS, 50),
    ("DELETE", "/v1/content/{id}"): Access(("admin",), 20),
    ("POST", "/v1/content/{id}/publish"): Access(_WRITERS, 20),
    ("POST", "/v1/content/{id}/schedule"): Access(_WRITERS, 50),
    ("GET", "/v1/publishing/targets"): Access(_PUBLISHERS, 50),
    ("POST", "/v1/publishing/targets"): Access(_LEADERS, 30),
    ("GET", "/v1/publishing/jobs"): Access(_PUBLISHERS, 50),
    ("POST", "/v1/publishing/jobs"): Access(_PUBLISHERS, 10),
    ("GET", "/v1/publishing/jobs/{id}"): Access(_PUBLISHERS, 50),
    ("POST", "/v1/publishing/jobs/{id}/retry"): Access(_LEADERS, 30),
    ("GET", "/v1/admin/dlq"): Access(("admin",), 40),
    ("POST", "/v1/admin/dlq/{id}/retry"): Access(("admin",), 20),
    ("DELETE", "/v1/admin/dlq/{id}"): Access(("admin",), 20),
    ("GET", "/v1/admin/queues/metrics"): Access(_LEADERS, 40),
    ("GET", "/v1/admin/flags/{key}"): Access(_LEADERS, 100),
    ("POST", "/v1/admin/flags/{key}"): Access(("owner",), 100),
    ("GET", "/v1/admin/notifications"): Access(_LEADERS, 40),
    ("GET", "/v1/admin/notifications/dlq"): Access(_LEADERS, 40),
    ("GET", "/v1/admin/notifications/metrics"): Access(_LEADERS, 40),
    ("POST", "/v1/admin/notifications/{id}/retry"): Access(_LEADERS, 30),
    ("POST", "/v1/admin/notifications/{id}/cancel"): Access(_LEADERS, 30),
    ("GET", "/v1/alerts"): Access(_LEADERS, 100),
    ("POST", "/v1/alerts"): Access(_LEADERS, 100),
    ("POST", "/v1/media/upload-intent"): Access(_WRITERS, 30),
    ("POST", "/v1/media/{id}/complete"): Access(_WRITERS, 100),
    ("POST", "/v1/billing/subscribe"): Access(("owner",), 20),
    ("GET", "/v1/billing/plan"): Access(_LEADERS, 50),
    ("GET", "/v1/billing/invoices"): Access(_LEADERS, 50),
    ("GET", "/v1/billing/invoices/export"): Access(_LEADERS, 20),
    ("POST", "/api/stripe/create-checkout-session"): Access(_LEADERS, 20),
    ("POST", "/api/stripe/portal"): Access(_LEADERS, 20),
    ("GET", "/health/detailed"): Access(_LEADERS, 100),
    ("GET", "/health/repositories"): Access(_LEADERS, 100),
    ("GET", "/health/sequences"): Access(_LEADERS, 100),
}
"""Every route that is not public, by method and path."""

PUBLIC = frozenset({"/health", "/readyz", "/livez", "/metrics", "/openapi.json"})
"""Paths that anybody may ask for; everything else is refused without a token."""


def said() -> dict[tuple[str, str], dict[str, Any]]:
    """What an OpenAPI document says of each route: roles, and how often a user may ask."""
    return {
        route: {"x-roles": list(access.roles), "x-requests-per-minute": access.per_minute}
        for route, access in ACCESS.items()
    }
