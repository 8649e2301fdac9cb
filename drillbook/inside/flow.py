"""One direction of a connection through a link."""

from __future__ import annotations

import socket
from collections import deque

_CHUNK = 65_536


class Flow:
    """Bytes from one socket to another, in order and not before they are due.

    Args:
        source: Where bytes are read; not blocking.
        target: Where they are written; not blocking.
    """

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.under_way: deque[tuple[float, bytes]] = deque()
        """Time of arrival and bytes; no bytes stand for the end of the stream."""
        self.held = 0
        """Bytes read and not yet written."""
        self.ended = False
        """Whether there is nothing more to read."""
        self.reset = False
        """Whether the source broke off instead of ending."""
        self.blocked = False
        """Whether bytes are due and the target does not take them."""
        self.done = False
        """Whether the end was passed on, or nobody is there to take it."""

    def take(self, now: float) -> None:
        """Reads what the source has to say."""
        try:
            data = self.source.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data, self.reset = b"", True
        self.ended = not data
        self.held += len(data)
        self.under_way.append((now, data))

    def pass_on(self, now: float, delay_s: float) -> None:
        """Hands over what is due, in order."""
        self.blocked = False
        while self.under_way and self.under_way[0][0] + delay_s <= now:
            arrived, data = self.under_way.popleft()
            try:
                if not data:
                    self.done = True
                    if not self.reset:
                        self.target.shutdown(socket.SHUT_WR)
                    return
                sent = self.target.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                # The receiver is gone. Its own direction says so to the source.
                self.done = self.ended = True
                self.under_way.clear()
                return
            self.held -= sent
            if sent < len(data):
                self.under_way.appendleft((arrived, data[sent:]))
                self.blocked = True
                return
