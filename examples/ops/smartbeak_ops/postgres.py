"""PostgreSQL: questions that end, and that cannot change anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from smartbeak_ops.failures import ServiceError

CONNECT_S = 3
STATEMENT_MS = 3000
LOCK_MS = 1000

Row = Mapping[str, Any]


class Server:
    """A session on a database server; reads only, unless asked otherwise.

    Args:
        address: What libpq takes: a URL, or `host=... user=...`; passwords come from the
            password file.
        write: Whether statements may change rows.

    Raises:
        ServiceError: It does not let us in.
    """

    def __init__(self, address: str, *, write: bool = False) -> None:
        try:
            self._connection = psycopg.connect(
                address,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=CONNECT_S,
                application_name="sb",
                tcp_user_timeout=STATEMENT_MS,
                options=f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={LOCK_MS}",
            )
            if not write:
                # Not among the options: what the database itself says would be hidden by it.
                self._connection.execute("SET default_transaction_read_only = on")
        except psycopg.Error as error:
            raise ServiceError(str(error)) from error

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the session."""
        self._connection.close()

    def rows(self, query: LiteralString, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """A query's rows.

        Raises:
            ServiceError: The server says no, or nothing in time.
        """
        try:
            cursor = self._connection.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise ServiceError(str(error)) from error

    def one(self, query: LiteralString, values: Sequence[Any] = ()) -> dict[str, Any]:
        """A query's only row."""
        return self.rows(query, values)[0]

    def value(self, query: LiteralString, values: Sequence[Any] = ()) -> Any:
        """A query's only value."""
        return next(iter(self.one(query, values).values()))

    def changed(self, query: LiteralString, values: Sequence[Any] = ()) -> int:
        """How many rows a statement changed."""
        try:
            return self._connection.execute(query, values or None).rowcount
        except psycopg.Error as error:
            raise ServiceError(str(error)) from error


def superuser(host: str) -> Server:
    """A session of `postgres` on the platform's database."""
    return Server(f"host={host} user=postgres dbname=smartbeak")


def replicator(host: str) -> Server:
    """A session of the role that one database host may use on the other."""
    return Server(f"host={host} user=replicator dbname=postgres")


def local() -> Server:
    """A session on this database host's own server, by its socket."""
    return Server("host=/run/postgresql user=postgres dbname=postgres")
