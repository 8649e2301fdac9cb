"""One connection to Redis on which nothing can hang; standard library only."""

from __future__ import annotations

import contextlib
import socket
from urllib.parse import unquote, urlsplit

from drillbook.inside.trouble import Trouble

Reply = str | int | list["Reply"] | None


class RedisError(Trouble):
    """A connection or a command that failed, in Redis' words."""


class Redis:
    """An open connection.

    Args:
        url: `redis://[user:password@]host[:port][/number]`, as in REDIS_URL.
        timeout_s: Seconds that connecting, and then each answer, may take.
        name: Shown by CLIENT LIST.

    Raises:
        RedisError: The connection does not come about.
    """

    def __init__(self, url: str, *, timeout_s: float = 1.0, name: str = "") -> None:
        place = urlsplit(url)
        self._timeout_s = timeout_s
        self._place = f"{place.hostname}:{place.port or 6379}"
        try:
            self._socket = socket.create_connection(
                (place.hostname or "", place.port or 6379), timeout_s
            )
        except OSError as error:
            raise self._failed(error) from error
        self._stream = self._socket.makefile("rb")
        try:
            if place.password:
                user = [unquote(place.username)] if place.username else []
                self.run("AUTH", *user, unquote(place.password))
            if number := place.path.strip("/"):
                self.run("SELECT", number)
            if name:
                self.run("CLIENT", "SETNAME", name)
        except RedisError:
            self.close()
            raise

    def __enter__(self) -> Redis:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, *words: str) -> Reply:
        """Runs one command.

        Raises:
            RedisError: It was refused, or no answer came in time; then the
                connection is of no more use.
        """
        try:
            self._socket.sendall(_command(words))
            return self._read()
        except (OSError, EOFError) as error:
            raise self._failed(error) from error

    def ended(self) -> bool:
        """Whether the server has closed this idle connection."""
        self._socket.setblocking(False)
        try:
            return self._socket.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            with contextlib.suppress(OSError):
                self._socket.settimeout(self._timeout_s)

    def close(self) -> None:
        """Closes the connection. Safe to call twice."""
        self._stream.close()
        self._socket.close()

    def _read(self) -> Reply:
        line = self._stream.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("Server closed the connection")
        kind, rest = line[:1], line[1:-2].decode(errors="backslashreplace")
        if kind == b"-":
            raise RedisError(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == "-1" else self._text(int(rest))
        if kind == b"*":
            return None if rest == "-1" else [self._read() for _ in range(int(rest))]
        return rest

    def _text(self, length: int) -> str:
        data = self._stream.read(length + 2)
        if len(data) < length + 2:
            raise EOFError("Server closed the connection")
        return data[:-2].decode(errors="backslashreplace")

    def _failed(self, error: Exception) -> RedisError:
        if isinstance(error, TimeoutError):
            text = f"no answer from Redis at {self._place} within {self._timeout_s:g} s"
            return RedisError(text, seen=False)
        said = getattr(error, "strerror", None) or str(error)
        return RedisError(f"Could not connect to Redis at {self._place}: {said}")


def _command(words: tuple[str, ...]) -> bytes:
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)
