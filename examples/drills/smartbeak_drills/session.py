"""One connection to PostgreSQL on which nothing can hang.

psycopg's own connection waits for an answer as long as the server keeps it
waiting, and a server that is paused or behind a cut link never answers. This one
drives libpq directly, with a deadline for every step, and hands on libpq's own
error texts, which are what an operator sees. Works with psycopg 3.1 and later.
"""

from __future__ import annotations

import select
import time

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from drillbook.inside.trouble import Trouble

Row = tuple[str | None, ...]

_ANSWERED = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class SessionError(Trouble):
    """A connection or a statement that failed, in libpq's words."""


class Session:
    """An open connection; statements run in transactions of their own unless one is begun.

    Args:
        conninfo: Connection string or URI; what it leaves out comes from libpq's environment.
        timeout_s: Seconds that connecting, and then each statement, may take.

    Raises:
        SessionError: The connection does not come about.
    """

    def __init__(self, conninfo: str, *, timeout_s: float = 1.0) -> None:
        self._timeout_s = timeout_s
        deadline = time.monotonic() + timeout_s
        self._connection = pq.PGconn.connect_start(conninfo.encode())
        try:
            self._connect(deadline)
        except psycopg.Error as error:
            self.close()
            raise SessionError(_first_line(str(error))) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, statement: str, *values: str) -> list[Row]:
        """Runs one statement.

        Args:
            statement: SQL with `$1`, `$2`, ... for the values.
            values: In PostgreSQL's text form.

        Returns:
            The rows, in PostgreSQL's text form.

        Raises:
            SessionError: It failed, or no answer came in time. Whether it took
                effect is then not known, and the connection is of no more use.
        """
        deadline = time.monotonic() + self._timeout_s
        rows: list[Row] = []
        try:
            self._connection.send_query_params(
                statement.encode(), [value.encode() for value in values]
            )
            while (result := self._next_result(deadline)) is not None:
                if result.status not in _ANSWERED:
                    raise SessionError(_first_line(result.error_message))
                rows += [
                    tuple(_text(result.get_value(row, column)) for column in range(result.nfields))
                    for row in range(result.ntuples)
                ]
        except psycopg.Error:
            # libpq's own words are on the connection; psycopg wraps them.
            raise SessionError(_first_line(self._connection.error_message)) from None
        return rows

    def ended(self) -> bool:
        """Whether the server has closed this idle connection."""
        try:
            if select.select([self._connection.socket], [], [], 0)[0]:
                self._connection.consume_input()
            return self._connection.status == pq.ConnStatus.BAD
        except psycopg.Error:
            return True

    def close(self) -> None:
        """Closes the connection. Safe to call twice."""
        self._connection.finish()

    def _connect(self, deadline: float) -> None:
        connection = self._connection
        while True:
            if connection.status == pq.ConnStatus.BAD:
                raise SessionError(_first_line(connection.error_message))
            state = connection.connect_poll()
            if state == pq.PollingStatus.OK:
                connection.nonblocking = 1
                return
            if state == pq.PollingStatus.FAILED:
                raise SessionError(_first_line(connection.error_message))
            number = connection.socket
            reading = [number] if state == pq.PollingStatus.READING else []
            writing = [number] if state == pq.PollingStatus.WRITING else []
            if not any(select.select(reading, writing, [], _left(deadline))):
                raise SessionError(f"{self._place()} failed: timeout expired")

    def _next_result(self, deadline: float) -> pq.abc.PGresult | None:
        connection = self._connection
        unsent = connection.flush()
        while unsent or connection.is_busy():
            number = connection.socket
            writing = [number] if unsent else []
            if not any(select.select([number], writing, [], _left(deadline))):
                text = f"no answer from {_decode(connection.host)} within {self._timeout_s:g} s"
                raise SessionError(text, seen=False)
            connection.consume_input()
            unsent = connection.flush()
        return connection.get_result()

    def _place(self) -> str:
        """Where the connection leads, in libpq's words."""
        host, address, port = (
            _decode(part)
            for part in (self._connection.host, self._connection.hostaddr, self._connection.port)
        )
        shown = f" ({address})" if address and address != host else ""
        return f'connection to server at "{host}"{shown}, port {port}'


def conninfo(address: str, **settings: str) -> str:
    """A connection string with some of its settings replaced.

    Raises:
        SessionError: `address` is no connection string or URI.
    """
    try:
        return make_conninfo(address, **settings)
    except psycopg.Error as error:
        raise SessionError(_first_line(str(error))) from error


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.0)


def _first_line(message: bytes | str) -> str:
    text = message if isinstance(message, str) else _decode(message)
    return text.strip().split("\n", 1)[0].strip()


def _text(value: bytes | None) -> str | None:
    return None if value is None else _decode(value)


def _decode(value: bytes) -> str:
    return value.decode(errors="backslashreplace")
