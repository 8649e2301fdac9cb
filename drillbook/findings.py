"""What a check says of one line of a page or a script."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What is wrong with one line."""

    path: str
    """From the project's folder."""

    line: int
    """0 for what a directive made without one."""

    check: str
    """Name of the rule, as the tool that holds it has it."""

    message: str

    def __str__(self) -> str:
        """As it is printed."""
        return f"{self.path}:{self.line}: {self.check}: {self.message}"
