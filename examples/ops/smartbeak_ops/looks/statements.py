"""Looks at what PostgreSQL refuses by rules of its own: a permission, a trigger, a column.

Users get errors then though both servers are well, and neither a release nor a flag need be
the cause. The newest lines of the primary's log say what it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from smartbeak_ops import postgres, settings
from smartbeak_ops.failures import ServiceError, clean
from smartbeak_ops.looks import sql
from smartbeak_ops.looks.seen import Look, Seen
from smartbeak_ops.refusal import RefusedError

NEWEST_S = 10
"""How old a line may be that counts, as `sql.NEWEST` has it."""

MANY = 3
"""Lines of one kind from which on it is no single request."""

_OURS = re.compile(r"\] smartbeak@smartbeak ERROR:  (.*)")
# What has a branch of its own, or is an answer to the user who asked.
_ELSEWHERE = re.compile(
    r"^duplicate key|could not serialize|lock timeout|due to user request"
    r'|recovery|read-only transaction|No space left|^relation ".*" does not exist'
    r"|terminating connection|administrator command|statement timeout"
)


def look(known: settings.Settings) -> Look:
    """The end of the primary's log, from the operator's machine."""
    return Look("statements", lambda seen: _see(seen, known))


def refused(lines: Iterable[str]) -> tuple[str, int]:
    """What PostgreSQL said most often to the platform, and how often; nothing below `MANY`.

    Args:
        lines: Of its log.
    """
    said = Counter[str]()
    for line in lines:
        found = _OURS.search(line)
        if found is not None and not _ELSEWHERE.search(found[1]):
            said[found[1]] += 1
    text, count = said.most_common(1)[0] if said else ("", 0)
    return (text, count) if count >= MANY else ("", 0)


def _see(seen: Seen, known: settings.Settings) -> None:
    if known.managed:
        return
    try:
        with postgres.superuser(known.primary) as server:
            log = str(server.value(sql.LOG_END, [sql.LOG, sql.LOG]) or "")
            oldest = str(server.value(sql.NEWEST))
    except (ServiceError, RefusedError):
        return  # `platform` or `db-1` says it
    newest = [line for line in log.splitlines() if line[: len(oldest)] >= oldest]
    text, count = refused(newest)
    seen.know(statements__refused=count)
    if count:
        seen.lines.append(
            f"statements: PostgreSQL refused {count} in {NEWEST_S} s: {clean(text)[:160]}"
        )
