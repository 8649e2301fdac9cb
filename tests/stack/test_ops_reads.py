"""What looks changes nothing, whatever is broken: no look has a word that could.

`test_ops_looking.py` compares a stack before and after each command. A fault may take a look on
another way through the code, so here every way is read: each word to Redis and each method of a
request is one that reads, and no look asks PostgreSQL for a session that may write.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import smartbeak_ops
from smartbeak_ops import postgres
from tests.stack.guards import fakes

FOLDER = Path(smartbeak_ops.__file__).parent
FILES = [*sorted((FOLDER / "looks").glob("*.py")), FOLDER / "reading.py", FOLDER / "evidence.py"]

READS = {
    *("ACL", "CLIENT", "CONFIG", "EXISTS", "GET", "HEXISTS", "HGET", "HGETALL", "HMGET", "INFO"),
    *("LLEN", "LRANGE", "MEMORY", "PING", "PTTL", "ROLE", "SCAN", "SENTINEL", "SLOWLOG", "TYPE"),
    *("ZCARD", "ZCOUNT", "ZRANGE"),
}
"""Commands without the flag `write` in `COMMAND INFO` of Redis 7, and GET of HTTP."""

PARTS = {
    "ACL": {"WHOAMI", "GETUSER"},
    "CLIENT": {"LIST"},
    "CONFIG": {"GET"},
    "MEMORY": {"STATS"},
    "SENTINEL": {"get-master-addr-by-name", "CKQUORUM", "MASTER", "REPLICAS"},
    "SLOWLOG": {"GET"},
}
"""Of those that can change something, the second words that do not."""

_ASKS = {"ask", "together", "_asked"}


def asked(tree: ast.AST) -> Iterator[tuple[int, list[ast.expr]]]:
    """The words of each question, with its line; a tuple may become one."""
    returned = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Return)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if name in _ASKS:
                yield node.lineno, [each for each in node.args if not isinstance(each, ast.Name)]
        elif isinstance(node, ast.Tuple) and id(node) not in returned:
            yield node.lineno, node.elts


def _texts(node: ast.expr) -> list[str]:
    """A constant's text; of a choice, both."""
    sides = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    return [
        each.value
        for each in sides
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]


def changes(text: str) -> list[str]:
    """What of a module's questions could change something, with its line."""
    found = []
    for line, words in asked(ast.parse(text)):
        seconds = _texts(words[1]) if len(words) > 1 else []
        for first in _texts(words[0]) if words else []:
            if not first.isupper() or not first.isalpha():
                continue
            if first not in READS:
                found.append(f"{line}: {first}")
            elif first in PARTS and not set(seconds) & PARTS[first]:
                found.append(f"{line}: {' '.join([first, *seconds])}")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_look_has_a_word_that_changes_something(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert changes(text) == []
    assert "write=True" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("store.ask('DEL', key)", ["1: DEL"]),
        ("store.together(('GET', a), ('HSET', b, 'x'))", ["1: HSET"]),
        ("commands = [('LLEN' if a else 'ZREM', key)]", ["1: ZREM"]),
        ("store.ask('CONFIG', 'SET', 'maxclients', 1)", ["1: CONFIG SET"]),
        ("Api().ask('POST', '/v1/content')", ["1: POST"]),
        ("_asked(store, 'CLIENT', 'KILL')", ["1: CLIENT KILL"]),
        ("store.ask('CONFIG', 'GET', 'maxclients')", []),
    ],
)
def test_a_word_that_changes_something_is_seen(text: str, said: list[str]) -> None:
    assert changes(text) == said


def test_a_session_may_write_only_where_it_is_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    class Session:
        def execute(self, query: str) -> None:
            told.append(query)

    monkeypatch.setattr("psycopg.connect", lambda *_, **__: Session())
    postgres.Server(fakes.KNOWN.database)
    assert told == ["SET default_transaction_read_only = on"]
    postgres.Server(fakes.KNOWN.database, write=True)
    assert told == ["SET default_transaction_read_only = on"]
