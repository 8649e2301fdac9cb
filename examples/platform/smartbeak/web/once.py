"""Doing something once, however often it is asked for."""

from __future__ import annotations

from enum import Enum

from smartbeak.data.store import Store
from smartbeak.process.errors import UnavailableError
from smartbeak.process.logs import Log

REMEMBERED_S = 24 * 3600
"""How long it is remembered that something was done."""

CLAIMED_S = 10
"""How long a claim lasts whose process died: longer than the work may take."""

_CLAIM, _DONE = "processing", "1"

log = Log("webhooks")


class Turn(Enum):
    """What an event is to whom it came."""

    NEW = "to be processed"
    BUSY = "being processed"
    DONE = "processed before"


class Once:
    """Remembers in Redis what was done.

    A claim comes before the work, so that two at a time do not do it twice; only when
    it is done it is said to be done, so that what failed can be sent again.

    Args:
        store: Redis.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def claim(self, key: str) -> Turn:
        """Begins.

        Raises:
            UnavailableError: It cannot be told whether it was done before.
        """
        client = self._store.client
        if await self._store.ask(client.set(key, _CLAIM, nx=True, ex=CLAIMED_S)):
            return Turn.NEW
        (said,) = await self._store.texts(key)
        return Turn.BUSY if said in (_CLAIM, None) else Turn.DONE

    async def done(self, key: str) -> None:
        """It was done. Where that cannot be noted, it is done again if it comes again."""
        try:
            await self._store.ask(self._store.client.set(key, _DONE, ex=REMEMBERED_S))
        except UnavailableError as error:
            log.warn("not remembered", event=key, error=error.cause)

    async def undone(self, key: str) -> None:
        """It failed, and may come again at once."""
        try:
            await self._store.ask(self._store.client.delete(key))
        except UnavailableError as error:
            log.warn("claim not released", event=key, error=error.cause)
