"""What a provider of payments keeps: objects, events, deliveries, answers; one SQLite file.

Several processes share it: one for each connection, the one that delivers webhooks, and
the control program. Whoever changes something has the file for itself until it is done,
so that a request that is killed halfway leaves nothing.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
import string
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Filter = tuple[str, str, object]
"""Field, operator, value."""

Thing = dict[str, Any]
"""An object of the provider, as it shows it; `id` and `object` are always there."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    customer TEXT,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS of_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS of_customer ON objects (customer, kind, seq);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    first REAL NOT NULL,
    due REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'given up')),
    status INTEGER,
    last INTEGER
);
CREATE INDEX IF NOT EXISTS of_event ON deliveries (event);
CREATE INDEX IF NOT EXISTS when_due ON deliveries (state, due);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    created REAL NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS requests (moment REAL NOT NULL);
CREATE TABLE IF NOT EXISTS secrets (
    endpoint TEXT NOT NULL, secret TEXT NOT NULL, expires REAL
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
DELIVERY = (
    "(SELECT CASE state WHEN 'pending' THEN CASE attempts WHEN 0 THEN 'not_attempted' "
    "ELSE 'needs_retry' END WHEN 'given up' THEN 'failed' ELSE state END "
    "FROM deliveries WHERE event = objects.id)"
)
"""In `Ledger.find`, a field that says how far what has one delivery got with it."""

_AGES = (
    *("expires_at", "data.object.created", "data.object.expires_at"),
    *(f"{where}{name}_at" for where in ("", "data.") for name in ("created", "updated", "billed")),
    *("occurred_at", "data.canceled_at", "canceled_at", "_failing_since"),
)
"""Moments of an object, beside `created`, that are older once time has passed."""

_RUNNING: Mapping[str, tuple[str, Sequence[str]]] = {
    "subscription": (
        "max(coalesce(json_extract(body, '$.current_period_end'), 0), "
        "coalesce(json_extract(body, '$.current_billing_period.ends_at'), 0), "
        "coalesce(json_extract(body, '$._until'), 0))",
        (
            *("current_period_start", "current_period_end", "trial_start", "trial_end"),
            *("billing_cycle_anchor", "cancel_at", "start_date", "starts_at", "ends_at"),
            *("started_at", "first_billed_at", "previously_billed_at", "next_billed_at"),
            "effective_at",
            "_until",
        ),
    ),
    "invoice": ("next_payment_attempt", ("next_payment_attempt",)),
    "dispute": ("evidence_details.due_by", ("due_by",)),
}
"""Kinds of objects that have an end: where it is, and the moments that come nearer with it."""

_LETTERS = string.ascii_letters + string.digits
_BUSY_S = 10.0


def new_id(prefix: str, length: int = 24) -> str:
    """An id that nobody has, e.g. `sub_...`."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that an endpoint has to be told."""

    seq: int
    event: str
    endpoint: str
    first: float
    """Seconds since 1970 at which the event came to be."""

    attempts: int
    """Made until now."""


@dataclass(frozen=True, slots=True)
class Told:
    """How far something with one delivery got with it."""

    state: str
    """As `DELIVERY` says it."""

    attempts: int
    due: float
    """When the next attempt is due, in seconds since 1970."""

    last: int | None
    """When the last one was made."""


class Ledger:
    """The file, open; see `opened`.

    Args:
        connection: To the file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Changes everything in it, or nothing; nobody else changes anything meanwhile."""
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._sql.execute("ROLLBACK")
            raise
        self._sql.execute("COMMIT")

    @contextlib.contextmanager
    def tentative(self) -> Iterator[None]:
        """Takes back what is done inside if that ends with an error; inside `changing`."""
        self._sql.execute("SAVEPOINT tentative")
        try:
            yield
        except BaseException:
            self._sql.execute("ROLLBACK TO tentative")
            raise
        finally:
            self._sql.execute("RELEASE tentative")

    def add(self, thing: Thing) -> None:
        """Adds an object."""
        self._sql.execute(
            "INSERT INTO objects (id, kind, created, customer, body) VALUES (?, ?, ?, ?, ?)",
            (thing["id"], thing["object"], thing["created"], _customer(thing), json.dumps(thing)),
        )

    def save(self, thing: Thing) -> None:
        """Writes an object that is there already."""
        self._sql.execute(
            "UPDATE objects SET body = ?, customer = ? WHERE id = ?",
            (json.dumps(thing), _customer(thing), thing["id"]),
        )

    def remove(self, key: str) -> None:
        """Takes an object away."""
        self._sql.execute("DELETE FROM objects WHERE id = ?", (key,))

    def get(self, key: str, kind: str = "") -> Thing | None:
        """The object of that id, of that kind if one is named."""
        row = self._sql.execute("SELECT kind, body FROM objects WHERE id = ?", (key,)).fetchone()
        if row is None or (kind and row[0] != kind):
            return None
        found: Thing = json.loads(row[1])
        return found

    def seq(self, key: str) -> int | None:
        """Place of an object in the order in which they came."""
        row = self._sql.execute("SELECT seq FROM objects WHERE id = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def find(
        self,
        kind: str,
        where: Sequence[Filter] = (),
        *,
        limit: int = -1,
        before: int | None = None,
        after: int | None = None,
    ) -> list[Thing]:
        """Objects of a kind, newest first.

        Args:
            kind: What the provider calls them.
            where: Field of the object (dots go deeper) or an expression, operator, value; all
                must hold. The value of `IN` is a list.
            limit: At most so many.
            before: Only those that came before this place.
            after: Only those that came after it, and then those that are next to it.
        """
        clauses, values = _filters(kind, where)
        for place, sign in ((before, "<"), (after, ">")):
            if place is not None:
                clauses.append(f"seq {sign} ?")
                values.append(place)
        order = "ASC" if after is not None else "DESC"
        rows = self._sql.execute(
            f"SELECT body FROM objects WHERE {' AND '.join(clauses)} ORDER BY seq {order} LIMIT ?",
            (*values, limit),
        ).fetchall()
        found = [json.loads(row[0]) for row in rows]
        return found[::-1] if after is not None else found

    def count(self, kind: str, where: Sequence[Filter] = ()) -> int:
        """How many objects `find` would find."""
        clauses, values = _filters(kind, where)
        query = f"SELECT count(*) FROM objects WHERE {' AND '.join(clauses)}"
        return int(self._sql.execute(query, values).fetchone()[0])

    def undelivered(self, *, limit: int, before: int | None, since: int) -> list[Thing]:
        """Events that an endpoint has not taken, newest first."""
        rows = self._sql.execute(
            # From the few that were not taken to their events: by itself SQLite looks through all
            # that were taken, once for each event.
            "SELECT body FROM objects WHERE kind = 'event' AND created >= ? AND seq < ? AND id IN "
            "(SELECT event FROM deliveries AS d INDEXED BY when_due WHERE state IN ('pending', "
            "'given up') AND NOT EXISTS (SELECT 1 FROM deliveries INDEXED BY of_event "
            "WHERE event = d.event AND endpoint = d.endpoint AND state = 'delivered')) "
            "ORDER BY seq DESC LIMIT ?",
            (since, before if before is not None else 1 << 62, limit),
        ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def deliver(self, event: str, endpoint: str, now: float) -> None:
        """Notes that an endpoint has to be told of an event."""
        self._sql.execute(
            "INSERT INTO deliveries (event, endpoint, first, due) VALUES (?, ?, ?, ?)",
            (event, endpoint, now, now),
        )

    def due(self, now: float) -> Delivery | None:
        """What has to be sent next; None while nothing has, or all is held back."""
        if self.setting("held"):
            return None
        row = self._sql.execute(
            "SELECT seq, event, endpoint, first, attempts FROM deliveries "
            "WHERE state = 'pending' AND due <= ? ORDER BY due, seq LIMIT 1",
            (now,),
        ).fetchone()
        return None if row is None else Delivery(*row)

    def attempted(self, delivery: Delivery, state: str, due: float, status: int) -> None:
        """Notes an attempt: what became of it, when the next is due, HTTP status or 0."""
        self._sql.execute(
            "UPDATE deliveries SET attempts = attempts + 1, state = ?, due = ?, status = ?, "
            "last = ? WHERE seq = ?",
            (state, due, status, int(time.time()), delivery.seq),
        )

    def told(self, key: str) -> Told:
        """How far the one delivery of that object got."""
        row = self._sql.execute(
            f"SELECT {DELIVERY}, attempts, due, last FROM objects JOIN deliveries "
            "ON event = objects.id WHERE objects.id = ?",
            (key,),
        ).fetchone()
        return Told(*row)

    def pending(self, event: str) -> int:
        """Endpoints that have not taken an event yet and are still tried."""
        row = self._sql.execute(
            "SELECT count(*) FROM deliveries WHERE event = ? AND state = 'pending'", (event,)
        ).fetchone()
        return int(row[0])

    def tally(self) -> Mapping[str, int]:
        """Deliveries by their state."""
        rows = self._sql.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
        return dict(rows.fetchall())

    def answered(self, key: str) -> tuple[str, float, int, str] | None:
        """Request, moment, status and body that were kept for an idempotency key."""
        row: tuple[str, float, int, str] | None = self._sql.execute(
            "SELECT request, created, status, body FROM answers WHERE key = ?", (key,)
        ).fetchone()
        return row

    def keep_answer(self, key: str, request: str, status: int, body: str) -> None:
        """Keeps an answer for an idempotency key."""
        self._sql.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
            (key, request, time.time(), status, body),
        )

    def over_rate(self, most: int, seconds: float) -> bool:
        """Counts a request; whether there were `most` before it in these seconds.

        A refused request counts, too: who asks on without a pause leaves nothing to others, however
        quick the machine is. Whether a provider counts so, it does not say.
        """
        now = time.time()
        self._sql.execute("DELETE FROM requests WHERE moment < ?", (now - seconds,))
        (count,) = self._sql.execute("SELECT count(*) FROM requests").fetchone()
        self._sql.execute("INSERT INTO requests VALUES (?)", (now,))
        return bool(count >= most)

    def secrets(self, endpoint: str) -> list[str]:
        """Secrets that an endpoint's events are signed with, the newest first."""
        rows = self._sql.execute(
            "SELECT secret FROM secrets WHERE endpoint = ? AND (expires IS NULL OR expires > ?) "
            "ORDER BY rowid DESC",
            (endpoint, time.time()),
        )
        return [row[0] for row in rows.fetchall()]

    def roll_secret(self, endpoint: str, secret: str, overlap_s: float) -> None:
        """Gives an endpoint a new secret; the ones before it end after so many seconds."""
        ends = time.time() + overlap_s
        self._sql.execute(
            "UPDATE secrets SET expires = min(coalesce(expires, ?), ?) WHERE endpoint = ?",
            (ends, ends, endpoint),
        )
        self._sql.execute("INSERT INTO secrets VALUES (?, ?, NULL)", (endpoint, secret))

    def setting(self, name: str) -> str:
        """A setting of the control program; empty if it is not set."""
        row = self._sql.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def set(self, name: str, value: str) -> None:
        """Sets it."""
        self._sql.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def age(self, seconds: int, scale: float) -> None:
        """Makes all that is there older, as if so much time had passed.

        The clock itself is not moved: signatures and new events must agree with the
        clocks of those who take them. What has an end that is still ahead comes nearer to it,
        e.g. the period of a subscription; what is over stays as it is. See `clock`.

        Args:
            seconds: How much older.
            scale: Delays between attempts are shorter by this factor, and so is this.
        """
        now = time.time()
        for kind, (end, moments) in _RUNNING.items():
            for thing in self.find(kind, [(end, ">", now)]):
                _come_nearer(thing, moments, seconds)
                self.save(thing)
        self._sql.execute(
            "UPDATE objects SET created = created - ?1, "
            "body = json_set(body, '$.created', created - ?1)",
            (seconds,),
        )
        for path in _AGES:
            self._sql.execute(
                "UPDATE objects SET body = json_set(body, ?1, json_extract(body, ?1) - ?2) "
                "WHERE json_type(body, ?1) = 'integer'",
                (f"$.{path}", seconds),
            )
        self._sql.execute(
            "UPDATE deliveries SET first = first - ?1, due = due - ?1", (seconds / scale,)
        )
        self._sql.execute("UPDATE answers SET created = created - ?", (seconds,))

    def reorder(self, times: int, *, reverse: bool) -> int:
        """Lets go what is held back; returns how many deliveries these are.

        Args:
            times: How often each event is sent.
            reverse: Newest first.
        """
        rows = self._sql.execute(
            "SELECT seq, event, endpoint, first FROM deliveries WHERE state = 'pending' "
            f"ORDER BY seq {'DESC' if reverse else 'ASC'}"
        ).fetchall()
        for place, (seq, event, endpoint, first) in enumerate(rows):
            self._sql.execute("UPDATE deliveries SET due = ? WHERE seq = ?", (place, seq))
            for _ in range(times - 1):
                self._sql.execute(
                    "INSERT INTO deliveries (event, endpoint, first, due) VALUES (?, ?, ?, ?)",
                    (event, endpoint, first, place),
                )
        self.set("held", "")
        return len(rows) * times


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Ledger]:
    """The ledger, made if it is not there.

    Raises:
        OSError: It cannot be read or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.closing(
            sqlite3.connect(path, isolation_level=None, timeout=_BUSY_S)
        ) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                connection.executescript(_SCHEMA)
            yield Ledger(connection)
    except sqlite3.Error as error:
        raise OSError(f"{path.name}: {error}") from error


def _filters(kind: str, where: Sequence[Filter]) -> tuple[list[str], list[Any]]:
    """Clauses and values of what `Ledger.find` is asked for."""
    clauses = ["kind = ?"]
    values: list[Any] = [kind]
    for field, operator, value in where:
        known = field in ("created", "customer", DELIVERY) or "(" in field
        column = field if known else "json_extract(body, ?)"
        if operator == "IN":
            operator, value = "IN (SELECT value FROM json_each(", json.dumps(value)
        clauses.append(f"{column} {operator} ?" + "))" * operator.startswith("IN "))
        values += [value] if column == field else [f"$.{field}", value]
    return clauses, values


def _come_nearer(value: Any, moments: Sequence[str], seconds: int) -> None:
    """Takes so much from these moments, wherever they are in an object."""
    if isinstance(value, list):
        for each in value:
            _come_nearer(each, moments, seconds)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name in moments and isinstance(each, int):
                value[name] = each - seconds
            else:
                _come_nearer(each, moments, seconds)


def _customer(thing: Thing) -> str | None:
    customer = thing.get("customer")
    return customer if isinstance(customer, str) else None
