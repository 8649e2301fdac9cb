"""The runner's side of a host: requests to its agent over two descriptors."""

from __future__ import annotations

import json
import os
import select
import threading
import time
from collections.abc import Sequence
from typing import Any

from drillbook.errors import HarnessError
from drillbook.sandboxes.sandbox import Reply

_TIMED = frozenset({"exec", "shell", "python", "read", "finish"})
"""Operations that keep to a time limit themselves and get it with the request."""

_GRACE_S = 60.0
"""How much longer than its limit an operation may take to say that it ran out of time."""


class AgentHost:
    """One host of a sandbox (see `drillbook.sandboxes.sandbox.Host`).

    Args:
        name: The host's name.
        incoming: Descriptor on which the agent's answers arrive; owned from now on.
        outgoing: Descriptor for requests, may be the same; owned from now on.
    """

    def __init__(self, name: str, incoming: int, outgoing: int) -> None:
        self.name = name
        self._incoming = incoming
        self._outgoing = outgoing
        self._buffer = b""
        self._number = 0
        # An agent answers one request at a time; services are awaited side by side.
        self._lock = threading.Lock()

    def request(self, op: str, *, timeout_s: float, **fields: Any) -> Reply:
        """Sends a request, returns the answer; see `drillbook.inside.agent` for the shapes."""
        with self._lock:
            return self._request(op, timeout_s, fields)

    def _request(self, op: str, timeout_s: float, fields: dict[str, Any]) -> Reply:
        self._number += 1
        message = {"id": self._number, "op": op, **fields}
        if op in _TIMED:
            message["timeout_s"] = timeout_s
        deadline = time.monotonic() + timeout_s + _GRACE_S
        try:
            _write_all(self._outgoing, json.dumps(message).encode() + b"\n")
            line = self._line(deadline)
        except OSError as error:
            raise HarnessError(
                "host-gone", f"the agent on {self.name} is no longer there: {error}"
            ) from error
        if line is None:
            raise HarnessError(
                "host-silent", f"{op} on {self.name}: no answer within {timeout_s:g} s"
            )
        reply: Reply = json.loads(line)
        if not reply["ok"]:
            raise HarnessError(reply["code"], reply["message"])
        return reply

    def execute(self, argv: Sequence[str], *, timeout_s: float) -> Reply:
        """Runs a program on the host: status, stdout, stderr, timed_out, duration_s."""
        return self.request("exec", timeout_s=timeout_s, argv=list(argv))

    def close(self) -> None:
        """Closes our ends; the agent then ends."""
        for number in {self._incoming, self._outgoing}:
            os.close(number)

    def _line(self, deadline: float) -> bytes | None:
        while b"\n" not in self._buffer:
            ready, _, _ = select.select(
                [self._incoming], [], [], max(0.0, deadline - time.monotonic())
            )
            if not ready:
                return None
            chunk = os.read(self._incoming, 1 << 20)
            if not chunk:
                raise ConnectionError("it closed its end")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line


def _write_all(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]
