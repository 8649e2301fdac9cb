"""Redis: the clients of it, and the cache of content."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import RedisError, TimeoutError

from smartbeak.process.errors import UnavailableError
from smartbeak.process.logs import Log, reason
from smartbeak.process.metrics import Metrics
from smartbeak.process.settings import Settings

Client = Redis
"""A client whose answers are texts."""

CACHE_S = 300
"""How long content stays in the cache."""

_ANSWER_S = 0.8
_BLOCKED_S = 15.0
_MOST_CONNECTIONS = 20
# The first failures may only be connections that ended while nobody used them.
_AWAY_AFTER = 3
_KEEPALIVE = {socket.TCP_KEEPIDLE: 5, socket.TCP_KEEPINTVL: 1, socket.TCP_KEEPCNT: 3}

# Two writers, or a reader and a writer, may come here in another order than they came
# to the database: the newer content stays.
_NEWEST = f"""
local ok, old = pcall(cjson.decode, redis.call('GET', KEYS[1]) or 'null')
if ok and type(old) == 'table' and (tonumber(old['version']) or 0) > tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', {CACHE_S})
return 1
"""

T = TypeVar("T")
log = Log("redis")


@dataclass(frozen=True)
class Entry:
    """Content as it is cached."""

    org: str
    """Organization it belongs to."""

    version: int
    """Its last change, in microseconds since 1970."""

    item: dict[str, Any]
    """What a request for it is answered with."""


def client(settings: Settings) -> Client:
    """A client for requests: an answer comes soon or not at all."""
    pool = BlockingConnectionPool.from_url(
        settings.redis,
        decode_responses=True,
        max_connections=_MOST_CONNECTIONS,
        timeout=_ANSWER_S,
        socket_timeout=_ANSWER_S,
        socket_connect_timeout=_ANSWER_S,
        # Once more, for a connection that ended while it was not in use.
        retry=Retry(NoBackoff(), 1, supported_errors=(LostError,)),
        client_name=settings.service,
    )
    return Redis(connection_pool=pool)


def patient_client(settings: Settings) -> Client:
    """A client for a worker: it waits for Redis as long as it takes, as BullMQ demands
    (`maxRetriesPerRequest: null`), and blocks on purpose while there is no job."""
    pool = BlockingConnectionPool.from_url(
        settings.redis,
        decode_responses=True,
        max_connections=_MOST_CONNECTIONS,
        timeout=None,
        socket_timeout=_BLOCKED_S,
        socket_connect_timeout=2,
        socket_keepalive=True,
        socket_keepalive_options=_KEEPALIVE,
        retry=Retry(_Announced(cap=0.5, base=0.02), -1),
        client_name=settings.service,
    )
    return Redis(connection_pool=pool)


class _Announced(ExponentialBackoff):
    """Waits longer and longer, and says when it begins."""

    def compute(self, failures: int) -> float:
        """Seconds to wait after so many failures."""
        if failures == _AWAY_AFTER:
            log.warn("Redis is away, trying until it is back")
        return float(super().compute(failures))


class Store:
    """Redis as requests use it.

    Args:
        settings: Where it is.
        metrics: Where to note whether it answers.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.client = client(settings)
        self._metrics = metrics
        self._newest = self.client.register_script(_NEWEST)

    async def ask(self, command: Awaitable[T]) -> T:
        """The answer to a command.

        Raises:
            UnavailableError: Redis did not answer, or refused.
        """
        try:
            answer = await command
        except (RedisError, OSError) as error:
            self._metrics.dependency_up.labels("redis").set(0)
            raise UnavailableError("redis", _said(error)) from error
        self._metrics.dependency_up.labels("redis").set(1)
        return answer

    async def texts(self, *keys: str) -> list[str | None]:
        """The texts under these keys."""
        answer: list[Any] = await self.ask(self.client.mget(keys))
        return [None if text is None else str(text) for text in answer]

    async def cached(self, content_id: str) -> Entry | None:
        """Content from the cache; None too if what is there cannot be read."""
        text = await self.ask(self.client.get(cache_key(content_id)))
        try:
            found = json.loads(text) if text else None
            return Entry(found["orgId"], found["version"], found["item"]) if found else None
        except (ValueError, KeyError, TypeError):
            return None

    async def keep(self, content_id: str, entry: Entry) -> None:
        """Puts content that was read into the cache, or leaves that: a full Redis still
        serves reads."""
        try:
            await self._put(content_id, entry)
        except UnavailableError as error:
            log.warn("not cached", contentId=content_id, error=error.cause)

    async def replace(self, content_id: str, entry: Entry) -> None:
        """Puts content that was written into the cache; what was there before is gone then.

        Raises:
            UnavailableError: What was there before may still be there.
        """
        try:
            await self._put(content_id, entry)
        except UnavailableError:
            # A full Redis takes nothing, but gives up what it has.
            await self.ask(self.client.unlink(cache_key(content_id)))

    async def _put(self, content_id: str, entry: Entry) -> None:
        text = json.dumps({"orgId": entry.org, "version": entry.version, "item": entry.item})
        await self.ask(self._newest(keys=[cache_key(content_id)], args=[entry.version, text]))

    async def close(self) -> None:
        """Closes all connections."""
        await self.client.aclose()


def cache_key(content_id: str) -> str:
    """Where content is cached."""
    return f"cache:content:{content_id}"


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_ANSWER_S:g} s"
    return reason(error)
