"""Looks at who uses the API, by the log of its process: users that nobody knows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from smartbeak_ops import postgres, settings
from smartbeak_ops.looks.seen import Seen
from smartbeak_ops.refusal import UnknownError

LOG = Path("/var/log/smartbeak/platform.log")
MOST = 4_000_000
"""Bytes of the log's end that are read."""

OPERATORS = "sb-"
"""Begins the names under which `sb` itself asks."""

_SHOWN = 3


def used(lines: Iterable[str]) -> Counter[str]:
    """Requests that were let in, by user; `sb` itself is left out.

    Args:
        lines: Of the log, a JSON object each; what is none is passed over.
    """
    found: Counter[str] = Counter()
    for line in lines:
        if '"request completed"' not in line:
            continue
        try:
            said = json.loads(line)
        except ValueError:
            continue
        user = str(said.get("userId") or "")
        if user and not user.startswith(OPERATORS) and int(said.get("status", 0)) < 400:
            found[user] += 1
    return found


def see(seen: Seen) -> None:
    """Says who used the API and is no user of the platform."""
    if not LOG.exists():
        seen.blind("strangers", f"{LOG} is not there")
        return
    found = unknown()
    for name, count in list(found.items())[:_SHOWN]:
        seen.lines.append(f"strangers: {name} is no user, {count} requests were let in")
    if not found:
        seen.lines.append("strangers: none")
    seen.know(strangers__users=len(found))


def tail() -> list[str]:
    """The last lines of the log.

    Raises:
        UnknownError: It cannot be read.
    """
    try:
        with LOG.open("rb") as opened:
            opened.seek(max(0, LOG.stat().st_size - MOST))
            return opened.read().decode(errors="replace").splitlines()
    except OSError as error:
        raise UnknownError(f"{LOG}: {error.strerror}: type it on the API's host") from error


def unknown() -> dict[str, int]:
    """Users of the log that are no users of the platform: how many requests were let in.

    Raises:
        UnknownError: The log cannot be read.
        ServiceError: The database does not answer.
    """
    users = used(tail())
    with postgres.Server(settings.read().database) as server:
        known = {row["id"] for row in server.rows("SELECT id FROM users")}
    return {name: users[name] for name in sorted(set(users) - known)}
