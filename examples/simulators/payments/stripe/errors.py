"""How Stripe refuses: https://docs.stripe.com/api/errors."""

from __future__ import annotations

from typing import Any

from simulators.payments.ledger import Thing


class StripeError(Exception):
    """A refusal.

    Attributes:
        status: HTTP status.
        error: What stands under `error`.
        headers: On top of others.
        keeps: Whether what was done before it is kept, e.g. a charge that was declined.
    """

    def __init__(
        self,
        message: str,
        code: str = "",
        param: str = "",
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        keeps: bool = False,
        **more: Any,
    ) -> None:
        self.status = status
        self.keeps = keeps
        self.headers: dict[str, str] = {}
        self.error: Thing = {"message": message, "type": kind, **more}
        if code:
            self.error |= {"code": code, "doc_url": f"https://stripe.com/docs/error-codes/{code}"}
        if param:
            self.error["param"] = param
        super().__init__(message)


class NotSimulatedError(Exception):
    """What the real one would do here is not simulated; the run fails."""


def missing(kind: str, key: str, param: str = "id") -> StripeError:
    """There is no such object."""
    name = kind.replace("checkout.session", "checkout session").replace("_", "")
    status = 404 if param == "id" else 400
    return StripeError(f"No such {name}: '{key}'", "resource_missing", param, status=status)


def unexpected_state(kind: str, message: str) -> StripeError:
    """An object does not allow that in the state in which it is."""
    return StripeError(message, f"{kind}_unexpected_state")
