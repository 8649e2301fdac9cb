"""How a test asks a shell, and what it says."""

from __future__ import annotations

from typing import Any

from drillbook.inside.shell import Outcome, Shell

PAGE = "source/runbooks/x.md"
PATIENCE_S = 180.0
LIMITS_S = (0.5, 2.0, 8.0, 32.0, 128.0)
"""Time limits to try one after the other, until one lets a snippet come to where it hangs."""

# The machine's own folders: what a program lacks is said otherwise where one may not be read.
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nowhere", "LC_ALL": "C.UTF-8"}


def command(shell: Shell, text: str, line: int = 52, **options: Any) -> Outcome:
    timeout_s, merge = options.pop("timeout_s", PATIENCE_S), options.pop("merge", False)
    return shell.run("command", PAGE, line, text, timeout_s, merge, **options)


def script(shell: Shell, text: str, line: int = 52) -> Outcome:
    return shell.run("script", PAGE, line, text, PATIENCE_S, False)


def said(outcome: Outcome) -> tuple[str, str, int | None]:
    """What a normal end left; fails at any other end."""
    assert (outcome.ended, outcome.reason, outcome.alive) == ("", "", True)
    return outcome.stdout, outcome.stderr, outcome.status
