"""What routes share: who may use them, and what they answer when they refuse."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.security import HTTPBearer

from smartbeak.access.limits import Limits
from smartbeak.access.roles import ACCESS
from smartbeak.access.tokens import Identity
from smartbeak.http.shapes.base import Problem
from smartbeak.process.errors import forbidden, unauthorized

BEARER = HTTPBearer(
    scheme_name="bearerAuth", bearerFormat="JWT", auto_error=False, description="An access token."
)
"""How a request says who sent it; the gate has read it before."""

_WORDS = {
    400: "The request does not have the form that the route takes.",
    401: "No token, or one that is not good.",
    402: "The card was declined.",
    403: "The user may not do this.",
    404: "There is no such thing.",
    409: "It is not in a state that allows this.",
    413: "The body is too long.",
    429: "Too many requests of this user in this minute.",
    503: "PostgreSQL, Redis or Stripe is away, or a queue is full.",
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Errors that a route may answer with, for its documentation."""
    return {status: {"model": Problem, "description": _WORDS[status]} for status in statuses}


def whoever(request: Request) -> Identity:
    """Who sent the request."""
    identity = request.scope["state"].get("identity")
    if not isinstance(identity, Identity):
        raise unauthorized()
    return identity


def allow(method: str, path: str) -> Any:
    """Lets a request through if its user has the role and has not asked too often.

    Args:
        method: Of the route.
        path: Of the route, with its version.
    """
    access = ACCESS[method, path]

    def check(request: Request, _: Annotated[Any, Depends(BEARER)]) -> None:
        identity = whoever(request)
        if identity.role not in access.roles:
            raise forbidden()
        limits: Limits = request.app.state.limits
        told = limits.count(identity.user, f"{method} {path}", access.per_minute)
        request.scope["state"]["headers"] = told

    found = Depends(check)
    assert isinstance(found, Dependency)
    return found
