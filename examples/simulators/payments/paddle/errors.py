"""How Paddle refuses: https://developer.paddle.com/api-reference/about/errors."""

from __future__ import annotations

from collections.abc import Mapping

from simulators.payments.ledger import Thing

_DOCS = "https://developer.paddle.com/errors"


class PaddleError(Exception):
    """A refusal.

    Attributes:
        status: HTTP status.
        error: What stands under `error`.
        headers: On top of others.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int = 400,
        group: str = "shared",
        fields: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.headers: dict[str, str] = {}
        self.error: Thing = {
            **{"type": "request_error", "code": code, "detail": detail},
            "documentation_url": f"{_DOCS}/{group}/{code}",
        }
        if fields:
            self.error["errors"] = [
                {"field": name, "message": words} for name, words in fields.items()
            ]
        super().__init__(detail)


def missing(key: str) -> PaddleError:
    """There is no such entity."""
    return PaddleError("not_found", f"Entity {key} not found", status=404)


def invalid(**fields: str) -> PaddleError:
    """Fields that do not pass; which ones and why, Paddle says of each."""
    return PaddleError("invalid_field", "Request does not pass validation.", fields=fields)
