"""One connection of a client to a simulator, whatever answers it."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler


class Connection(BaseHTTPRequestHandler, ABC):
    """Speaks HTTP/1.1, says that it is simulated, and gives every method to one function."""

    protocol_version = "HTTP/1.1"
    server_version = "simulator/1.0"
    sys_version = "(simulated)"

    def setup(self) -> None:
        """Without Nagle's delay: an answer is two small packets."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @abstractmethod
    def handle_request(self) -> None:
        """Answers one request."""

    def _method(self) -> None:
        self.handle_request()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _method

    def end(self, body: bytes) -> None:
        """Ends the headers and sends the body, which a HEAD only measures.

        Args:
            body: All of it.
        """
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
