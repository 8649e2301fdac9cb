"""`python3 -m simulators.aws.endpoint`: the endpoint of the RDS instance, on the host `rds`.

The endpoint's name leads to a TCP proxy here, and the proxy to whichever of the two real
database hosts is the instance's primary. RDS does the same by DNS. As with Multi-AZ, a write
is confirmed only when the standby has it: `start` sets that on the primary.

What it does not do: after a failover the old primary is left as it is, and the instance has
no standby from then on; RDS makes a new one. It also fails over only when it is told to, and
RDS does so by itself when it notices that the primary is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path

import psycopg

ENDPOINT, CONTROL = ("rds", 5432), ("rds", 8080)
PRIMARY, STANDBY = "db-1", "db-2"
PIDFILE = Path("/run/rds.pid")
PASSWORD = Path("/run/secrets/postgres")

_ACCOUNT = "user=postgres dbname=postgres connect_timeout=2 sslmode=verify-full"
_SYNCHRONOUS_S = 20.0


class Endpoint:
    """The proxy and its orders.

    Attributes:
        primary: Host that the endpoint leads to.
        standby: Host that takes over; empty when there is none.
    """

    def __init__(self) -> None:
        self.primary, self.standby = PRIMARY, STANDBY
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Makes replication synchronous and listens."""
        await asyncio.to_thread(_be_synchronous, self.primary, self.standby)
        for place, serve in ((ENDPOINT, self._pass_on), (CONTROL, self._order)):
            await asyncio.start_server(serve, *place, backlog=128)
        print(f"rds: the endpoint leads to {self.primary}", flush=True)

    async def fail_over(self) -> None:
        """Promotes the standby and leads the endpoint to it.

        Every connection ends first, so that nobody writes to the old primary on the way.
        """
        new = self.standby
        self._open, self.standby = False, ""
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.to_thread(_promote, new)
        self.primary, self._open = new, True
        print(f"rds: the endpoint leads to {new}", flush=True)

    async def _pass_on(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        if not self._open:
            answer.transport.abort()
            return
        self._writers.add(answer)
        server = None
        try:
            source, server = await asyncio.open_connection(self.primary, 5432)
            self._writers.add(server)
            await asyncio.gather(_copy(client, server), _copy(source, answer))
        except OSError as error:
            print(f"rds: {self.primary}: {error}", file=sys.stderr, flush=True)
        finally:
            for writer in filter(None, (answer, server)):
                self._writers.discard(writer)
                writer.transport.abort()

    async def _order(self, asked: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            method, path, _ = (await asked.readline()).decode().split()
            while (await asked.readline()).strip():
                pass
            status, said = await self._done(method, path)
            body = json.dumps(said).encode()
            answer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode())
            answer.write(b"Connection: close\r\n\r\n" + body)
            await answer.drain()
        answer.close()

    async def _done(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        if (method, path) == ("POST", "/failover"):
            if not self.standby:
                return "409 Conflict", {"error": "there is no standby"}
            try:
                await self.fail_over()
            except psycopg.Error as error:
                return "500 Internal Server Error", {"error": str(error)}
        elif (method, path) != ("GET", "/state"):
            return "404 Not Found", {"error": f"{method} {path}"}
        return "200 OK", {"primary": self.primary, "standby": self.standby}


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    finally:
        target.transport.abort()


def _connect(host: str) -> psycopg.Connection[tuple[object, ...]]:
    password = PASSWORD.read_text(encoding="utf-8").strip()
    return psycopg.connect(f"{_ACCOUNT} host={host}", password=password, autocommit=True)


def _be_synchronous(primary: str, standby: str) -> None:
    with _connect(primary) as connection:
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '\"{standby}\"'")
        connection.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + _SYNCHRONOUS_S
        while not connection.execute(
            "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        ).fetchone():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{standby} does not follow {primary}")
            time.sleep(0.05)


def _promote(host: str) -> None:
    with _connect(host) as connection:
        connection.execute("SELECT pg_promote(true, 30)")


async def _main() -> None:
    endpoint = Endpoint()
    await endpoint.start()
    PIDFILE.write_text(f"{os.getpid()}\n")
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
