"""A network link that can be cut or delayed: a TCP proxy with a control socket.

The kernel may lack netem, and a packet filter needs rights that a host does not
have; so a link that a drill disturbs (replication, kept apart from the clients)
has a name and an address of its own, and this proxy behind it. It behaves as a
bad network does: a cut closes nothing. What was connected stalls, what connects
anew waits, and all of it goes on when the link is opened again.

One difference from a packet filter remains: the kernel completes the handshake of
a connection made while the link is cut, so the client hangs one step later.

Standard library only, and no asyncio: its import costs more than a sandbox may.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast, get_args

from drillbook.errors import HarnessError
from drillbook.inside.flow import Flow

Mode = Literal["open", "cut", "delay"]

CONTROL = "/run/link.sock"
"""Where a link's control socket is unless it is told otherwise."""

_HELD_OPEN = 65_536
"""Bytes kept for a slow receiver; beyond it the sender has to wait."""

_HELD_DELAY = 64 * 1024 * 1024
"""Bytes that may be on their way: delay times throughput, so that only time is added."""

_CONTROL_TIMEOUT_S = 30.0


class _Connection:
    """A client, its counterpart behind the link, and the two flows between them."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.upstream: socket.socket | None = None
        self.addresses: list[Any] = []
        self.flows: tuple[Flow, ...] = ()

    def close(self, *, reset: bool) -> None:
        for end in (self.client, self.upstream):
            if end is not None:
                if reset:
                    with contextlib.suppress(OSError):
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.close()


class Link:
    """The proxy: one thread, one selector, one mode for all connections.

    Args:
        listen: Host and port to accept on.
        to: Host and port behind the link; the name is looked up at each connect.
        control: Path of the Unix socket that takes the mode.
    """

    def __init__(self, listen: tuple[str, int], to: tuple[str, int], control: str) -> None:
        self.mode: Mode = "open"
        self.delay_s = 0.0
        self._to = to
        self._control_path = control
        self._connections: list[_Connection] = []
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(listen, backlog=128)
        self.port: int = self._listener.getsockname()[1]
        with contextlib.suppress(FileNotFoundError):
            os.unlink(control)
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._control.bind(control)
        self._control.listen(8)
        for server, handler in ((self._listener, self._accept), (self._control, self._command)):
            server.setblocking(False)
            self._selector.register(server, selectors.EVENT_READ, handler)

    def serve(self, stop: socket.socket) -> None:
        """Passes bytes on until something can be read from `stop`."""
        self._selector.register(stop, selectors.EVENT_READ, None)
        while True:
            for key, events in self._selector.select(self._next_due()):
                handler = cast("Callable[[int], None] | None", key.data)
                if handler is None:
                    return
                handler(events)
            self._move()

    def close(self) -> None:
        """Ends all connections and takes the control socket away."""
        for connection in self._connections:
            connection.close(reset=True)
        self._listener.close()
        self._control.close()
        self._selector.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._control_path)

    def _accept(self, _events: int) -> None:
        client, _ = self._listener.accept()
        _prepare(client)
        self._connections.append(_Connection(client))

    def _command(self, _events: int) -> None:
        channel, _ = self._control.accept()
        with channel, contextlib.suppress(OSError):
            channel.settimeout(_CONTROL_TIMEOUT_S)
            with channel.makefile("rwb") as stream:
                stream.write(json.dumps(self._answer(stream.readline())).encode() + b"\n")

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            mode = request.get("mode", self.mode)
            delay_s = float(request.get("delay_s", 0.0))
            if mode not in get_args(Mode):
                raise ValueError(f"a link has no mode {mode!r}")
            if not 0 <= delay_s < float("inf") or (mode == "delay" and not delay_s):
                raise ValueError(f"{delay_s} s is no delay")
        except (ValueError, TypeError, AttributeError) as error:
            return {"ok": False, "message": str(error)}
        if "mode" in request:
            self.mode, self.delay_s = mode, delay_s if mode == "delay" else 0.0
        count = len(self._connections)
        return {"ok": True, "mode": self.mode, "delay_s": self.delay_s, "connections": count}

    def _next_due(self) -> float | None:
        """Seconds until the next delayed bytes arrive; None to wait for events alone."""
        if self.mode == "cut":
            return None
        now = time.monotonic()
        due = [
            flow.under_way[0][0] + self.delay_s - now
            for connection in self._connections
            for flow in connection.flows
            if flow.under_way and not flow.blocked
        ]
        return max(min(due), 0.0) if due else None

    def _move(self) -> None:
        """Brings every connection as far as it can go and listens for what comes next."""
        for connection in tuple(self._connections):
            if self.mode != "cut":
                self._advance(connection)
            if connection in self._connections:
                self._listen(connection)

    def _advance(self, connection: _Connection) -> None:
        if connection.upstream is None:
            self._connect(connection)
        now = time.monotonic()
        for flow in connection.flows:
            if not flow.done:
                flow.pass_on(now, self.delay_s)
        broken = any(flow.done and flow.reset for flow in connection.flows)
        if broken or (connection.flows and all(flow.done for flow in connection.flows)):
            self._drop(connection, reset=broken)

    def _connect(self, connection: _Connection) -> None:
        host, port = self._to
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            self._say(f"{host}: {error}")
            self._drop(connection, reset=True)
            return
        connection.addresses = [(family, address) for family, _, _, _, address in found]
        self._try_next_address(connection)

    def _try_next_address(self, connection: _Connection) -> None:
        while connection.addresses:
            family, address = connection.addresses.pop(0)
            upstream = socket.socket(family, socket.SOCK_STREAM)
            _prepare(upstream)
            status = upstream.connect_ex(address)
            if status in (0, errno.EINPROGRESS):
                connection.upstream = upstream
                self._selector.register(
                    upstream, selectors.EVENT_WRITE, lambda _events: self._connected(connection)
                )
                return
            upstream.close()
            self._say(f"{address[0]}:{address[1]}: {os.strerror(status)}")
        self._drop(connection, reset=True)

    def _connected(self, connection: _Connection) -> None:
        upstream = connection.upstream
        if upstream is None or connection.flows:
            return
        status = upstream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._selector.unregister(upstream)
        if status:
            self._say(f"{self._to[0]}:{self._to[1]}: {os.strerror(status)}")
            upstream.close()
            connection.upstream = None
            self._try_next_address(connection)
            return
        client = connection.client
        connection.flows = (Flow(client, upstream), Flow(upstream, client))

    def _listen(self, connection: _Connection) -> None:
        """Asks the selector for exactly what can be used now; nothing while cut."""
        limit = _HELD_DELAY if self.mode == "delay" else _HELD_OPEN
        for flow, back in zip(connection.flows, reversed(connection.flows), strict=True):
            wanted = 0
            if self.mode != "cut":
                if not flow.ended and flow.held < limit:
                    wanted |= selectors.EVENT_READ
                if back.blocked:
                    wanted |= selectors.EVENT_WRITE
            self._want(flow.source, wanted, flow)

    def _want(self, end: socket.socket, wanted: int, flow: Flow) -> None:
        known = self._selector.get_map().get(end)
        if known is not None and known.events != wanted:
            self._selector.unregister(end)
        if wanted and (known is None or known.events != wanted):

            def handler(events: int) -> None:
                if events & selectors.EVENT_READ and not flow.ended:
                    flow.take(time.monotonic())

            self._selector.register(end, wanted, handler)

    def _drop(self, connection: _Connection, *, reset: bool) -> None:
        self._connections.remove(connection)
        for end in (connection.client, connection.upstream):
            if end is not None and end in self._selector.get_map():
                self._selector.unregister(end)
        connection.close(reset=reset)

    def _say(self, text: str) -> None:
        print(f"link: {text}", file=sys.stderr, flush=True)


def control(path: str, mode: str | None = None, delay_s: float = 0.0) -> dict[str, Any]:
    """Sets the mode of a link, or asks for it.

    Args:
        path: The link's control socket.
        mode: `open`, `cut` or `delay`; None changes nothing.
        delay_s: Seconds each byte takes longer in mode `delay`.

    Returns:
        `mode`, `delay_s` and the number of `connections`.

    Raises:
        HarnessError: `link-silent` when nothing answers at `path`, `link-refused`
            when the link does not take the mode.
    """
    request = {} if mode is None else {"mode": mode, "delay_s": delay_s}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(_CONTROL_TIMEOUT_S)
            channel.connect(path)
            channel.sendall(json.dumps(request).encode() + b"\n")
            with channel.makefile("rb") as stream:
                answer: dict[str, Any] = json.loads(stream.readline())
    except (OSError, ValueError) as error:
        raise HarnessError("link-silent", f"no link answers at {path}: {error}") from error
    if not answer.pop("ok"):
        raise HarnessError("link-refused", answer["message"])
    return answer


def main(argv: Sequence[str] | None = None) -> int:
    """Serves one link until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="drillbook.inside.links", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--listen", required=True, type=_endpoint, metavar="HOST:PORT")
    parser.add_argument("--to", required=True, type=_endpoint, metavar="HOST:PORT")
    parser.add_argument("--control", default=CONTROL, metavar="PATH")
    options = parser.parse_args(argv)
    wake, wake_end = socket.socketpair()
    for end in (wake, wake_end):
        end.setblocking(False)
    signal.set_wakeup_fd(wake_end.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    # Whoever forked us may have set it back: a peer that is gone must not end the link.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        link = Link(options.listen, options.to, options.control)
    except OSError as error:
        print(f"link: cannot listen: {error}", file=sys.stderr)
        return 1
    (host, _), (to, port) = options.listen, options.to
    print(f"link: {host}:{link.port} leads to {to}:{port}", flush=True)
    try:
        link.serve(wake)
    finally:
        link.close()
        signal.set_wakeup_fd(-1)
    return 0


def _endpoint(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def _prepare(end: socket.socket) -> None:
    end.setblocking(False)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


if __name__ == "__main__":
    sys.exit(main())
