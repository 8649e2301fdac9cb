"""Looks at the migrations: what the database has, what the release needs, and the lock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, LiteralString

from smartbeak_ops import postgres, settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.looks.seen import Look, Seen

Lock = Literal["free", "held", "left"]
Data = Literal["kept", "dropped", "unknown"]

_STATE: Final[LiteralString] = """
SELECT name, batch, (SELECT bool_or(is_locked = 1) FROM schema_migrations_lock) AS locked,
  (SELECT count(*) FROM pg_stat_activity
   WHERE application_name = 'migrate' AND datname = current_database()) AS sessions,
  (SELECT array_agg(indexrelid::regclass::text ORDER BY 1) FROM pg_index
   WHERE NOT indisvalid) AS invalid
FROM schema_migrations ORDER BY id
"""

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_DROPS = re.compile(
    r"\b(DROP\s+TABLE|DROP\s+COLUMN|TRUNCATE|DELETE\s+FROM|UPDATE\s+\S+\s+SET"
    r"|ALTER\s+COLUMN\s+\S+\s+(SET\s+DATA\s+)?TYPE)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class State:
    """What the database says of its migrations.

    Attributes:
        pending: Those that the release has and the database has not.
        ahead: Those that the database has and the release has not.
        batch: The last batch, all of which one `migrate:rollback` takes back.
        last: The migrations of that batch.
        lock: `held` while a run is going on, `left` where none is.
        invalid: Indexes that were not built to their end.
        checkout: Folder of the migrations of the release that runs.
    """

    pending: tuple[str, ...]
    ahead: tuple[str, ...]
    batch: int
    last: tuple[str, ...]
    lock: Lock
    invalid: tuple[str, ...]
    checkout: Path = settings.MIGRATIONS

    @property
    def coming(self) -> Data:
        """What the pending ones do to rows on their way up."""
        return what_becomes_of_rows(self.pending, self.checkout)

    @property
    def data(self) -> Data:
        """Whether the way up of the last batch drops or rewrites rows."""
        return what_becomes_of_rows(self.last, settings.RELEASE)


def what_becomes_of_rows(names: Sequence[str], folder: Path) -> Data:
    """Whether migrations drop or rewrite rows on their way up.

    Args:
        names: Of the migrations.
        folder: Where their files are.

    Returns:
        `unknown` where a file is not there; of what is there, what is worst.
    """
    texts = []
    for name in names:
        try:
            texts.append((folder / f"{name}.up.sql").read_text(encoding="utf-8"))
        except OSError:
            return "unknown"
    dropped = any(_DROPS.search(_COMMENT.sub(" ", text)) for text in texts)
    return "dropped" if dropped else "kept"


def state(known: settings.Settings) -> State | None:
    """What the database says; None on a host without the release's checkout.

    Raises:
        ServiceError: It cannot be asked.
    """
    files = settings.RELEASE if known.values.get(settings.TAG) else settings.MIGRATIONS
    wanted = [each.name.removesuffix(".up.sql") for each in files.glob("*.up.sql")]
    if not wanted:
        return None
    with postgres.Server(known.database) as server:
        rows = server.rows(_STATE)
    made = [str(row["name"]) for row in rows]
    batch = max((int(row["batch"]) for row in rows), default=0)
    locked = bool(rows and rows[0]["locked"])
    running = bool(rows and rows[0]["sessions"])
    return State(
        pending=tuple(sorted(set(wanted) - set(made))),
        ahead=tuple(name for name in made if name not in wanted),
        batch=batch,
        last=tuple(str(row["name"]) for row in rows if row["batch"] == batch),
        lock="free" if not locked else "held" if running else "left",
        invalid=tuple(rows[0]["invalid"] or ()) if rows else (),
        checkout=files,
    )


def look(known: settings.Settings) -> Look:
    """The migrations, from the operator's machine."""
    return Look("migrations", lambda seen: _see(seen, known))


def _see(seen: Seen, known: settings.Settings) -> None:
    try:
        found = state(known)
    except ServiceError as error:
        seen.blind("migrations", f"the database says {error.said}")
        return
    if found is None:
        return
    seen.say(
        f"migrations: {len(found.pending)} pending",
        migrations__pending=len(found.pending),
        migrations__ahead=len(found.ahead),
        migrations__lock=found.lock,
    )
    if found.pending:
        seen.lines.append(f"  the first is {found.pending[0]}")
    if found.ahead:
        data = found.data
        words = {"kept": "add only", "dropped": "DROP OR REWRITE ROWS", "unknown": "not found"}
        seen.say(
            f"  {len(found.ahead)} that the release does not have; the last batch, {found.batch}, "
            f"has {len(found.last)}: {words[data]}",
            migrations__rows=data,
        )
    if found.lock != "free":
        who = "a run is going on" if found.lock == "held" else "LEFT BEHIND: no run is going on"
        seen.lines.append(f"  the lock is held: {who}")
    for index in found.invalid:
        seen.lines.append(f"  index {index} is half-built")
