"""The resolver's answers, byte by byte as far as they matter."""

from __future__ import annotations

import struct

from drillbook.inside.resolver import reply

A, AAAA = 1, 28
ADDRESSES = {"db-1": "127.0.3.1", "db-1.repl": "127.0.5.1"}


def query(name: str, kind: int = A) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, kind, 1)


def code_and_answers(answer: bytes) -> tuple[int, int]:
    number, flags, _, answers, _, _ = struct.unpack("!HHHHHH", answer[:12])
    assert number == 7
    return flags & 0xF, answers


def test_a_name_of_the_stack_has_its_address() -> None:
    name, answer = reply(query("DB-1.repl"), ADDRESSES)
    assert name == "db-1.repl"
    assert code_and_answers(answer) == (0, 1)
    assert answer[-4:] == bytes([127, 0, 5, 1])


def test_another_kind_of_address_is_none_but_the_name_exists() -> None:
    assert code_and_answers(reply(query("db-1", AAAA), ADDRESSES)[1]) == (0, 0)


def test_any_other_name_does_not_exist() -> None:
    name, answer = reply(query("api.stripe.com"), ADDRESSES)
    assert name == "api.stripe.com"
    assert code_and_answers(answer) == (3, 0)
