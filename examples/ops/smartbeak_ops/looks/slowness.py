"""Looks at where the time goes when the API is slow: four places, told apart from outside."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

from smartbeak_ops import postgres, redisdb, settings, web
from smartbeak_ops.api import Api, parsed
from smartbeak_ops.failures import ServiceError, clean
from smartbeak_ops.refusal import RefusedError

SLOW_S = 0.8
"""Longest that a probe of a healthy process takes; it asks PostgreSQL and Redis."""

LATE_S = 0.35
"""Longest that a healthy PostgreSQL or Redis takes to let us in and to answer."""

_APART_S = 0.1
_WAIT_S = 2.0
_METRICS_AFTER_S = 0.2
_WAITED = ("couldn't get a connection", "no answer within")
"""What the API says where it waited in vain, and was not refused."""

_WAITING = re.compile(r'^db_pool_connections\{state="waiting"\} ([\d.]+)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Times:
    """How long each takes that a request needs; None where it does not answer at all.

    Attributes:
        ready: The answer of `/readyz`, which asks PostgreSQL and Redis.
        live: The answer of `/livez`, which asks nobody.
        database_s: A new session of the platform's role with one query.
        store_s: A new connection to Redis with one question.
        waiting: Requests that wait for a connection of the API's pool, while one is under way.
        why: What the API says that it lacks, where it is not ready.
    """

    ready: web.Reply
    live: web.Reply
    database_s: float | None
    store_s: float | None
    waiting: float = 0.0
    why: str = ""

    @property
    def late(self) -> bool:
        """Whether users notice."""
        ours = max(self.ready.took_s, self.live.took_s) >= SLOW_S
        return ours or _late(self.database_s) or _late(self.store_s)

    @property
    def where(self) -> str:
        """What is slow: a value of `api.slow`."""
        if _late(self.database_s):
            return "postgresql"
        if _late(self.store_s):
            return "redis"
        # What does not answer or refuses is not slow, and other lines say so.
        if None in (self.database_s, self.store_s) or not self.late:
            return "no"
        if self.why and not any(each in self.why for each in _WAITED):
            return "no"
        return "pool" if self.waiting > 0 and self.live.took_s < SLOW_S else "itself"


def measure(known: settings.Settings) -> Times:
    """Measures all of it at the same time."""
    with ThreadPoolExecutor(4) as pool:
        database = pool.submit(_typical, lambda: _database(known))
        store = pool.submit(_typical, lambda: _store(known))
        ready = web.get(f"{settings.API}/readyz")
        # A process that is stopped again and again may be quick just after an answer, and then not.
        time.sleep(_APART_S)
        live = web.get(f"{settings.API}/livez")
        waiting, why = 0.0, ""
        refused = ready.answered and ready.status != HTTPStatus.OK
        if refused or (ready.answered and ready.took_s >= SLOW_S and live.took_s < SLOW_S):
            # It asks PostgreSQL, so that somebody waits if there is a queue.
            asked = pool.submit(_why)
            time.sleep(_METRICS_AFTER_S)
            waiting = _waiting()
            why = asked.result() if refused else ""
        return Times(ready, live, database.result(), store.result(), waiting, why)


def _why() -> str:
    """What the API says is wrong with the first of what it needs; empty if nothing is."""
    try:
        details = parsed(Api().ask("GET", "/health/detailed"))["details"].values()
        said = next((clean(str(each["error"])) for each in details if each.get("error")), "")
        service, _, cause = said.partition(": ")
        # libpq puts the address before the reason.
        return f"{service}: {cause.rpartition('failed: ')[2]}" if cause else said
    except (RefusedError, KeyError, TypeError, AttributeError):
        return ""  # no key on this host, or no such answer


def _late(took_s: float | None) -> bool:
    return took_s is not None and took_s >= LATE_S


def _typical(ask: Callable[[], None]) -> float | None:
    """Seconds that something takes: one that is late once may have met a busy moment."""
    took: list[float] = []
    try:
        while len(took) < 2 or (len(took) < 3 and max(took) >= LATE_S):
            if took:
                time.sleep(_APART_S)
            began = time.perf_counter()
            ask()
            took.append(time.perf_counter() - began)
    except ServiceError:
        return None
    return statistics.median(took)


def _database(known: settings.Settings) -> None:
    with postgres.Server(known.database) as server:
        server.value("SELECT count(*) FROM organizations")


def _store(known: settings.Settings) -> None:
    redisdb.Store.at(known.redis).ask("PING")


def _waiting() -> float:
    found = _WAITING.search(web.get(f"{settings.API}/metrics", wait_s=_WAIT_S).text)
    return float(found[1]) if found else 0.0
