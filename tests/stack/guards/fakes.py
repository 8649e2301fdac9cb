"""Stand-ins that answer the questions of guards, and how a guard's words are heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from smartbeak_ops import postgres, reading, redisdb, settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.looks import host
from smartbeak_ops.looks import publishing_sql as psql
from smartbeak_ops.refusal import RefusedError, UnknownError

MP = pytest.MonkeyPatch
KNOWN = settings.Settings(
    {
        "CONTROL_PLANE_DB": "postgres://smartbeak:secret@db-1:5432/smartbeak",
        "REDIS_URL": "redis://redis-1:6379/0",
    }
)


class Fake:
    """A server that answers each question with the rows it was given."""

    def __init__(self, answers: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, list[Any]]] = []

    def __enter__(self) -> Fake:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        self.asked.append((query, list(values)))
        assert query.count("%s") == len(values)
        assert None not in values
        return [dict(row) for row in self.answers[query]]

    def one(self, query: str, values: Sequence[Any] = ()) -> dict[str, Any]:
        return self.rows(query, values)[0]

    def value(self, query: str, values: Sequence[Any] = ()) -> Any:
        return next(iter(self.one(query, values).values()))


def refused(call: Callable[..., object], *given: object) -> str:
    """Why a guard refuses."""
    with pytest.raises(RefusedError) as error:
        call(*given)
    return error.value.reason


def unknown(call: Callable[..., object], *given: object) -> str:
    """What a guard could not find out."""
    with pytest.raises(UnknownError) as error:
        call(*given)
    return error.value.reason


def serve(monkeypatch: MP, name: str, hosts: Mapping[str, Fake | ServiceError]) -> None:
    """Has a function of `postgres` answer by host."""

    def connect(where: str = "here") -> Fake:
        found = hosts[where]
        if isinstance(found, ServiceError):
            raise found
        return found

    monkeypatch.setattr(postgres, name, connect)


def roles(monkeypatch: MP, name: str, found: Mapping[str, str]) -> None:
    """Has a question of `reading` be answered by host."""
    monkeypatch.setattr(reading, name, lambda where: found[where])


def runs(monkeypatch: MP, name: str) -> None:
    monkeypatch.setattr(host, "running", lambda asked: [1] if asked == name else [])


class FakeStore:
    """A Redis that answers each command with what it was given."""

    def __init__(self, answers: Mapping[tuple[object, ...], object]) -> None:
        self.answers = answers

    def ask(self, *command: object) -> object:
        found = self.answers[command]
        if isinstance(found, Exception):
            raise found
        return found

    def info(self) -> dict[str, Any]:
        found = self.ask("INFO", "all")
        assert isinstance(found, dict)
        return found


def store(monkeypatch: MP, answers: Mapping[tuple[object, ...], object]) -> None:
    def at(address: str) -> FakeStore:
        assert address == KNOWN.redis
        return FakeStore(answers)

    monkeypatch.setattr(redisdb.Store, "at", staticmethod(at))


def platform(monkeypatch: MP, answers: Mapping[str, Any] | ServiceError) -> None:
    def connect(address: str) -> Fake:
        assert address == KNOWN.database
        if isinstance(answers, ServiceError):
            raise answers
        return Fake(answers)

    monkeypatch.setattr(postgres, "Server", connect)


def targets(monkeypatch: MP, *rows: dict[str, Any], reasons: Sequence[str] = ()) -> None:
    found = [{"kind": each} for each in reasons]
    platform(monkeypatch, {psql.TARGETS: rows, psql.REASONS: found})
