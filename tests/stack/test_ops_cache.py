"""What is said of a Redis that answers, and is not ready."""

from __future__ import annotations

import pytest

from smartbeak_ops import redisdb, settings
from smartbeak_ops.looks import cache
from smartbeak_ops.looks.seen import Seen
from tests.stack.guards.fakes import KNOWN, FakeStore, store

LOADING = {"loading": 1, "loading_loaded_perc": 26.99, "loading_eta_seconds": 2, "role": "master"}


def test_a_redis_that_loads_is_no_master(monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch, {("INFO", "all"): LOADING})
    redis = cache.looks(KNOWN)[0]
    seen = Seen()
    redis.see(seen)
    assert seen.lines == ["redis: LOADING Redis is loading the dataset in memory, 27 %, 2 s to go"]
    assert seen.facts == {"redis.address": "known", "redis": "starting"}


def test_nor_is_the_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "known", {"redis-2": True}.__getitem__)
    other = FakeStore({("INFO", "all"): LOADING})
    monkeypatch.setattr(redisdb, "Store", {"redis-2": other}.__getitem__)
    peer = cache.looks(KNOWN)[1]
    seen = Seen()
    peer.see(seen)
    assert seen.lines == ["redis-2: LOADING, 27 %, 2 s to go"]
    assert seen.facts == {"peer": "starting"}
