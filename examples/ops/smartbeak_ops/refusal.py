"""How a command says that it does not do what it was asked."""

from __future__ import annotations


class RefusedError(Exception):
    """A guard's no.

    Args:
        reason: What speaks against it, in one line.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownError(Exception):
    """What had to be known could not be found out: no yes, and no no either.

    Args:
        reason: What did not answer, in one line.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
