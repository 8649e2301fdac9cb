"""What every failed conversation with a server has in common."""

from __future__ import annotations


class Trouble(Exception):
    """A connection, a statement or a call that failed.

    Attributes:
        text: First line of the error.
        seen: Whether a client of the platform would see this text; false for a
            deadline of our own, on which nobody else says anything.
    """

    def __init__(self, text: str, *, seen: bool = True) -> None:
        self.text = text
        self.seen = seen
        super().__init__(text)
