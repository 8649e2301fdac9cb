"""Redis and its sentinels: questions that end."""

from __future__ import annotations

from typing import Any, cast

from smartbeak_ops import lean, settings
from smartbeak_ops.failures import ServiceError

# The client's own metrics, which nobody reads here.
with lean.without("opentelemetry"):
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

CONNECT_S = 2.0
ANSWER_S = 3.0


class Store:
    """A connection to a Redis server or a sentinel.

    Args:
        host: Its name.
        port: 6379 for a server.
        password: If it asks for one.
    """

    def __init__(self, host: str, port: int = 6379, password: str | None = None) -> None:
        self._client = redis.Redis(
            host=host,
            port=port,
            password=password,
            socket_connect_timeout=CONNECT_S,
            socket_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            encoding_errors="replace",  # the slow log holds what BullMQ packs
            client_name="sb",
            protocol=2,
        )

    @classmethod
    def at(cls, address: str) -> Store:
        """The server at an address of the platform's form."""
        store = cls.__new__(cls)
        store._client = redis.Redis.from_url(
            address,
            socket_connect_timeout=CONNECT_S,
            socket_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            encoding_errors="replace",
            client_name="sb",
            protocol=2,
        )
        return store

    def ask(self, *command: Any) -> Any:
        """What it answers.

        Raises:
            ServiceError: It says no, or nothing in time.
        """
        try:
            return self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except (redis.RedisError, OSError) as error:
            raise ServiceError(str(error)) from error

    def info(self) -> dict[str, Any]:
        """What it says of itself."""
        return cast(dict[str, Any], self.ask("INFO", "all"))

    def together(self, *commands: tuple[Any, ...]) -> list[Any]:
        """What it answers to several commands, sent at once."""
        try:
            pipe = self._client.pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]
            return pipe.execute()
        except (redis.RedisError, OSError) as error:
            raise ServiceError(str(error)) from error

    def scan(self, pattern: str, most: int) -> list[str]:
        """At most so many keys of a pattern, without holding anybody up."""
        found: list[str] = []
        try:
            for key in self._client.scan_iter(match=pattern, count=500):
                found.append(key)
                if len(found) >= most:
                    break
        except (redis.RedisError, OSError) as error:
            raise ServiceError(str(error)) from error
        return found


def named_master(sentinel: str) -> str:
    """The host that a sentinel takes for the master.

    Raises:
        ServiceError: It does not answer, or does not know the pair.
    """
    answer = Store(sentinel, settings.SENTINEL_PORT).ask(
        "SENTINEL", "get-master-addr-by-name", settings.PAIR
    )
    if not answer:
        raise ServiceError(f"{sentinel} does not know {settings.PAIR}")
    return str(answer[0])


def promoted(sentinels: tuple[str, ...] = settings.SENTINELS) -> str | None:
    """The master, as the first sentinel that answers sees it.

    Returns:
        None where there are no sentinels.

    Raises:
        ServiceError: There are some, and none answers.
    """
    there = [each for each in sentinels if settings.known(each)]
    last: ServiceError | None = None
    for sentinel in there:
        try:
            return named_master(sentinel)
        except ServiceError as error:
            last = error
    if last is not None:
        raise last
    return None
