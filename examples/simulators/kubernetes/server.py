"""The HTTPS server in front of the API: a thread for each connection."""

from __future__ import annotations

import contextlib
import hmac
import json
import socketserver
import ssl
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from simulators.connection import Connection
from simulators.folders import Folders
from simulators.kubernetes import entered
from simulators.kubernetes.api import Api, Call, NotSimulated, Reply
from simulators.store import append

_IDLE_S = 400.0
_UNAUTHORIZED = {
    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
    "message": "Unauthorized", "reason": "Unauthorized", "code": 401,
}  # fmt: skip


class Server(ThreadingHTTPServer):
    """Listens for clients of the API.

    Args:
        address: Host and port.
        api: What answers.
        folders: Where its files are.
        token: File with what a client must show; read at each request.
        context: Certificate; plain HTTP without it.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        api: Api,
        folders: Folders,
        token: Path,
        context: ssl.SSLContext | None,
    ) -> None:
        self.api = api
        self.folders = folders
        self.token = token
        self._context = context
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without a look at what the address is called: nobody here asks for that."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serves one connection; runs in its thread."""
        request.settimeout(_IDLE_S)
        if self._context is None:
            super().finish_request(request, client_address)
            return
        with self._context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to speak of."""

    def note_unknown(self, call: Call) -> None:
        """Recorded, because a page that asks for what is not simulated proves nothing."""
        with self._lock:
            self.folders.state.mkdir(parents=True, exist_ok=True)
            with self.folders.unknown.open("a+b", buffering=0) as file:
                append(file, {"method": call.method, "path": call.path})


class _Handler(Connection):
    """One connection."""

    server: Server

    def handle_request(self) -> None:
        """Answers one request."""
        url = urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        call = Call(
            self.command, url.path, dict(urllib.parse.parse_qsl(url.query)),
            self.headers.get("accept", ""), self.headers.get("content-type", ""),
            self.rfile.read(length),
        )  # fmt: skip
        if url.path == "/healthz":
            reply = self._health()
        elif url.path == "/_drillbook/rollouts":
            reply = Reply(200, self.server.api.rollouts())
        else:
            reply = self._reply(call)
        print(f"{self.command} {self.path} {reply.status}", flush=True)
        if reply.status == 101:
            self._enter(reply.content)
        elif reply.lines is not None:
            self._stream(
                reply.lines, "text/plain" if url.path.endswith("/log") else "application/json"
            )
        elif reply.text is not None:
            self._send(reply.status, "text/plain", reply.text.encode())
        else:
            body = json.dumps(reply.content).encode()
            self._send(reply.status, "application/json", body, reply.warnings)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests have their own line."""

    def _reply(self, call: Call) -> Reply:
        try:
            wanted = f"Bearer {self.server.token.read_text().strip()}"
        except OSError:
            wanted = ""
        sent = self.headers.get("authorization", "")
        if not wanted or not hmac.compare_digest(wanted.encode(), sent.encode()):
            return Reply(401, _UNAUTHORIZED)
        try:
            reply = self.server.api.answer(call)
            return self._entering(reply, call) if reply.status == 101 else reply
        except NotSimulated:
            self.server.note_unknown(call)
            message = f"{call.method} {call.path} is not simulated"
            said = {**_UNAUTHORIZED, "message": message, "reason": "NotImplemented", "code": 501}
            return Reply(501, said)

    def _entering(self, reply: Reply, call: Call) -> Reply:
        """The answer with the environment for a command in a pod.

        Raises:
            NotSimulated: The older way (SPDY).
        """
        pod = reply.content
        (status,) = pod["status"]["containerStatuses"]
        if "running" in status["state"]:
            if self.headers.get("upgrade", "").lower() != "websocket":
                raise NotSimulated
            with contextlib.suppress(OSError):  # it ended since
                return Reply(101, entered.environment(pod["status"]["simulatedPid"]))
        message = f'container not found ("{status["name"]}")'
        said = {**_UNAUTHORIZED, "message": message, "reason": "BadRequest", "code": 400}
        return Reply(400, said)

    def _enter(self, variables: dict[str, str]) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        self.close_connection = True
        asked = entered.Asked(
            self.path, tuple(self.headers.items()), tuple(query["command"]),
            stdin="true" in query.get("stdin", ()), tty="true" in query.get("tty", ()),
        )  # fmt: skip
        entered.serve(self.connection, asked, variables)

    def _health(self) -> Reply:
        """Whether every Deployment serves; for the stack, and so without a token."""
        late = self.server.api.late()
        return Reply(503 if late else 200, text=f"{late} does not serve\n" if late else "ok\n")

    def _send(self, status: int, kind: str, body: bytes, warnings: tuple[str, ...] = ()) -> None:
        self.send_response(status)
        for each in warnings:
            said = each.replace('"', '\\"')
            self.send_header("Warning", f'299 - "{said}"')
        self.send_header("Content-Type", kind)
        self.end(body)

    def _stream(self, lines: Iterator[str], kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            if line:
                data = line.encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")
