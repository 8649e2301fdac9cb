"""What a request is refused with: one kind of error, one shape of answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        code: Machine-readable name of the reason.
        message: The reason, for people.
        headers: Sent with the answer.
        retry_after_s: Seconds after which to try again; None where that is unknown.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.retry_after_s = retry_after_s
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)
        super().__init__(message)

    def body(self, request_id: str) -> dict[str, Any]:
        """The answer's JSON.

        Args:
            request_id: The request's X-Request-ID; empty without one.
        """
        said: dict[str, Any] = {
            "error": self.message, "code": self.code, "requestId": request_id
        }  # fmt: skip
        if self.retry_after_s is not None:
            said["retryAfter"] = self.retry_after_s
        return said


class UnavailableError(ApiError):
    """PostgreSQL or Redis cannot serve now; it may again at any moment.

    Attributes:
        service: `postgresql` or `redis`.
        cause: What its client said; for the log, not for the answer.
    """

    def __init__(self, service: str, cause: str) -> None:
        self.service = service
        self.cause = cause
        super().__init__(503, "SERVICE_UNAVAILABLE", "Service temporarily unavailable")


def internal() -> ApiError:
    """The platform has a defect."""
    return ApiError(500, "INTERNAL_ERROR", "Internal server error")


def invalid(message: str = "Validation failed", code: str = "VALIDATION_ERROR") -> ApiError:
    """The request does not have the form that the route takes."""
    return ApiError(400, code, message)


def unauthorized(message: str = "Authentication required") -> ApiError:
    """Nobody is known to have sent this."""
    return ApiError(401, "AUTH_REQUIRED", message)


def forbidden(message: str = "Access denied", code: str = "FORBIDDEN") -> ApiError:
    """Whoever sent this may not do it."""
    return ApiError(403, code, message)


def not_found(what: str, code: str = "NOT_FOUND") -> ApiError:
    """There is no such thing."""
    return ApiError(404, code, f"{what} not found")


def conflict(message: str) -> ApiError:
    """The thing is not in a state that allows this."""
    return ApiError(409, "CONFLICT", message)


def too_large() -> ApiError:
    """The body is longer than the platform reads."""
    return ApiError(413, "PAYLOAD_TOO_LARGE", "Request payload too large")


def too_many(retry_after_s: int, headers: Mapping[str, str]) -> ApiError:
    """The user has used up the route's requests of this minute."""
    return ApiError(
        429,
        "RATE_LIMIT_EXCEEDED",
        "Too many requests",
        headers=headers,
        retry_after_s=retry_after_s,
    )
