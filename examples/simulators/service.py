"""The HTTPS server in front of a simulator: a process for each connection."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socketserver
import ssl
import sys
import time
import urllib.parse
from collections import Counter
from typing import Any

from simulators import hooks
from simulators.connection import Connection
from simulators.folders import Folders
from simulators.messages import Answer, Request, Simulator
from simulators.store import Store, append

_LARGEST_BODY = 10 * 1024 * 1024
_IDLE_S = 30.0
_CONNECTIONS = 200
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Service(socketserver.ForkingMixIn, socketserver.TCPServer):
    """Listens, and gives each connection a process of its own.

    Args:
        address: Host and port.
        simulator: What answers.
        folders: Where its files are.
        context: Certificate; plain HTTP without it.
    """

    allow_reuse_address = True
    request_queue_size = 128
    max_children = _CONNECTIONS
    block_on_close = False

    def __init__(
        self,
        address: tuple[str, int],
        simulator: Simulator,
        folders: Folders,
        context: ssl.SSLContext | None,
    ) -> None:
        self.simulator = simulator
        self.folders = folders
        self._context = context
        self._parent = os.getpid()
        super().__init__(address, Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serves one connection; runs in its process."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # A listener that is killed takes its connections along, as a machine would.
        end_with_parent()
        if os.getppid() != self._parent:
            return
        self.socket.close()
        request.settimeout(_IDLE_S)
        if self._context:
            request = self._context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or does not trust us is a line in the log, no more."""
        self.log(f"{client_address[0]} {type(sys.exc_info()[1]).__name__}: {sys.exc_info()[1]}")

    def log(self, words: str) -> None:
        """Appends a line to the log; without a log it is said on standard error."""
        now = time.time()
        stamp = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
        )
        try:
            with self.folders.log.open("a") as file:
                file.write(f"{stamp} {words}\n")
        except OSError:
            print(stamp, words, file=sys.stderr, flush=True)


class Handler(Connection):
    """One connection."""

    server: Service

    def handle_request(self) -> None:
        """Answers one request, saved posts' plugins included."""
        began = time.monotonic()
        try:
            request = self._read()
        except ValueError as error:
            self.close_connection = True
            self._send(Answer(400, {"message": str(error), "status": 400}))
            return
        answer = self._answer(request)
        failure = ""
        if answer.saved:
            failure = hooks.failed(self.server.folders.plugins, answer.saved)
        key = f" {answer.saved.key}" if answer.saved else ""
        if failure:
            answer = self.server.simulator.broken(request)
        took = (time.monotonic() - began) * 1000
        self.server.log(
            f"{self.client_address[0]} {request.site} {self.requestline!r} {answer.status}"
            f" {took:.0f}ms{key}" + (f" plugin {failure}" if failure else "")
        )
        self._send(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests have their own line; what the base class has to say comes here."""
        self.server.log(f"{self.client_address[0]} {format % args}")

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """See `handle_request`."""

    def _read(self) -> Request:
        if "transfer-encoding" in self.headers:
            raise ValueError("a body needs a Content-Length")
        length = self.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            raise ValueError(f"a body of {length} bytes is not taken")
        url = urllib.parse.urlsplit(self.path)
        return Request(
            method=self.command,
            path=url.path,
            query=dict(urllib.parse.parse_qsl(url.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
            raw_query=url.query,
        )

    def _answer(self, request: Request) -> Answer:
        simulator = self.server.simulator
        try:
            if request.path.startswith("/_drillbook/") and request.method == "GET":
                answer = self._of_the_drill(request)
            else:
                answer = simulator.answer(request)
        except (OSError, ValueError) as error:
            self.server.log(f"cannot read or write what it needs: {error}")
            return simulator.unavailable(request)
        return answer or self._unknown(request)

    def _of_the_drill(self, request: Request) -> Answer | None:
        if request.path == "/_drillbook/accepted":
            prefix = request.query.get("prefix", "")
            posts = Store(self.server.folders.accepted).read(json.dumps(prefix)[1:-1])
            counted = Counter(post.key for post in posts if post.key.startswith(prefix))
            return Answer(200, {"accepted": counted})
        if request.path == "/_drillbook/unknown":
            with contextlib.suppress(FileNotFoundError):
                lines = self.server.folders.unknown.read_text().splitlines()
                return Answer(200, {"unknown": [_route(line) for line in lines]})
            return Answer(200, {"unknown": []})
        return None

    def _unknown(self, request: Request) -> Answer:
        """Recorded, because a drill that asks for what is not simulated proves nothing."""
        line = {"method": request.method, "path": request.path, "site": request.site}
        with contextlib.suppress(OSError):
            self.server.folders.state.mkdir(parents=True, exist_ok=True)
            with self.server.folders.unknown.open("a+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                append(file, line)
        words = f"{request.method} {request.path} is not simulated"
        return Answer(501, {"code": "not_simulated", "message": words, "data": {"status": 501}})

    def _send(self, answer: Answer) -> None:
        kind, body = answer.body()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if kind:
            self.send_header("Content-Type", kind)
        self.end(body)


def end_with_parent() -> None:
    """Has this process killed when the one that started it ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _route(line: str) -> str:
    said = json.loads(line)
    return f"{said['method']} {said['path']}"
