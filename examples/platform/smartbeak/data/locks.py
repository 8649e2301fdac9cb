"""A lock in Redis that its owner keeps for as long as it lives."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator

from redis.exceptions import RedisError

from smartbeak.data.store import Client

# Only the owner may change or end it: it may have expired and be somebody else's.
_EXTEND = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"


class Lock:
    """A lock that is held.

    Args:
        ttl_ms: How long it lasts when its owner says nothing.
    """

    def __init__(self, ttl_ms: int) -> None:
        self._ttl_s = ttl_ms / 1000
        self._until = 0.0
        self.renewed(time.monotonic())

    def renewed(self, asked_at: float) -> None:
        """It lasts anew from when that was asked for."""
        self._until = asked_at + self._ttl_s

    def lost(self) -> None:
        """Somebody else may have it."""
        self._until = 0.0

    @property
    def held(self) -> bool:
        """Whether nobody else can have it; false after a pause of this process that was longer
        than the lock."""
        return time.monotonic() < self._until


def lock_key(resource: str) -> str:
    """Where a lock is kept."""
    return f"lock:{resource}"


@contextlib.asynccontextmanager
async def hold(client: Client, resource: str, ttl_ms: int) -> AsyncIterator[Lock | None]:
    """The lock, kept until the block ends; None if somebody else has it.

    Args:
        client: Redis.
        resource: What is locked, e.g. `publish:<job id>`.
        ttl_ms: How long it outlives a dead owner.
    """
    key, owner, asked_at = lock_key(resource), secrets.token_hex(16), time.monotonic()
    if not await client.set(key, owner, nx=True, px=ttl_ms):
        yield None
        return
    lock = Lock(ttl_ms)
    lock.renewed(asked_at)
    keeper = asyncio.create_task(_keep(client, key, owner, ttl_ms, lock))
    try:
        yield lock
    finally:
        keeper.cancel()
        with contextlib.suppress(RedisError, OSError):
            await client.eval(_RELEASE, 1, key, owner)


async def _keep(client: Client, key: str, owner: str, ttl_ms: int, lock: Lock) -> None:
    while True:
        await asyncio.sleep(ttl_ms / 3000)
        asked_at = time.monotonic()
        if not await client.eval(_EXTEND, 1, key, owner, str(ttl_ms)):
            lock.lost()
            return
        lock.renewed(asked_at)
