"""PostgreSQL: a pool that checks what it hands out, and work that never hangs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from smartbeak.process.errors import UnavailableError
from smartbeak.process.logs import reason
from smartbeak.process.metrics import Metrics, show
from smartbeak.process.settings import Settings

Connection = psycopg.AsyncConnection[DictRow]
"""A connection whose rows are dictionaries. Each statement commits by itself; several
that belong together stand in `async with connection.transaction()`."""

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]
"""Something to do with a connection."""

REQUEST_S = 1.5
"""Longest that a request may wait for PostgreSQL: its answer is due within two seconds."""

COUNT_S = 1.0
"""Longest that metrics wait for PostgreSQL: who reads them gives up, and then knows nothing."""

JOB_S = 10.0
"""Longest that a worker waits for PostgreSQL at once."""

_FEWEST = 2
_IDLE_S = 30.0
_CHECK_S = 0.5
_TO_SPARE_S = 0.1

# The server's own limits, for what this process no longer waits for.
_SERVER = "-c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000"


class Database:
    """The platform's database.

    Args:
        settings: Where it is and how many connections it may have.
        metrics: Where to count them.
        wait_s: Longest that one piece of work may take, with the wait for a connection.
        aside: Whether it is for what must not wait behind users: one connection of its own, open
            only while it is used, and not among those that are counted.

    Attributes:
        key: Tells its pool from others, without saying where it is.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        wait_s: float = REQUEST_S,
        *,
        aside: bool = False,
    ) -> None:
        self._metrics = metrics
        self._wait_s = wait_s
        self.key = hashlib.sha256(settings.database.encode()).hexdigest()[:16]
        self._refusal = ""
        self._drained_at = 0.0
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            make_conninfo(
                settings.database,
                application_name=f"smartbeak-{settings.role}",
                connect_timeout=2,
                keepalives_idle=5,
                keepalives_interval=1,
                keepalives_count=3,
                tcp_user_timeout=5000,
                options=_SERVER,
            ),
            connection_class=self._connection_class(),
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=0 if aside else min(_FEWEST, settings.pool_size),
            max_size=1 if aside else settings.pool_size,
            open=False,
            check=self._check,
            timeout=wait_s,
            max_idle=_IDLE_S,
            # Attempts to connect wait longer and longer. Given up soon, the next request
            # begins anew, and the first one after an outage is served at once.
            reconnect_timeout=1.0,
            name="postgresql",
        )

    async def open(self) -> None:
        """Starts connecting; does not wait for it."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Closes all connections."""
        await self._pool.close(timeout=2)

    async def run(self, work: Work[T], *, wait_s: float | None = None) -> T:
        """Does something with a connection.

        Args:
            work: What to do; it is left to itself when the time is over, and whether
                what it was writing came through is then not known.
            wait_s: Longest wait, if not the process's own.

        Raises:
            UnavailableError: No connection, it broke, or the time was over.
        """
        limit = self._wait_s if wait_s is None else wait_s
        used: list[Connection] = []
        task = asyncio.ensure_future(self._with_connection(work, used, limit))
        try:
            done, _ = await asyncio.wait({task}, timeout=limit)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            # Cancelling would wait for the server, which may never answer again.
            for connection in used:
                _cut(connection)
            task.add_done_callback(lambda late: late.cancelled() or late.exception())
            raise self._away(self._refusal or f"no answer within {limit:g} s")
        try:
            result = task.result()
        except PoolTimeout as error:
            raise self._away(self._refusal or reason(error)) from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise self._away(reason(error)) from error
        except psycopg.errors.ReadOnlySqlTransaction as error:
            # It was a primary once, and the name leads elsewhere by now.
            for connection in used:
                _cut(connection)
            raise self._away(reason(error)) from error
        self._metrics.dependency_up.labels("postgresql").set(1)
        return result

    def count(self) -> None:
        """Brings the pool's gauges up to date."""
        found = self.stats()
        used = found["total"] - found["idle"]
        show(self._metrics.pool, {"idle": found["idle"], "used": used, "waiting": found["waiting"]})

    def stats(self) -> dict[str, int]:
        """Connections of the pool, those of them that nobody uses, and who waits for one."""
        stats = self._pool.get_stats()
        names = {
            "total": "pool_size", "idle": "pool_available", "waiting": "requests_waiting",
        }  # fmt: skip
        return {name: stats.get(known, 0) for name, known in names.items()}

    async def _with_connection(self, work: Work[T], used: list[Connection], limit: float) -> T:
        async with self._pool.connection(timeout=limit - _TO_SPARE_S) as connection:
            used.append(connection)
            try:
                return await work(connection)
            finally:
                used.clear()

    def _connection_class(self) -> type[Connection]:
        """Connections that leave behind why none could be made."""
        database = self

        class Noted(psycopg.AsyncConnection[DictRow]):
            @classmethod
            async def connect(cls, *args: Any, **kwargs: Any) -> Any:
                try:
                    made = await super().connect(*args, **kwargs)
                except Exception as error:
                    database._refusal = reason(error)
                    raise
                database._refusal = ""
                return made

        return Noted

    async def _check(self, connection: Connection) -> None:
        """Whether a connection from the pool still works; the pool replaces it otherwise."""
        asked = asyncio.ensure_future(connection.execute(""))
        done, _ = await asyncio.wait({asked}, timeout=_CHECK_S)
        if not done:
            _cut(connection)
        try:
            await asked
        except psycopg.Error:
            # The others were made for the same server. One by one, each would cost the
            # next request a wait.
            now = time.monotonic()
            if now - self._drained_at > _CHECK_S:
                self._drained_at = now
                await self._pool.drain()
            raise

    def _away(self, cause: str) -> UnavailableError:
        self._metrics.dependency_up.labels("postgresql").set(0)
        return UnavailableError("postgresql", cause)


def _cut(connection: Connection) -> None:
    """Ends a connection under whoever waits for it, who then sees that it is lost."""
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as line:
        try:
            line.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other side was faster


async def fetch(connection: Connection, query: Any, *values: Any) -> list[DictRow]:
    """A query's rows."""
    cursor = await connection.execute(query, values)
    return await cursor.fetchall()


async def fetch_one(connection: Connection, query: Any, *values: Any) -> DictRow | None:
    """A query's first row."""
    cursor = await connection.execute(query, values)
    return await cursor.fetchone()
