"""The one error type that every front shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True, slots=True)
class Where:
    """A place in the sources."""

    path: str
    """Path relative to the project, with forward slashes, e.g. `source/runbooks/x.md`."""

    line: int = 0
    """1-based line; 0 when the whole file is meant."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


class DrillbookError(Exception):
    """Bad input or a broken harness, said so that the reader can act.

    Attributes:
        code: Stable kebab-case name of the kind of error, e.g. `unknown-host`.
        message: What is wrong, one or more plain sentences.
        where: The place in the sources, if there is one.
        hint: What to try, if something is known to help.
    """

    def __init__(
        self, code: str, message: str, *, where: Where | None = None, hint: str = ""
    ) -> None:
        self.code = code
        self.message = message
        self.where = where
        self.hint = hint
        super().__init__(str(self))

    def __reduce__(self) -> tuple[Callable[..., DrillbookError], tuple[str, str]]:
        """An error crosses from a process that works for another as what it is."""
        return partial(type(self), where=self.where, hint=self.hint), (self.code, self.message)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}{self.code}: {self.message}{hint}"


class PageError(DrillbookError):
    """The page is wrong: its author mends it (exit status 1 or 4, never 3)."""


class HarnessError(DrillbookError):
    """The harness or the machine is at fault: a result of status `error`."""
