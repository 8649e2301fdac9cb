"""A resolver that knows the stack's names and no others, and remembers who was asked for.

Twenty-five lines of the DNS format (RFC 1035) instead of a library: it runs in
a sandbox before anything else is there, where every import costs.

On the compose backend the engine's own resolver knows the stack's names. What it does
not know it asks for at 127.0.0.1 of the container, where `python3 resolver.py` says
that there is no such name: without an answer each lookup would end in a time-out.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
from collections.abc import Mapping

_A, _AAAA = 1, 28
_NO_SUCH_NAME = 3


def reply(query: bytes, addresses: Mapping[str, str]) -> tuple[str, bytes]:
    """The name that a query asks for, and the answer to it.

    Args:
        query: One DNS message with one question.
        addresses: IPv4 address by lower-case name.
    """
    labels, at = [], 12
    while (length := query[at]) != 0:
        labels.append(query[at + 1 : at + 1 + length])
        at += 1 + length
    name = b".".join(labels).decode("ascii", "replace").lower()
    question = query[12 : at + 5]
    kind = struct.unpack("!H", query[at + 1 : at + 3])[0]
    address = addresses.get(name)
    answers = b""
    if address and kind == _A:
        # 0xC00C points back at the name in the question; 0 s to live, since a fault may move it.
        answers = struct.pack("!HHHIH4s", 0xC00C, _A, 1, 0, 4, socket.inet_aton(address))
    code = 0 if address else _NO_SUCH_NAME
    header = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, bool(answers), 0, 0)
    return name, header + question + answers


def serve(addresses: Mapping[str, str], control: int) -> None:
    """Answers on 127.0.0.1:53 until the control side closes.

    Args:
        addresses: IPv4 address by name.
        control: Connected stream socket; a line asks for the names looked up so
            far and gets them as a JSON list.
    """
    asked: set[str] = set()
    with _listening() as server, socket.socket(fileno=control) as line:
        line.send(b"ready\n")
        while True:
            ready, _, _ = select.select([server, line], [], [])
            if line in ready:
                if not line.recv(64):
                    os._exit(0)
                line.sendall(json.dumps(sorted(asked)).encode() + b"\n")
            if server in ready and (name := _answer(server, addresses)):
                asked.add(name)


def main() -> None:
    """Answers on 127.0.0.1:53, until it is killed, that no name is known."""
    with _listening() as server:
        while True:
            _answer(server, {})


def _listening() -> socket.socket:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    return server


def _answer(server: socket.socket, addresses: Mapping[str, str]) -> str:
    """Answers the next query; the name it asks for, empty when it is not a query."""
    query, client = server.recvfrom(4096)
    try:
        name, answer = reply(query, addresses)
    except (IndexError, struct.error):
        return ""
    server.sendto(answer, client)
    return name


if __name__ == "__main__":
    main()
